"""The search for the next fire.

Inside a span without a clock change, wall-clock time is UTC plus a constant, so the next fire is found on the
wall clock by integer arithmetic; only at the ends of a span do the rules of clock changes matter:

* A schedule of every hour knows no rules: each span has the fires that its wall clock shows.
* Gap, at the start of a span: `after` fires there once if the missing wall-clock times held any fire.
* Overlap: `first` leaves out the repeated times at the start of a span, `second` those at the end of the span
  before.
* A jump forward of three hours or more is a change of calendar: the missing times are not there.

The rules are those of the conformance cases (tests/cron/data/README.md).
"""

from typing import Literal, get_args
from zoneinfo import ZoneInfo

from .days import LAST_DAY, Days
from .offsets import span_at
from .times import DAY, HOUR, TimesOfDay

Gap = Literal["after", "skip"]
Overlap = Literal["first", "second", "both"]
GAPS: tuple[Gap, ...] = get_args(Gap)
OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)

CALENDAR_CHANGE = 3 * HOUR
# No two offsets of a zone differ by more than that, nor is any offset as large.
_MARGIN = 2 * DAY
_FIRST_INSTANT = -_MARGIN
_LAST_INSTANT = (LAST_DAY + 1) * DAY + _MARGIN


def next_fire(times: TimesOfDay, days: Days, zone: ZoneInfo, instant: int, gap: Gap, overlap: Overlap) -> int | None:
    """The first fire at or after `instant`; both in seconds since 1970-01-01 UTC. None: there are no more."""
    if instant < _FIRST_INSTANT:
        instant = _FIRST_INSTANT
    while instant < _LAST_INSTANT:
        start, end, offset, before, shown_until, shown_again_from = span_at(zone, instant)
        wall = instant + offset
        limit = end + offset
        if not times.every_hour:
            if gap == "after" and instant == start and 0 < offset - before < CALENDAR_CHANGE:
                missing = _next_wall(times, days, start + before)
                if missing is not None and missing < wall:
                    return start
            if overlap == "first":
                if wall < shown_until:
                    wall = shown_until
            elif overlap == "second" and limit > shown_again_from:
                limit = shown_again_from
        found = _next_wall(times, days, wall)
        if found is not None and found < limit:
            return found - offset
        # Nothing in this span. What comes next may be far: no wall clock from the end on shows a time before
        # `end + offset - _MARGIN`, nor `ahead` before `ahead - _MARGIN` UTC, so the spans between can be
        # passed over.
        ahead = _next_wall(times, days, end + offset - _MARGIN)
        if ahead is None:
            return None
        instant = max(end, ahead - _MARGIN)
    return None


def _next_wall(times: TimesOfDay, days: Days, wall: int) -> int | None:
    """The first named time at or after `wall`; both in seconds since 1970-01-01 on the wall clock."""
    day, second = divmod(wall, DAY)
    time = times.next_from(second)
    if time is None:
        day, time = day + 1, times.first
    found = days.next_from(day)
    if found is None:
        return None
    return found * DAY + (time if found == day else times.first)
