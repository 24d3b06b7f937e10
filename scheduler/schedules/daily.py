"""Every so long from one time of day to another."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from cronquorum.durations import format_duration
from cronquorum.names import shown
from jobstore.trigger_spec import DailySpec
from scheduler.cron import CronError
from scheduler.cron.day_items import read_week_days
from scheduler.cron.days import Days
from scheduler.cron.fields import DAYS_OF_WEEK, MONTHS, YEARS
from scheduler.cron.hashing import resolve
from scheduler.cron.layout import LONGEST_TEXT
from scheduler.cron.rules import EVERY_DAY, both_days
from scheduler.cron.times import DAY, HOUR, MINUTE
from scheduler.cron.walls import count_walls, next_wall, previous_wall
from scheduler.cron.words import Word
from scheduler.errors import InvalidJob, Violation
from scheduler.schedules.instants import SECOND

_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
_HOURS_OF_DAY = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """`number` times from 0 on, `every` so many seconds; all in one day."""

    every: int
    number: int

    @property
    def first(self) -> int:
        return 0

    @property
    def last(self) -> int:
        return (self.number - 1) * self.every

    def next_from(self, second: int) -> int | None:
        step = -(-second // self.every)
        return step * self.every if step < self.number else None

    def previous_from(self, second: int) -> int | None:
        return min(second // self.every, self.number - 1) * self.every

    def count_before(self, second: int) -> int:
        return min(-(-second // self.every), self.number)


@dataclass(frozen=True, kw_only=True, slots=True)
class DailyTimes:
    """The wall-clock times `start + steps` of a window that begins on each of `days`; `start` in seconds of the day.

    A window is shorter than a day, so it ends before the next one begins, and may run over midnight. Its times are
    found on a clock that is `start` behind, on which no window does.
    """

    days: Days
    start: int
    steps: Steps
    every_hour: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # As in cron, the hours alone decide, and not the days.
        first, last = self.start, self.start + self.steps.last
        if self.steps.every <= HOUR:  # no hour between is left out
            hours = len(range(first // HOUR, last // HOUR + 1))
        else:
            hours = len({second // HOUR % _HOURS_OF_DAY for second in range(first, last + 1, self.steps.every)})
        object.__setattr__(self, "every_hour", hours >= _HOURS_OF_DAY)

    def next_wall(self, wall: int) -> int | None:
        found = next_wall(self.steps, self.days, wall - self.start)
        return None if found is None else found + self.start

    def previous_wall(self, wall: int) -> int | None:
        found = previous_wall(self.steps, self.days, wall - self.start)
        return None if found is None else found + self.start

    def count_walls(self, first: int, end: int) -> int:
        return count_walls(self.steps, self.days, first - self.start, end - self.start)


def read_daily(spec: DailySpec, key: str) -> DailyTimes:
    """What the texts say. `key` is what H in `days` is hashed from.

    `to` is the last time that is allowed. Earlier than `from`, it is one of the next day; `24:00` is the end of the
    day, and no time of it, so that a window of the whole day doesn't name midnight twice.

    Raises `InvalidJob` with all that is wrong.
    """
    wrong = list(_wrong_every(spec.every))
    start, to, days = 0, 0, None
    try:
        start = _time(spec.from_)
    except ValueError as error:
        wrong.append(Violation("daily.from", str(error)))
    try:
        to = _time(spec.to, until=True)
    except ValueError as error:
        wrong.append(Violation("daily.to", str(error)))
    try:
        days = _days(spec.days, key)
    except CronError as error:
        wrong.append(Violation("daily.days", str(error)))
    if wrong or days is None:
        raise InvalidJob(*wrong)
    last = DAY - 1 if to == DAY else to if to >= start else to + DAY
    every = spec.every // SECOND
    return DailyTimes(days=days, start=start, steps=Steps(every=every, number=(last - start) // every + 1))


def _wrong_every(every: timedelta) -> Iterator[Violation]:
    if every % SECOND:
        yield Violation("daily.every", f"{format_duration(every)} is not a whole number of seconds")
    if every > timedelta(seconds=DAY):
        more = "for longer ones there are interval and calendarInterval"
        yield Violation("daily.every", f"{format_duration(every)} is longer than 24h; {more}")


def _time(text: str, *, until: bool = False) -> int:
    """A time of day in seconds since midnight."""
    match = _TIME.fullmatch(text)
    hour, minute, second = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
    of_day = hour * HOUR + minute * MINUTE + second
    if minute < 60 and second < 60 and (of_day < DAY or (until and of_day == DAY)):
        return of_day
    also = ", or 24:00" if until else ""
    raise ValueError(f"{shown(text)} is not a time of day such as 09:00 or 09:00:30{also}")


def _days(text: str | None, key: str) -> Days:
    """The days of a cron's field day-of-week. Raises CronError."""
    if text in (None, "*", "?"):
        return Days(rule=EVERY_DAY, months=MONTHS.all, years=YEARS.all)
    if len(text) > LONGEST_TEXT:
        raise CronError(f"{len(text)} characters are more than {LONGEST_TEXT}", text, field=DAYS_OF_WEEK.name)
    word = Word(text, 0, text)
    word.check_characters(DAYS_OF_WEEK)
    items = [resolve(DAYS_OF_WEEK, item, key) for item in word.split(",")]
    return Days(rule=both_days(EVERY_DAY, read_week_days(DAYS_OF_WEEK, items)), months=MONTHS.all, years=YEARS.all)
