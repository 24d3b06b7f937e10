"""Every so long, in real time: clock changes, restarts and what was missed move nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.schedules.instants import (
    EPOCH,
    LAST,
    MILLISECOND,
    at_millisecond,
    milliseconds_from,
    milliseconds_until,
)

_LAST = milliseconds_until(LAST)


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """`first`, and then every `every`, up to the end of 2199; both in milliseconds, the first since 1970 UTC."""

    first: int
    every: int

    def next_after(self, instant: datetime) -> datetime | None:
        return self._from(milliseconds_until(instant) + 1)

    def first_from(self, instant: datetime) -> datetime | None:
        return self._from(milliseconds_from(instant))

    def last_until(self, instant: datetime) -> datetime | None:
        until = min(milliseconds_until(instant), _LAST)
        return at_millisecond(until - (until - self.first) % self.every) if until >= self.first else None

    def count(self, first: datetime, last: datetime) -> int:
        before = self._count_before(milliseconds_from(first))
        return max(0, self._count_before(milliseconds_until(last) + 1) - before)

    def _from(self, millisecond: int) -> datetime | None:
        found = max(self.first, millisecond + (self.first - millisecond) % self.every)
        return at_millisecond(found) if found <= _LAST else None

    def _count_before(self, millisecond: int) -> int:
        return max(0, -((self.first - min(millisecond, _LAST + 1)) // self.every))


def read_interval(every: timedelta, start: datetime | None, offset: timedelta | None) -> Interval:
    """Counted from `start`; without one, from 1970-01-01T00:00:00Z plus `offset`, the same on every machine."""
    step = every // MILLISECOND
    first = milliseconds_until(start) if start is not None else milliseconds_until(EPOCH + (offset or timedelta(0)))
    return Interval(first=first % step if start is None else first, every=step)
