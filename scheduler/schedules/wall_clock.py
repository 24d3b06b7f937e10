"""Schedules on a wall clock: named times of day and date, read in a zone."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from scheduler.cron import Gap, Overlap
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

    @property
    def every_hour(self) -> bool:
        """Whether it keeps its real-time cadence in a clock change, so that `gap` and `overlap` don't apply."""
        return self.walls.every_hour

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

    def _next(self, second: int) -> datetime | None:
        found = next_fire(self.walls, self.zone, second, self.gap, self.overlap)
        return None if found is None else at_second(found)
