"""Instants on the command line: how they are read, and how they are written in a zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import typer

_RFC3339 = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)"
    r"(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXAMPLE = "2026-03-08T00:00:00Z or 2026-03-08T00:00:00+01:00"
_SHOWN = 40


def parse_instant(text: str) -> datetime:
    """An instant of RFC 3339, in UTC; seconds may be left out, the offset may not. Raises ValueError."""
    shown = ascii(text[:_SHOWN])
    match = _RFC3339.fullmatch(text)
    if _DATE.fullmatch(text) or (match and match["offset"] is None):
        raise ValueError(f"{shown} is a local time, and the offset is required: write {_EXAMPLE}")
    if match is None:
        raise ValueError(f"{shown} is not an instant of RFC 3339 such as {_EXAMPLE}")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown} is not in the calendar; an instant is written as {_EXAMPLE}") from None


def _parsed(value: str | datetime) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return parse_instant(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def instant_option(flag: str, text: str) -> Any:
    """An option that takes an instant of RFC 3339."""
    return typer.Option(flag, parser=_parsed, metavar="TIME", help=text)


def rfc3339(instant: datetime, zone: ZoneInfo) -> str:
    """The instant by the zone's clock, or in UTC where the zone's offset has seconds, which RFC 3339 cannot say."""
    local = instant.astimezone(zone)
    offset = local.utcoffset()
    assert offset is not None
    return in_utc(instant) if offset.seconds % 60 else local.isoformat(timespec="seconds")


def by_clock(instant: datetime, zone: ZoneInfo) -> str:
    """The instant by the zone's clock, for people: with the weekday."""
    local = instant.astimezone(zone)
    return f"{local:%a} {local.isoformat(timespec='seconds')}"


def in_utc(instant: datetime) -> str:
    """The instant in UTC, as of RFC 3339."""
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
