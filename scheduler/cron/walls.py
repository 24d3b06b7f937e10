"""The wall-clock times that an expression names, without any zone.

A wall-clock time is a number: the seconds from 1970-01-01T00:00 to it on a clock that never changes.
"""

from .days import Days
from .times import DAY, TimesOfDay


def next_wall(times: TimesOfDay, days: Days, wall: int) -> int | None:
    """The first named time at or after `wall`; None: there are no more."""
    day = wall // DAY
    time = times.next_from(wall % DAY)
    if time is None:
        day, time = day + 1, times.first
    found = days.next_from(day)
    if found is None:
        return None
    return found * DAY + (time if found == day else times.first)


def previous_wall(times: TimesOfDay, days: Days, wall: int) -> int | None:
    """The last named time at or before `wall`; None: there is none."""
    day = wall // DAY
    time = times.previous_from(wall % DAY)
    if time is None:
        day, time = day - 1, times.last
    found = days.previous_from(day)
    if found is None:
        return None
    return found * DAY + (time if found == day else times.last)
