"""The search for the fires of a schedule.

Inside a span without a clock change, wall-clock time is UTC plus a constant, so the next fire is found on the
wall clock by integer arithmetic; only at the ends of a span do the rules of clock changes matter:

* A schedule of every hour knows no rules: each span has the fires that its wall clock shows.
* Gap, at the start of a span: `after` fires there once if the missing wall-clock times held any fire.
* Overlap: `first` leaves out the repeated times at the start of a span, `second` those at the end of the span
  before.
* A jump forward of three hours or more is a change of calendar: the missing times are not there.

It knows nothing of expressions: whatever names wall-clock times (`walls.WallTimes`) is searched by the same rules.
They are those of the conformance cases (tests/cron/data/README.md).
"""

from typing import Literal, get_args
from zoneinfo import ZoneInfo

from .months import LAST_DAY
from .offsets import Span, span_at
from .times import DAY, HOUR
from .walls import WallTimes

Gap = Literal["after", "skip"]
Overlap = Literal["first", "second", "both"]
GAPS: tuple[Gap, ...] = get_args(Gap)
OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)

CALENDAR_CHANGE = 3 * HOUR
# No two offsets of a zone differ by more than that, nor is any offset as large.
_MARGIN = 2 * DAY
_FIRST_INSTANT = -_MARGIN
_LAST_INSTANT = (LAST_DAY + 1) * DAY + _MARGIN


def next_fire(walls: WallTimes, zone: ZoneInfo, instant: int, gap: Gap, overlap: Overlap) -> int | None:
    """The first fire at or after `instant`; both in seconds since 1970-01-01 UTC. None: there are no more."""
    if instant < _FIRST_INSTANT:
        instant = _FIRST_INSTANT
    while instant < _LAST_INSTANT:
        span = span_at(zone, instant)
        wall = instant + span.offset
        found = walls.next_wall(wall)
        if found is not None and span.once_from <= found < span.once_until and instant != span.start:
            return found - span.offset  # the common case: far from any change, no rule matters
        if instant == span.start and _fires_for_gap(walls, span, gap):
            return instant
        first, end = _window(walls, span, overlap)
        if wall < first:
            wall = first
            found = walls.next_wall(wall)
        if found is not None and found < end:
            return found - span.offset
        # Nothing in this span. What comes next may be far: no wall clock after the span shows a time before
        # `edge`, nor `found` before `found - _MARGIN` UTC, so the spans between can be passed over.
        edge = span.end + span.offset - _MARGIN
        if wall > edge:
            found = walls.next_wall(edge)
        if found is None:
            return None
        instant = max(span.end, found - _MARGIN)
    return None


def previous_fire(walls: WallTimes, zone: ZoneInfo, instant: int, gap: Gap, overlap: Overlap) -> int | None:
    """The last fire before `instant`; the mirror image of `next_fire`."""
    if instant > _LAST_INSTANT:
        instant = _LAST_INSTANT
    while instant > _FIRST_INSTANT:
        span = span_at(zone, instant - 1)
        first, end = _window(walls, span, overlap)
        wall = min(instant + span.offset, end) - 1
        found = walls.previous_wall(wall)
        if found is not None and found >= first:
            return found - span.offset
        if _fires_for_gap(walls, span, gap):
            return span.start
        # No wall clock before the span shows a time after `edge`, nor `found` after `found + _MARGIN` UTC.
        edge = span.start + span.offset + _MARGIN
        if wall < edge:
            found = walls.previous_wall(edge)
        if found is None:
            return None
        instant = min(span.start, found + _MARGIN + 1)
    return None


def count_fires(walls: WallTimes, zone: ZoneInfo, first: int, end: int, gap: Gap, overlap: Overlap) -> int:
    """How many fires there are with first <= fire < end, in the time that it takes to pass over the spans."""
    count = 0
    at, end = max(first, _FIRST_INSTANT), min(end, _LAST_INSTANT)
    while at < end:
        span = span_at(zone, at)
        until = min(span.end, end)
        low, high = _window(walls, span, overlap)
        low, high = max(low, at + span.offset), min(high, until + span.offset)
        if low < high:
            count += walls.count_walls(low, high)
        if at == span.start and _fires_for_gap(walls, span, gap):
            # The fire for what is missing, unless the first time after the gap is named, too: they are one.
            count += not (low < high and low == at + span.offset == walls.next_wall(low))
        at = until
    return count


def _window(walls: WallTimes, span: Span, overlap: Overlap) -> tuple[int, int]:
    """The wall-clock times first <= t < end at which the schedule fires in the span."""
    first, end = span.start + span.offset, span.end + span.offset
    if walls.every_hour or overlap == "both":
        return first, end
    if overlap == "first":
        return max(first, span.once_from), end
    return first, span.once_until


def _fires_for_gap(walls: WallTimes, span: Span, gap: Gap) -> bool:
    """Whether the schedule fires at the start of the span for wall-clock times that are missing there."""
    if gap == "skip" or walls.every_hour or not 0 < span.offset - span.before < CALENDAR_CHANGE:
        return False
    missing = walls.next_wall(span.start + span.before)
    return missing is not None and missing < span.start + span.offset
