"""A schedule without the times that calendars leave out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.calendars.protocol import CalendarTimes, Span
from scheduler.schedules.after import After
from scheduler.schedules.instants import EPOCH
from scheduler.schedules.protocol import Schedule
from scheduler.schedules.wrapping import innermost

MOST_SPANS = 20_000
"""Excluded spans that a search passes over; of one a day that is 50 years."""
MOST_COUNTED_SPANS = 50_000
"""Spans that are counted one by one; of the due times after them, the same share is taken for included."""

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusions:
    """The due times of `schedule` that no calendar leaves out.

    When calendars leave out more than `MOST_SPANS` stretches before the next due time, the answer is an instant up to
    which there is none, itself left out: who comes there asks again.

    `after` has no due times of its own, only a delay: one that is left out moves to the end of the excluded span.
    """

    schedule: Schedule
    calendars: Sequence[CalendarTimes]

    def next_after(self, instant: datetime) -> datetime | None:
        return self._included(self.schedule.next_after(instant))

    def first_from(self, instant: datetime) -> datetime | None:
        return self._included(self.schedule.first_from(instant))

    def last_until(self, instant: datetime) -> datetime | None:
        found = self.schedule.last_until(instant)
        for _ in range(MOST_SPANS):
            if found is None or not (excluded := self._excluded_at(found)):
                return found
            since = min(span.since for span in excluded)
            found = self.schedule.last_until(since - _MICROSECOND) if since > EPOCH else None
        return found

    def count(self, first: datetime, last: datetime) -> int:
        """Exact over `MOST_COUNTED_SPANS` spans in which something is due; beyond, extrapolated."""
        if isinstance(innermost(self.schedule), After):  # due at any time: they cannot be summed
            found = self.first_from(first)
            return int(found is not None and found <= last)
        count = 0
        due = self.schedule.first_from(first)
        for _ in range(MOST_COUNTED_SPANS):
            if due is None or due > last:
                return count
            spans = [calendar.span_at(due) for calendar in self.calendars]
            excluded = [span.until for span in spans if span.excluded]
            if excluded:
                until = max(excluded)
            else:
                until = min(span.until for span in spans)
                count += self.schedule.count(due, min(until - _MICROSECOND, last))
            due = self.schedule.first_from(until)
        return count + self._extrapolated(count, first, due, last)

    def _extrapolated(self, count: int, first: datetime, due: datetime | None, last: datetime) -> int:
        if due is None or due > last:
            return 0
        return self.schedule.count(due, last) * count // self.schedule.count(first, due - _MICROSECOND)

    def _included(self, found: datetime | None) -> datetime | None:
        for _ in range(MOST_SPANS):
            if found is None or not (excluded := self._excluded_at(found)):
                return found
            found = self.schedule.first_from(max(span.until for span in excluded))
        return found

    def _excluded_at(self, instant: datetime) -> list[Span]:
        """The spans around an instant that leave it out."""
        spans = (calendar.span_at(instant) for calendar in self.calendars)
        return [span for span in spans if span.excluded]
