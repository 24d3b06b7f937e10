"""Bulk statements on SQLite: the same small statement for each row; there is no round trip to save."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import repeat
from typing import Any
from uuid import UUID

from jobstore.sql.bulk import Statement
from jobstore.sql.columns import Field, Shape
from jobstore.sql.types import instant_text, json_text

NOW = "strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now')"
"""SQLite's present time (to the millisecond) in the form of `instant_text`."""


def _text(value: str) -> str:
    if "\x00" in value:
        raise ValueError("text cannot contain NUL (0x00) characters")  # as PostgreSQL has it
    return value


_ENCODE: dict[str, Callable[[Any], Any]] = {
    "uuid": str,
    "timestamptz": instant_text,
    "json": json_text,
    "text": lambda value: _text(str(value)),
}


def _instants(values: Sequence[datetime | None]) -> list[str | None]:
    """Their texts, as `instant_text` makes them one by one, in half the time: each second is written once."""
    first = next(value for value in values if value is not None)
    base = datetime.fromisoformat(instant_text(first)).replace(microsecond=0)
    seconds: dict[tuple[int, int], str] = {}
    texts: list[str | None] = []
    for value in values:
        if value is None:
            texts.append(None)
            continue
        span = value - base
        second = span.days, span.seconds
        if second not in seconds:
            seconds[second] = instant_text(value)[:20]
        texts.append(f"{seconds[second]}{span.microseconds:06}+00:00")
    return texts


def _encoded(field: Field, items: Sequence[Any]) -> Iterable[Any]:
    values = field.values(items)
    encode = _ENCODE.get(field.kind)
    if encode is None:
        return values
    first = values[0]
    if field.kind != "json" and values[-1] == first and values.count(first) == len(values):
        return repeat(None if first is None else encode(first), len(values))
    if field.kind == "timestamptz":
        return _instants(values)
    return [None if value is None else encode(value) for value in values]


class ManyBulk:
    """`Bulk` on SQLite."""

    def insert(self, shape: Shape, items: Sequence[Any], conflict: str = "") -> Statement:
        names = ", ".join(f'"{field.name}"' for field in shape.fields)
        places = ", ".join("?" for _ in shape.fields)
        rows = list(zip(*(_encoded(field, items) for field in shape.fields), strict=True))
        return Statement(f"INSERT INTO {shape.table} ({names}) VALUES ({places}) {conflict}", rows)

    def update(self, shape: Shape, items: Sequence[Any], unless: str = "") -> Statement:
        keys = [field for field in shape.fields if field.name in shape.key]
        others = [field for field in shape.fields if field.name not in shape.key]
        sets = ", ".join(f'"{field.name}" = ?' for field in others)
        where = [f't."{field.name}" = ?' for field in keys] + ([f'NOT t."{unless}"'] if unless else [])
        rows = list(zip(*(_encoded(field, items) for field in (*others, *keys)), strict=True))
        return Statement(f"UPDATE {shape.table} AS t SET {sets} WHERE {' AND '.join(where)}", rows)

    def delete(self, table: str, column: str, uids: Sequence[UUID], only: str = "") -> Statement:
        more = f" AND {only}" if only else ""
        sql = f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?)){more}"
        return Statement(sql, (_list(uids),))

    def delete_others(
        self, table: str, column: str, uids: Sequence[UUID], keep_column: str, keep: Sequence[UUID]
    ) -> Statement:
        within = f"{column} IN (SELECT value FROM json_each(?))"
        sql = f"DELETE FROM {table} WHERE {within} AND {keep_column} NOT IN (SELECT value FROM json_each(?))"
        return Statement(sql, (_list(uids), _list(keep)))

    def retire(self, uids: Sequence[UUID]) -> Statement:
        which = "job_uid IN (SELECT value FROM json_each(?)) AND retired IS NULL"
        return Statement(f"UPDATE job_revisions SET retired = {NOW} WHERE {which}", (_list(uids),))


def _list(uids: Sequence[UUID]) -> str:
    return json.dumps([str(uid) for uid in uids])
