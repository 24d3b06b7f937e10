"""Wall-clock times that are named without any zone.

A wall-clock time is a number: the seconds from 1970-01-01T00:00 to it on a clock that never changes.
"""

from typing import Protocol

from .days import Days
from .times import DAY


class WallTimes(Protocol):
    """A set of wall-clock times, none before 1970 nor later than a day after 2199. Pure, and never slow."""

    @property
    def every_hour(self) -> bool:
        """Whether there are times in all 24 hours; such times keep their real-time cadence in a clock change."""
        ...

    def next_wall(self, wall: int) -> int | None:
        """The first of the times at or after `wall`; None: there are no more."""
        ...

    def previous_wall(self, wall: int) -> int | None:
        """The last of the times at or before `wall`; None: there is none."""
        ...

    def count_walls(self, first: int, end: int) -> int:
        """How many of the times there are with first <= time < end; none when `end` is not after `first`."""
        ...


class DayTimes(Protocol):
    """Times of a day, in seconds since midnight, at least one: the first and the last of them."""

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...

    def next_from(self, second: int) -> int | None:
        """The first of the times at or after `second`, which is in the day."""
        ...

    def previous_from(self, second: int) -> int | None:
        """The last of the times at or before `second`, which is in the day."""
        ...

    def count_before(self, second: int) -> int:
        """How many of the times are before `second`; before `DAY`, all are."""
        ...


def next_wall(times: DayTimes, days: Days, wall: int) -> int | None:
    """`WallTimes.next_wall` of the same times on each of the days."""
    day = wall // DAY
    time = times.next_from(wall % DAY)
    if time is None:
        day, time = day + 1, times.first
    found = days.next_from(day)
    if found is None:
        return None
    return found * DAY + (time if found == day else times.first)


def previous_wall(times: DayTimes, days: Days, wall: int) -> int | None:
    """`WallTimes.previous_wall` of the same times on each of the days."""
    day = wall // DAY
    time = times.previous_from(wall % DAY)
    if time is None:
        day, time = day - 1, times.last
    found = days.previous_from(day)
    if found is None:
        return None
    return found * DAY + (time if found == day else times.last)


def count_walls(times: DayTimes, days: Days, first: int, end: int) -> int:
    """`WallTimes.count_walls` of the same times on each of the days."""
    if first >= end:
        return 0
    first_day, last_day = first // DAY, end // DAY
    count = days.count(first_day, last_day) * times.count_before(DAY)
    if days.next_from(first_day) == first_day:
        count -= times.count_before(first % DAY)
    if days.next_from(last_day) == last_day:
        count += times.count_before(end % DAY)
    return count
