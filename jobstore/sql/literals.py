"""Array literals of PostgreSQL (its docs, 8.15.6), made here because psycopg2 quotes each element by itself.

What all rows have in common is made once, and what is left column by column. Measured for one value among 500 of a
column, against a text for each (best of nine, interleaved, on a busy machine): a uuid 55 nanoseconds instead of 180,
a plain text 10 instead of 105, a time 150 instead of 1,390 (in the median, 520 instead of 2,240).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from jobstore.sql.types import json_text

_MICROSECOND = timedelta(microseconds=1)

_EXACT = 2**53
"""Microseconds up to which PostgreSQL multiplies an interval exactly: 285 years."""


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """An array of elements of some kind; `read` is how a value is made of an element, which stands for %s."""

    kind: str
    text: str
    read: str = "%s"


def column(kind: str, values: Sequence[Any]) -> ArrayLiteral:
    """Some values of a column of that kind, of which not all are missing."""
    numbers = _instants(values) if kind == "timestamptz" else None
    return numbers or ArrayLiteral(kind, array(kind, values))


def array(kind: str, values: Sequence[Any]) -> str:
    """The array literal of some values of that kind."""
    quick = _QUICK.get(kind)
    literal = quick(values) if quick is not None else None
    return literal or "{" + ",".join(["NULL" if value is None else _element(kind, value) for value in values]) + "}"


def scalar(kind: str, value: Any) -> str:
    """The text of one value that is there."""
    return _TEXT.get(kind, str)(value)


def _element(kind: str, value: Any) -> str:
    text = scalar(kind, value)
    if kind in _QUOTED:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no zone: times are aware UTC")
    return value


_TEXT: dict[str, Callable[[Any], str]] = {
    "uuid": lambda value: value.hex,
    "timestamptz": lambda value: _aware(value).isoformat(),
    "json": json_text,
    "bytea": lambda value: "\\x" + value.hex(),
}
"""The text of a value; the other kinds are what `str` says."""

_QUOTED = frozenset({"text", "json", "bytea"})
"""Kinds whose texts may hold what an array literal must have quoted."""


def _uids(values: Sequence[UUID]) -> str | None:
    """None where one is missing."""
    try:
        return "{" + b"".join([uid.int.to_bytes(16, "big") for uid in values]).hex(",", 16) + "}"
    except AttributeError:
        return None


def _plain_texts(values: Sequence[str]) -> str | None:
    """None where one is missing, or has anything that must be escaped."""
    try:
        joined = '","'.join(values)
    except TypeError:
        return None
    plain = "\\" not in joined and joined.count('"') == 2 * (len(values) - 1)
    return '{"' + joined + '"}' if plain else None


_QUICK: dict[str, Callable[[Sequence[Any]], str | None]] = {"uuid": _uids, "text": _plain_texts}


def _instants(values: Sequence[Any]) -> ArrayLiteral | None:
    """Times as microseconds since the first of them; None where they are centuries apart."""
    first: datetime = next(value for value in values if value is not None)
    base = _aware(first).astimezone(UTC)  # a difference within a zone that has summer time would not know of it
    try:
        # written out, for a call would cost as much again
        numbers = [((d := value - base).days * 86_400 + d.seconds) * 1_000_000 + d.microseconds for value in values]
        text, furthest = str(numbers), max(max(numbers), -min(numbers))
    except TypeError:  # one is missing, or has no zone
        some = [None if value is None else (_aware(value) - base) // _MICROSECOND for value in values]
        text = str(some).replace("None", "NULL")
        furthest = max(abs(number) for number in some if number is not None)
    if furthest >= _EXACT:
        return None
    read = f"'{base.isoformat()}'::timestamptz + %s * interval '1 microsecond'"
    return ArrayLiteral("bigint", "{" + text[1:-1] + "}", read)
