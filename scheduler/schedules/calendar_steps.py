"""Wall-clock times that are some days or months apart: the times of a calendar interval.

Each is counted from the first, and not from the one before it: from 31 January, monthly, comes 31 March, not 28.
Days, months and wall-clock times are numbers, as in `scheduler.cron`.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from scheduler.cron.months import FIRST_DAYS, LAST_DAY, MONTHS_OF_DAYS, length_of
from scheduler.cron.times import DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class DaySteps:
    """`first`, a wall-clock time, and then every so many days, at the same time of day."""

    first: int
    every: int
    every_hour: ClassVar[bool] = False

    def next_wall(self, wall: int) -> int | None:
        found = self.first + self._before(wall) * self.every * DAY
        return found if found // DAY <= LAST_DAY else None

    def previous_wall(self, wall: int) -> int | None:
        number = self._before(min(wall, _LAST_WALL) + 1)
        return self.first + (number - 1) * self.every * DAY if number else None

    def count_walls(self, first: int, end: int) -> int:
        return max(0, self._before(min(end, _LAST_WALL + 1)) - self._before(first))

    def _before(self, wall: int) -> int:
        """How many are before a time."""
        return max(0, -((self.first - wall) // (self.every * DAY)))


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthSteps:
    """`first`, a wall-clock time, and then every so many months, on the same day of the month and at the same time.

    A month that lacks the day is skipped; with `last_day`, its last day stands for it.
    """

    first: int
    every: int
    last_day: bool
    every_hour: ClassVar[bool] = False
    _month: int = field(init=False, repr=False, compare=False)  # of the first
    _day: int = field(init=False, repr=False, compare=False)  # of the month, from 0
    _steps: int = field(init=False, repr=False, compare=False)  # how many there are until 2199

    def __post_init__(self) -> None:
        day = self.first // DAY
        month = MONTHS_OF_DAYS[day]
        object.__setattr__(self, "_month", month)
        object.__setattr__(self, "_day", day - FIRST_DAYS[month])
        object.__setattr__(self, "_steps", (len(FIRST_DAYS) - 1 - month) // self.every + 1)

    def next_wall(self, wall: int) -> int | None:
        steps = range(self._before(wall), self._steps)
        return next((self._wall(step) for step in steps if self._has_day(step)), None)

    def previous_wall(self, wall: int) -> int | None:
        steps = reversed(range(self._before(wall + 1)))
        return next((self._wall(step) for step in steps if self._has_day(step)), None)

    def count_walls(self, first: int, end: int) -> int:
        return sum(self._has_day(step) for step in range(self._before(first), self._before(end)))

    def _before(self, wall: int) -> int:
        """How many steps are before a time, missing days counted as if the last of the month stood for them."""
        day = wall // DAY
        if day < 0:
            return 0
        if day > LAST_DAY:
            return self._steps
        step = (MONTHS_OF_DAYS[day] - self._month) // self.every
        if step < 0:
            return 0
        return step + (self._wall(step) < wall)

    def _wall(self, step: int) -> int:
        month = self._month + step * self.every
        return (FIRST_DAYS[month] + min(self._day, length_of(month) - 1)) * DAY + self.first % DAY

    def _has_day(self, step: int) -> bool:
        return self.last_day or self._day < length_of(self._month + step * self.every)


_LAST_WALL = (LAST_DAY + 1) * DAY - 1
