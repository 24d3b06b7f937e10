"""Rows by the million: copies of one that the product itself has written, made inside the database.

Applying a million jobs takes the better part of an hour, and ten million executions take longer still. What a copy has
of its own is said in SQL, where `n` is its number; everything else is as in the original, whatever columns there are.
"""

from collections.abc import Mapping

from benchmarks.record import Record

ID = "md5({0} || n)::uuid"
"""A uid that is made of a number, and scattered as random ones are."""


def copies(record: Record, table: str, where: str, count: int, own: Mapping[str, str]) -> None:
    """Add `count` copies (n = 0, 1, ...) of the row of `table` that `where` names; `own` is SQL for some columns."""
    question = (
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = ? AND is_generated = 'NEVER'"
    )
    columns = [name for (name,) in record.ask(question, table)]
    values = ", ".join(own.get(name, f'original."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    series = f"generate_series(0, {count - 1}) AS copy(n)"
    record.ask(
        f"INSERT INTO {table} ({names}) SELECT {values}"
        f" FROM (SELECT * FROM {table} WHERE {where}) AS original CROSS JOIN {series}"
    )
