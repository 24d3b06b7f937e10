"""Calendars, and what brute force says of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from scheduler.calendars import CalendarTimes, Span, compile_calendar, read_calendar

Matches = Callable[[datetime], bool]
"""Whether a rule matches when the wall clock of its zone shows a time."""


def calendar(**spec: Any) -> CalendarTimes:
    """The calendar of a manifest's `spec`."""
    return compile_calendar(read_calendar(spec))


def excluding(rule: dict[str, Any], zone: str = "UTC") -> CalendarTimes:
    return calendar(timeZone=zone, exclude=[rule])


def utc(text: str) -> datetime:
    """ "2026-03-29 01:00" in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(times: CalendarTimes, since: str, until: str) -> list[tuple[str, str]]:
    """The excluded times between two instants, those that touch joined, as UTC texts without the seconds 00."""
    found: list[tuple[datetime, datetime]] = []
    at, end = utc(since), utc(until)
    while at < end:
        span = checked(times, at)
        if span.excluded and found and found[-1][1] == at:
            found[-1] = found[-1][0], span.until
        elif span.excluded:
            found.append((span.since, span.until))
        at = span.until
    return [(_text(begin), _text(finish)) for begin, finish in found]


def checked(times: CalendarTimes, instant: datetime) -> Span:
    """A span whose promises were looked at: it holds the instant, and says the same at both of its ends."""
    span = times.span_at(instant)
    assert span.since <= instant < span.until
    assert span.since.utcoffset() == span.until.utcoffset() == timedelta(0)
    assert times.span_at(span.since).excluded is span.excluded
    assert times.span_at(span.until - timedelta(microseconds=1)).excluded is span.excluded
    return span


def shown_day_matches(matches: Matches, zone: ZoneInfo, instant: datetime) -> bool:
    """What a rule for days says: it asks for the latest day that has begun, which is not the one that the wall clock
    shows when a clock change has shown midnight twice."""
    latest = max((instant - timedelta(minutes=minutes)).astimezone(zone).date() for minutes in range(200))
    return matches(datetime(latest.year, latest.month, latest.day, tzinfo=zone))


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
