"""The fires of a schedule by slow enumeration: the oracle.

It shares no code and no idea with the search: every named wall-clock time of every day is put on the zone's
clock by the rules of PEP 495 (`fold`), one at a time; and what a day field means is said of single dates.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_CALENDAR_CHANGE = timedelta(hours=3)

DayTest = Callable[[date], bool]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """An expression's text, and what it means as plain sets of values and a test of single dates."""

    text: str
    seconds: Set[int]
    minutes: Set[int]
    hours: Set[int]
    matches_day: DayTest
    months: Set[int]
    years: Set[int]

    def has_day(self, day: date) -> bool:
        return day.year in self.years and day.month in self.months and self.matches_day(day)


def in_days_of_month(numbers: Set[int]) -> DayTest:
    return lambda day: day.day in numbers


def in_days_of_week(weekdays: Set[int]) -> DayTest:
    """Weekdays from 0, which is Sunday."""
    return lambda day: day.isoweekday() % 7 in weekdays


def before_last(distance: int) -> DayTest:
    return lambda day: day.day == _length(day) - distance


def weekday_near(number: int) -> DayTest:
    return lambda day: number <= _length(day) and day.day == _nearest_weekday(day, number)


def weekday_near_last(distance: int) -> DayTest:
    return lambda day: distance < _length(day) and day.day == _nearest_weekday(day, _length(day) - distance)


def nth_weekday(weekday: int, nth: int) -> DayTest:
    return lambda day: day.isoweekday() % 7 == weekday and 7 * (nth - 1) < day.day <= 7 * nth


def last_weekday(weekday: int) -> DayTest:
    return lambda day: day.isoweekday() % 7 == weekday and (day + 7 * _DAY).month != day.month


def any_of(tests: list[DayTest]) -> DayTest:
    return lambda day: any(test(day) for test in tests)


def all_of(tests: list[DayTest]) -> DayTest:
    return lambda day: all(test(day) for test in tests)


def enumerate_fires(
    schedule: Schedule, after: datetime, before: datetime, zone: ZoneInfo, gap: str, overlap: str
) -> list[datetime]:
    """All fires with after < fire < before, in order."""
    fires: set[datetime] = set()
    day = after.astimezone(zone).date() - _DAY
    last = before.astimezone(zone).date() + _DAY
    while day <= last:
        if schedule.has_day(day):
            for hour in schedule.hours:
                for minute in schedule.minutes:
                    for second in schedule.seconds:
                        wall = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone)
                        fires.update(_instants(wall, gap, overlap, every_hour=len(schedule.hours) == 24))
        day += _DAY
    return sorted(fire for fire in fires if after < fire < before)


def _length(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, number: int) -> int:
    weekdays = [other for other in range(1, _length(day) + 1) if day.replace(day=other).isoweekday() < 6]
    return min(weekdays, key=lambda other: abs(other - number))


def _instants(wall: datetime, gap: str, overlap: str, *, every_hour: bool) -> Iterator[datetime]:
    """The instants at which a schedule fires for one wall-clock time."""
    first = wall.replace(fold=0).astimezone(UTC)
    second = wall.replace(fold=1).astimezone(UTC)
    if first == second:
        yield first
    elif first < second:
        if every_hour or overlap in ("first", "both"):
            yield first
        if every_hour or overlap in ("second", "both"):
            yield second
    elif not every_hour and gap == "after" and first - second < _CALENDAR_CHANGE:
        # `second` is read with the offset after the gap and so lies before it; `first` the other way round.
        yield _end_of_gap(second, first, wall.tzinfo)


def _end_of_gap(low: datetime, high: datetime, zone: object) -> datetime:
    assert isinstance(zone, ZoneInfo)
    offset = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + (high - low) // (2 * _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high
