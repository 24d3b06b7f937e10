"""Statements over many rows at once: what the two dialects write differently, behind one protocol."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from jobstore.sql.columns import Shape


@dataclass(frozen=True, slots=True)
class Statement:
    """Driver SQL with its parameters: one tuple, or a list of them that is run for each.

    `rows` is how many it must write; None when it does not matter.
    """

    sql: str
    parameters: tuple[Any, ...] | list[tuple[Any, ...]]
    rows: int | None = None

    def run(self, connection: Connection) -> int:
        """Execute it; the answer is how many rows it wrote."""
        return connection.exec_driver_sql(self.sql, self.parameters).rowcount


@dataclass(frozen=True, slots=True)
class Written:
    """A part of a transaction that is nothing but statements. `refusal` says why one wrote too few rows."""

    statements: tuple[Statement, ...]
    refusal: Callable[[Connection], Exception] | None = None

    def __call__(self, connection: Connection) -> None:
        """Run them. Raises the refusal."""
        for statement in self.statements:
            written = statement.run(connection)
            if self.refusal is not None and written != statement.rows:
                raise self.refusal(connection)


class Bulk(Protocol):
    """Makes statements. Values are encoded here, before a transaction is open.

    Raises `ValueError`, `TypeError` or `OverflowError` for values that cannot be encoded.
    """

    def insert(self, shape: Shape, items: Sequence[Any], conflict: str = "") -> Statement:
        """Insert one row for each item. `conflict` is what follows the values: an ON CONFLICT clause."""
        ...

    def update(self, shape: Shape, items: Sequence[Any], unless: str = "") -> Statement:
        """Update by key one row for each item, but for rows in which the boolean column `unless` is true."""
        ...

    def delete(self, table: str, column: str, uids: Sequence[UUID], only: str = "") -> Statement:
        """Delete the rows whose column is one of the uids, and for which the SQL condition `only` holds."""
        ...

    def delete_others(
        self, table: str, column: str, uids: Sequence[UUID], keep_column: str, keep: Sequence[UUID]
    ) -> Statement:
        """The same, but for the rows whose `keep_column` is one of `keep`."""
        ...

    def retire(self, uids: Sequence[UUID]) -> Statement:
        """Mark the revisions of these jobs as out of use from now on, by the store's clock."""
        ...


def upsert(shape: Shape) -> str:
    """The ON CONFLICT clause that writes the row anew."""
    sets = ", ".join(f'"{f.name}" = excluded."{f.name}"' for f in shape.fields if f.name not in shape.key)
    return f"ON CONFLICT ({', '.join(shape.key)}) DO UPDATE SET {sets}"


IGNORE = "ON CONFLICT DO NOTHING"
