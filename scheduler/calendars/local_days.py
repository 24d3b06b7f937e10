"""Days on the wall clock of a zone, as stretches of time.

A day lasts from its first instant to the first instant of the next day: 23, 24 or 25 hours as a rule. Where a
clock change skips midnight, the day begins with the first instant after the change; where one repeats midnight,
with the first of the two; and a day that a zone left out (30 December 2011 in Apia) has no instants.

Days are counted from 1970-01-01, which is day 0. The days of a year are a mask: bit 0 is the first of January.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

from scheduler.calendars.parts import DAY, Stretch
from scheduler.cron.offsets import span_at

EPOCH = date(1970, 1, 1).toordinal()
YEARS_KEPT = 32
"""Years of one part that are kept worked out; a year of weekends has 104 stretches, some 8 KB."""

YearMask = Callable[[int], int]
"""The days that match in a year."""


def year_start(year: int) -> int:
    """The day that is the first of January."""
    return date(year, 1, 1).toordinal() - EPOCH


def first_instant(zone: ZoneInfo, wall: int) -> int:
    """The first instant at which the wall clock shows `wall` or a later time.

    `wall` is the seconds from 1970-01-01T00:00 to it on a clock that never changes.
    """
    instant = wall - 2 * DAY  # no offset is as large: there the wall clock shows an earlier time
    while True:
        span = span_at(zone, instant)
        if wall < span.end + span.offset:
            return max(span.start, wall - span.offset)
        instant = span.end


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """The runs of bits that are set, in order, as first <= bit < end."""
    end = 0
    while mask:
        zeros = (mask & -mask).bit_length() - 1
        mask >>= zeros
        ones = (~mask & (mask + 1)).bit_length() - 1
        mask >>= ones
        first, end = end + zeros, end + zeros + ones
        yield first, end


class LocalDays:
    """The days that `mask` says, in a zone. Years are worked out when they are asked for, and kept."""

    def __init__(self, zone: ZoneInfo, mask: YearMask) -> None:
        self._zone = zone
        self._mask = mask
        self._year = lru_cache(maxsize=YEARS_KEPT)(self._stretches)

    def at(self, instant: int) -> Stretch:
        day = (instant + span_at(self._zone, instant).offset) // DAY
        year = date.fromordinal(EPOCH + day).year
        starts, matches = self._year(year)
        if instant >= starts[-1]:  # the old year is shown once more: no zone has done it yet
            starts, matches = self._year(year + 1)
        place = bisect_right(starts, instant)
        return Stretch(matches[place - 1], starts[place - 1], starts[place])

    def _stretches(self, year: int) -> tuple[list[int], list[bool]]:
        """Where each stretch of a local year starts, and at last the next year; and what each says."""
        first, end = year_start(year), year_start(year + 1)
        changes = [(first, False)]
        for begin, finish in runs(self._mask(year)):
            changes += [(first + begin, True), (first + finish, False)]
        starts: list[int] = []
        matches: list[bool] = []
        for day, state in changes:
            if day == end:
                break
            start = first_instant(self._zone, day * DAY)
            if starts and starts[-1] == start:  # nothing in between: the 1st of January, or a day left out
                matches[-1] = state
            else:
                starts.append(start)
                matches.append(state)
        last = first_instant(self._zone, end * DAY)
        if starts[-1] == last:
            starts.pop()
            matches.pop()
        return [*starts, last], matches
