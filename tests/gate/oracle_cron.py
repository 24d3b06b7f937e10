"""Cron expressions for the oracle: sets of numbers, and every minute looked at. Slow and obvious on purpose.

What it cannot read (`H`, `L`, `W`, `#`) it refuses: then the load must not use it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = 60_000
"""Milliseconds, as all times of the oracle are: since 1970, UTC."""
CALENDAR_CHANGE = timedelta(hours=3)
"""A jump of that size is no clock change: the times in it are not there, whatever the policy."""

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class OracleError(Exception):
    """The load uses something that the oracle does not know."""


@dataclass(frozen=True, kw_only=True)
class CronTimes:
    """The numbers that each field allows; weekdays from 0, which is Sunday. `either`: one day field is enough."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int] | None
    either: bool

    def has_day(self, wall: datetime) -> bool:
        """Whether the day of a wall-clock time is allowed."""
        if wall.month not in self.months or (self.years is not None and wall.year not in self.years):
            return False
        day, weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        return (day or weekday) if self.either else (day and weekday)

    def has_minute(self, wall: datetime) -> bool:
        """Whether a wall-clock minute is allowed."""
        return wall.minute in self.minutes and wall.hour in self.hours and self.has_day(wall)


def read_cron(text: str, days: str | None = None) -> CronTimes:
    """An expression of five (unix), six or seven (Quartz) fields. Raises `OracleError`."""
    fields = text.upper().split()
    if len(fields) == 5:
        return _unix(fields)
    if len(fields) not in (6, 7):
        raise OracleError(f"the oracle cannot read cron {text!r}")
    second, minute, hour, day, month, weekday, *year = fields
    return CronTimes(
        seconds=values(second, 0, 59),
        minutes=values(minute, 0, 59),
        hours=values(hour, 0, 23),
        days=values(day, 1, 31),
        months=values(month, 1, 12, MONTHS, 1),
        # Quartz counts weekdays from 1
        weekdays=frozenset(number - 1 for number in values(weekday, 1, 7, WEEKDAYS, 1)),
        years=values(year[0], 1970, 2199) if year else None,
        either=days == "or",
    )


def _unix(fields: list[str]) -> CronTimes:
    minute, hour, day, month, weekday = fields
    return CronTimes(
        seconds=frozenset({0}),
        minutes=values(minute, 0, 59),
        hours=values(hour, 0, 23),
        days=values(day, 1, 31),
        months=values(month, 1, 12, MONTHS, 1),
        weekdays=frozenset(number % 7 for number in values(weekday, 0, 7, WEEKDAYS, 0)),
        years=None,
        either=not day.startswith("*") and not weekday.startswith("*"),
    )


def values(field: str, low: int, high: int, names: tuple[str, ...] = (), first: int = 0) -> frozenset[int]:
    """The numbers of one field. A range may wrap; a step does not."""

    def number(word: str) -> int:
        if word in names:
            return names.index(word) + first
        if not word.isdecimal() or not low <= int(word) <= high:
            raise OracleError(f"the oracle cannot read {word!r} in the cron field {field!r}")
        return int(word)

    found: set[int] = set()
    for item in field.split(","):
        span, slash, step = item.partition("/")
        by = int(step) if slash else 1
        begin, dash, end = span.partition("-")
        if span in ("*", "?"):
            found.update(range(low, high + 1, by))
        elif not dash:
            found.update(range(number(begin), high + 1, by) if slash else [number(begin)])
        elif number(begin) <= number(end):
            found.update(range(number(begin), number(end) + 1, by))
        else:
            around = [*range(number(begin), high + 1), *range(low, number(end) + 1)]
            found.update(around[::by])
    return frozenset(found)


def cron_dues(times: CronTimes, zone: ZoneInfo, gap: str, overlap: str, low: int, high: int) -> Iterator[int]:
    """All due times with low <= due < high, in order."""
    every_hour = len(times.hours) == 24
    minute = low // MINUTE * MINUTE
    before = _wall(minute - MINUTE, zone)
    while minute < high:
        wall = _wall(minute, zone)
        seconds = sorted(times.seconds) if times.has_minute(wall) and _this_time(wall, overlap, every_hour) else []
        if not seconds and gap == "after" and not every_hour and _missed_in_gap(times, before, wall):
            seconds = [0]
        for second in seconds:
            if low <= minute + 1000 * second < high:
                yield minute + 1000 * second
        before = wall
        minute += MINUTE


def _wall(instant: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant / 1000, UTC).astimezone(zone)


def _this_time(wall: datetime, overlap: str, every_hour: bool) -> bool:
    """Whether a wall-clock time that may occur twice counts this time."""
    if every_hour or wall.replace(fold=0).utcoffset() == wall.replace(fold=1).utcoffset():
        return True
    return overlap == "both" or overlap == ("second" if wall.fold else "first")


def _missed_in_gap(times: CronTimes, before: datetime, wall: datetime) -> bool:
    """Whether the clock has just jumped over an allowed minute."""
    was, is_now = before.utcoffset() or timedelta(), wall.utcoffset() or timedelta()
    jump = is_now - was
    if not timedelta() < jump < CALENDAR_CHANGE:
        return False
    naive = wall.replace(tzinfo=None)
    missing = (naive - timedelta(minutes=back) for back in range(1, int(jump.total_seconds()) // 60 + 1))
    return any(times.has_minute(each) for each in missing)
