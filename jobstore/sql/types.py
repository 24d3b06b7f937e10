"""Column types that PostgreSQL has, and how SQLite keeps the same values as readable, sortable text."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    LargeBinary,
    Text,
    Uuid,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine


def instant_text(value: datetime) -> str:
    """`2026-11-21 01:43:00.000000+00:00`: always UTC and of one width, so that texts sort as times do.

    Raises `ValueError` for a naive datetime.
    """
    if value.tzinfo is not UTC:
        if value.tzinfo is None:
            raise ValueError(f"{value} has no zone: times are aware UTC")
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")


_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))  # `json.dumps` would make one each time


def json_text(value: Any) -> str:
    """Strict JSON in ASCII. Raises `ValueError` or `TypeError` for what JSON cannot say, such as NaN."""
    return _JSON.encode(value)


class _SqliteInstant(TypeDecorator[datetime]):
    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else instant_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class _SqliteUid(TypeDecorator[UUID]):
    impl = Text
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> UUID | None:
        return None if value is None else UUID(value)


INSTANT = TIMESTAMP(timezone=True).with_variant(_SqliteInstant(), "sqlite")
UID = Uuid().with_variant(_SqliteUid(), "sqlite")
JSON_TEXT = JSON().with_variant(Text(), "sqlite")
"""JSON as text: read by `rows`, so that one unreadable value spoils one row and not the whole answer.
`json`, not `jsonb`: nothing here searches in it, it is cheaper to write, and it takes `\\u0000`."""
NAME = Text().with_variant(Text(collation="C"), "postgresql")
"""Names sort by code point everywhere, whatever the database's locale: pages depend on it."""
BYTES = LargeBinary()


def kind(column: Column[Any]) -> str:
    """The name of a column's type on PostgreSQL, which the bulk writers choose their encoding by."""
    return next(name for type_, name in _KINDS if isinstance(column.type, type_))


# bool before int: the first that fits is taken
_KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (Uuid, "uuid"),
    (TIMESTAMP, "timestamptz"),
    (JSON, "json"),
    (Text, "text"),
    (Boolean, "boolean"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (Float, "double precision"),
    (LargeBinary, "bytea"),
)
