"""Schedules on a wall clock: named times of day and date, read in a zone."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from scheduler.cron import Gap, Overlap, left_out
from scheduler.cron.search import count_fires, next_fire, previous_fire
from scheduler.cron.walls import WallTimes
from scheduler.schedules.instants import at_second, seconds_from, seconds_until


@dataclass(frozen=True, kw_only=True, slots=True)
class WallClock:
    """Wall-clock times in a zone, by the rules of clock changes that `scheduler.cron.search` has for all of them.

    walls: a `CronExpression`, `DailyTimes` or `CalendarSteps`.
    """

    walls: WallTimes
    zone: ZoneInfo
    gap: Gap = "after"
    overlap: Overlap = "first"

    def next_after(self, instant: datetime) -> datetime | None:
        return self._next(seconds_until(instant) + 1)

    def first_from(self, instant: datetime) -> datetime | None:
        return self._next(seconds_from(instant))

    def last_until(self, instant: datetime) -> datetime | None:
        found = previous_fire(self.walls, self.zone, seconds_until(instant) + 1, self.gap, self.overlap)
        return None if found is None else at_second(found)

    def count(self, first: datetime, last: datetime) -> int:
        end = seconds_until(last) + 1
        return count_fires(self.walls, self.zone, seconds_from(first), end, self.gap, self.overlap)

    def left_out(self, after: datetime, until: datetime | None = None) -> str:
        """Why there is no fire with after < fire <= until, when clock changes are the reason; else empty.

        "02:30 does not exist on 2027-03-14 (clocks go forward 02:00 -> 03:00), and gap is skip"
        """
        found = self.next_after(after)
        if found is not None and (until is None or found <= until):
            return ""
        return left_out(self.walls, after, until, self.zone, self.gap)

    def _next(self, second: int) -> datetime | None:
        found = next_fire(self.walls, self.zone, second, self.gap, self.overlap)
        return None if found is None else at_second(found)
