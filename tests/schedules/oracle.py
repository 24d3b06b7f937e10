"""Schedules as slow enumerations say them, and the check that a schedule's answers agree.

Nothing is shared with the code: wall-clock times are listed one by one, and put on the zone's clock by PEP 495.
"""

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from jobstore.trigger_spec import TriggerSpec
from scheduler.calendars.protocol import CalendarTimes
from scheduler.schedules import Schedule, compile_schedule, nth_from
from tests.cron.enumeration import _instants

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
MILLISECOND = timedelta(milliseconds=1)

# Zones whose clock changes are of all kinds, and a moment of such a change.
CHANGES = [
    ("America/New_York", "2026-03-08T07:00Z"),
    ("America/New_York", "2026-11-01T06:00Z"),
    ("Europe/Berlin", "2026-03-29T01:00Z"),
    ("Europe/Berlin", "2026-10-25T01:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30Z"),  # half an hour
    ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    ("Pacific/Apia", "2011-12-30T10:00Z"),  # a day is missing
    ("Pacific/Apia", "2012-03-31T14:00Z"),
    ("Africa/Cairo", "2026-04-23T22:00Z"),  # midnight is missing
    ("America/Santiago", "2026-04-05T03:00Z"),  # an overlap across midnight
    ("UTC", "2026-02-28T00:00Z"),
]


def schedule(calendars: Sequence[CalendarTimes] = (), /, *, key: str = "default/test", **manifest: Any) -> Schedule:
    """The schedule of a trigger as a manifest has it."""
    return compile_schedule(TriggerSpec.model_validate({"name": "main", **manifest}), key, calendars)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def on_the_clock(
    walls: Iterable[datetime], zone: ZoneInfo, gap: str, overlap: str, *, every_hour: bool = False
) -> list[datetime]:
    """The due times of naive wall-clock times."""
    due: set[datetime] = set()
    for wall in walls:
        due.update(_instants(wall.replace(tzinfo=zone), gap, overlap, every_hour=every_hour))
    return sorted(due)


def daily_walls(
    first: date, last: date, every: timedelta, start: timedelta, end: timedelta, weekdays: Set[int]
) -> Iterator[datetime]:
    """The times of the windows that begin from `first` to `last`; weekdays from 0, which is Sunday."""
    day = first
    while day <= last:
        if day.isoweekday() % 7 in weekdays:
            at = start
            while at <= end:
                yield datetime(day.year, day.month, day.day) + at  # noqa: DTZ001 - on the wall
                at += every
        day += DAY


def calendar_walls(start: datetime, every: int, unit: str, missing_day: str, end: datetime) -> Iterator[datetime]:
    """`start`, and then every so many units, up to `end`; naive."""
    for number in range(100_000):
        if unit in ("days", "weeks"):
            wall = start + number * every * DAY * (7 if unit == "weeks" else 1)
        else:
            month = start.month - 1 + number * every * (12 if unit == "years" else 1)
            year, of_year = start.year + month // 12, month % 12 + 1
            if year > 2199:
                return
            length = monthrange(year, of_year)[1]
            if start.day > length and missing_day == "skip":
                continue
            wall = start.replace(year=year, month=of_year, day=min(start.day, length))
        if wall > end:
            return
        yield wall


def check(made: Schedule, expected: Sequence[datetime], first: datetime, last: datetime, *asked: datetime) -> None:
    """Every answer of the schedule about first..last, of which `expected` are all due times, in order.

    asked: instants to begin and to end at, besides the due times and what is right beside them.
    """
    expected = [due for due in expected if first <= due <= last]
    assert walk(made, first, last) == expected
    assert walk_back(made, first, last) == expected
    assert made.count(first, last) == len(expected)
    assert made.count(last, first) == (len(expected) if first == last else 0)
    beside = [at for due in sample(expected) for at in (due - MILLISECOND, due - MICROSECOND, due, due + MICROSECOND)]
    for at in (*beside, *asked):
        if not first <= at <= last:
            continue
        low, high = bisect_left(expected, at), bisect_right(expected, at)
        assert made.count(at, last) == len(expected) - low, at
        assert made.count(first, at) == high, at
        if low < len(expected):
            assert made.first_from(at) == expected[low], at
        if high < len(expected):
            assert made.next_after(at) == expected[high], at
        if high > 0:
            assert made.last_until(at) == expected[high - 1], at
    for number in {1, 2, len(expected) // 2, len(expected)} - {0}:
        if number <= len(expected):
            assert nth_from(made, first, number) == expected[number - 1], number


def walk(made: Schedule, first: datetime, last: datetime) -> list[datetime]:
    """The due times first..last, forwards."""
    found: list[datetime] = []
    due = made.next_after(first - MICROSECOND)
    while due is not None and due <= last:
        assert due.tzinfo is UTC
        assert not found or due > found[-1]
        found.append(due)
        due = made.next_after(due)
    return found


def walk_back(made: Schedule, first: datetime, last: datetime) -> list[datetime]:
    """The due times first..last, found from the last one."""
    found = []
    due = made.last_until(last)
    while due is not None and due >= first:
        found.append(due)
        due = made.last_until(due - MICROSECOND)
    return found[::-1]


def sample(items: Sequence[datetime], most: int = 12) -> Sequence[datetime]:
    """Some of them, from all parts."""
    return items[:: max(1, len(items) // most)]
