"""The times that a cron expression names, as Quartz's CronCalendar has them.

It matches in every second that the wall clock shows a time which the expression names: `* * 8-17 ? * MON-FRI` is
from 08:00 until 18:00 of working days, and `0 0 12 * * ?` the one second at noon. The five fields of unix (and the
macros, which stand for them) know no seconds, so they mean whole minutes: `* 8-17 * * 1-5` is the same hours.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from scheduler.calendars.parts import DAY, END, HOUR, MINUTE, Always, Part, Stretch
from scheduler.cron import CronError, parse
from scheduler.cron.days import Days
from scheduler.cron.fields import HOURS, MINUTES, SECONDS
from scheduler.cron.layout import lay_out
from scheduler.cron.offsets import span_at
from scheduler.cron.times import TimesOfDay
from scheduler.cron.walls import next_wall, previous_wall
from scheduler.errors import InvalidJob, Violation

_MOST_DAYS = 400
"""Days in a row that are looked at, forwards and backwards, to find the ends of a stretch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CronTimes:
    """The wall-clock times of these days and times of day."""

    zone: ZoneInfo
    times: TimesOfDay
    days: Days

    def at(self, instant: int) -> Stretch:
        span = span_at(self.zone, instant)
        offset = span.offset
        wall = instant + offset
        later = next_wall(self.times, self.days, wall)
        matches = later == wall
        if matches:
            since, until = self._run(wall)
        else:
            earlier = previous_wall(self.times, self.days, wall)
            since = span.start + offset if earlier is None else earlier + 1
            until = END + DAY if later is None else later
        return Stretch(matches, max(since - offset, span.start), min(until - offset, span.end))

    def _run(self, wall: int) -> tuple[int, int]:
        """The times without a gap around one that is named, at most up to the end of the unit that has a gap."""
        times = self.times
        if times.seconds != SECONDS.all:
            return _run_of(times.seconds, wall, 1, MINUTE)
        if times.minutes != MINUTES.all:
            return _run_of(times.minutes, wall, MINUTE, HOUR)
        if times.hours != HOURS.all:
            return _run_of(times.hours, wall, HOUR, DAY)
        day = first = wall // DAY
        for _ in range(_MOST_DAYS):
            if self.days.next_from(day + 1) != day + 1:
                break
            day += 1
        for _ in range(_MOST_DAYS):
            if self.days.previous_from(first - 1) != first - 1:
                break
            first -= 1
        return first * DAY, (day + 1) * DAY


def compile_cron(text: str, zone: ZoneInfo) -> Part:
    """The times that the expression names, in the zone. Raises `InvalidJob` for what is no expression, and for H:
    a calendar has nothing to hash from, and which times it means must be seen in it."""
    try:
        expression = parse(text)
    except CronError as error:
        raise InvalidJob(Violation("cron", str(error))) from None
    times = expression.times
    if lay_out(text).is_unix:
        times = TimesOfDay(seconds=SECONDS.all, minutes=times.minutes, hours=times.hours)
    if expression.days.every_day and times.every_hour and times.minutes == MINUTES.all and times.seconds == SECONDS.all:
        return Always()
    return CronTimes(zone=zone, times=times, days=expression.days)


def _run_of(mask: int, wall: int, unit: int, whole: int) -> tuple[int, int]:
    """The run of a field's values, which are `unit` seconds each, around the one at `wall`."""
    start = wall - wall % whole
    value = wall % whole // unit
    after = mask >> value
    end = value + (~after & (after + 1)).bit_length() - 1
    missing = ~mask & ((1 << value) - 1)
    return start + missing.bit_length() * unit, start + end * unit
