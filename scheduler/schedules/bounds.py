"""A schedule from a start to an end."""

from dataclasses import dataclass
from datetime import datetime

from scheduler.schedules.protocol import Schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """The due times of `schedule` that are not earlier than `start` and not later than `end`; None: no such bound."""

    schedule: Schedule
    start: datetime | None = None
    end: datetime | None = None

    def next_after(self, instant: datetime) -> datetime | None:
        found = self.schedule.next_after(instant)
        if found is not None and self.start is not None and found < self.start:
            found = self.schedule.first_from(self.start)
        return self._ended(found)

    def first_from(self, instant: datetime) -> datetime | None:
        return self._ended(self.schedule.first_from(self._started(instant)))

    def last_until(self, instant: datetime) -> datetime | None:
        found = self.schedule.last_until(instant if self.end is None else min(instant, self.end))
        return None if found is None or (self.start is not None and found < self.start) else found

    def count(self, first: datetime, last: datetime) -> int:
        return self.schedule.count(self._started(first), last if self.end is None else min(last, self.end))

    def _started(self, instant: datetime) -> datetime:
        return instant if self.start is None else max(instant, self.start)

    def _ended(self, found: datetime | None) -> datetime | None:
        return None if found is None or (self.end is not None and found > self.end) else found
