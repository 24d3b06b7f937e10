"""The fires of a schedule by slow enumeration: the oracle.

It shares no code and no idea with the search: every named wall-clock time of every day is put on the zone's
clock by the rules of PEP 495 (`fold`), one at a time.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_CALENDAR_CHANGE = timedelta(hours=3)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """An expression's text, and what it means as plain sets of values."""

    text: str
    seconds: Set[int]
    minutes: Set[int]
    hours: Set[int]
    days_of_month: Set[int]
    months: Set[int]
    days_of_week: Set[int]  # 1 is Sunday
    years: Set[int]

    def has_day(self, day: date) -> bool:
        return (
            day.year in self.years
            and day.month in self.months
            and day.day in self.days_of_month
            and day.isoweekday() % 7 + 1 in self.days_of_week
        )


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
