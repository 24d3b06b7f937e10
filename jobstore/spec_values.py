"""The kinds of values that definitions are made of: each checks itself, and is the same in JSON."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

from cronquorum.durations import format_duration, parse_duration
from cronquorum.names import is_dns_label, shown

MAX_DEPTH = 32
MAX_KEYS = 1_000
MIN_YEAR, MAX_YEAR = 1970, 2199
"""Quartz's range of years, for all times in definitions."""

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[-+]\d\d:\d\d)?", re.ASCII | re.IGNORECASE)

Params = Mapping[str, Any]


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a duration such as 90s, 10m, 1h30m or 2d")
    return parse_duration(value)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than 0s")
    return value


def at_most(limit: timedelta) -> AfterValidator:
    """For durations that have a limit of their own."""

    def check(value: timedelta) -> timedelta:
        if value > limit:
            raise ValueError(f"{format_duration(value)} is longer than {format_duration(limit)}")
        return value

    return AfterValidator(check)


def at_least(limit: timedelta) -> AfterValidator:
    """For durations that have a least one of their own."""

    def check(value: timedelta) -> timedelta:
        if value < limit:
            raise ValueError(f"{format_duration(value)} is shorter than {format_duration(limit)}")
        return value

    return AfterValidator(check)


def _instant(value: object) -> datetime:
    """RFC 3339, section 5.6; kept to the millisecond, as scheduled times are."""
    if isinstance(value, datetime):
        found = value
    else:
        told = f"{shown(value)} is not an instant such as 2026-03-01T02:30:00Z or 2026-03-01T02:30:00+01:00"
        try:
            if not isinstance(value, str) or not _INSTANT.fullmatch(value):
                raise ValueError
            found = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ValueError(told) from None
    if found.tzinfo is None:
        raise ValueError(f"{shown(value)} has no offset: write {value}Z for UTC, or an offset such as +01:00")
    try:
        moment = found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{shown(value)} is beyond the years 1 to 9999") from None
    if not MIN_YEAR <= moment.year <= MAX_YEAR:
        raise ValueError(f"{shown(value)} is not in the years {MIN_YEAR}-{MAX_YEAR}")
    # a text keeps its offset; a datetime's zone may have seconds in its own, and a fold, which no text has
    kept = found if isinstance(value, str) else moment
    return kept.replace(microsecond=kept.microsecond // 1000 * 1000)


def format_instant(value: datetime) -> str:
    """RFC 3339, with Z for UTC."""
    text = value.isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z" * (value.utcoffset() == timedelta(0))


def _label(value: str) -> str:
    if not is_dns_label(value):
        raise ValueError(f"{shown(value)} is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not first or last a '-'")
    return value


def _params(value: dict[str, Any]) -> dict[str, Any]:
    keys = 0
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if isinstance(item, dict):
            keys += len(item)
            if keys > MAX_KEYS:
                raise ValueError(f"more than {MAX_KEYS} keys")
            stack.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            stack.extend((child, depth + 1) for child in item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"{item} is not a JSON number")
    return value


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("contains a NUL character")
    return value


def check_object(value: Any) -> Any:
    """What is a mapping is bounded, whatever it is to become. Raises ValueError."""
    return _params(value) if isinstance(value, dict) else value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
Instant = Annotated[datetime, BeforeValidator(_instant), PlainSerializer(format_instant, return_type=str)]
Label = Annotated[str, AfterValidator(_label)]
Text = Annotated[str, AfterValidator(_no_nul)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_params)]


class Value(BaseModel):
    """A part of a definition: frozen, strict, and in lower camel case in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=True)
