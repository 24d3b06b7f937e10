"""Recurrence rules (RFC 5545, section 3.3.10), expanded a year at a time.

`dateutil` has rules as well, and the tests compare with it, but it cannot be bounded: it looks at UNTIL only when it
has found a match, so that a rule without any (30 February) is searched up to the year 9999, and it begins with the
first year of a rule whatever is asked. Here a year costs some 10 microseconds and its matches.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby, product

from jobstore.spec_values import MAX_YEAR
from scheduler.calendars.ics_times import When
from scheduler.calendars.local_days import EPOCH, year_start
from scheduler.calendars.recurrence_days import DAILY, HOURLY, MONTHLY, WEEKLY, YEARLY, DayRule
from scheduler.cron.fields import bits

_HOURS = 24
_WEEK = timedelta(days=7)
_ALL_DAYS = 366
_ALL_WEEKS = 53


@dataclass(frozen=True, kw_only=True, slots=True)
class Recurrence:
    """The starts of a series, as naive wall-clock times. DTSTART is not among them when the rule does not name it.

    until: the last start there may be.
    hours, minutes, seconds: of the starts; of the hours, for HOURLY, those which are allowed.
    positions: which starts of each period are taken, -1 for the last (BYSETPOS); empty for all.
    """

    start: datetime
    days: DayRule
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    positions: tuple[int, ...] = ()
    until: datetime | None = None

    def starts(self, low: datetime, high: datetime) -> Iterator[datetime]:
        """Those with low <= start < high, in order."""
        low = max(low, self.start)
        if self.until is not None:
            high = min(high, self.until + timedelta(seconds=1))
        if low >= high:
            return
        if not self.positions:
            found: Iterator[datetime] = self._all(low.date(), high.date())
        else:
            found = self._chosen(low, high)
        for start in found:
            if low <= start < high:
                yield start

    def most_in_a_year(self) -> int:
        """No year has more starts than that."""
        hours = len(self.hours)
        if self.days.frequency == HOURLY:
            hours = min(hours, _HOURS // self.days.interval + 1)
        times = hours * len(self.minutes) * len(self.seconds)
        most = self.days.most_in_a_year() * times
        if not self.positions:
            return most
        periods = {YEARLY: 1, MONTHLY: 12, WEEKLY: _ALL_WEEKS, DAILY: _ALL_DAYS, HOURLY: _ALL_DAYS * _HOURS}
        # What is not taken costs its time as well.
        return max(most, periods[self.days.frequency] * len(self.positions))

    def _all(self, first: date, last: date) -> Iterator[datetime]:
        """The starts on the days from first to last, whichever of a period they are."""
        times = [time(*told) for told in product(self.hours, self.minutes, self.seconds)]
        for year in range(first.year, last.year + 1):
            start = year_start(year)
            low = max(first.toordinal() - EPOCH - start, 0)
            days = self.days.in_year(year) >> low << low & (2 << last.toordinal() - EPOCH - start) - 1
            for bit in bits(days):
                day = date.fromordinal(EPOCH + start + bit)
                for at in times:
                    if self.days.frequency != HOURLY or self._hours_since_start(day, at) % self.days.interval == 0:
                        yield datetime.combine(day, at)

    def _chosen(self, low: datetime, high: datetime) -> Iterator[datetime]:
        """The starts by their positions, of whole periods."""
        first, last = low.date(), high.date()
        if self.days.frequency == YEARLY:
            first, last = first.replace(month=1, day=1), last.replace(month=12, day=31)
        elif self.days.frequency == MONTHLY:
            first, last = first.replace(day=1), last.replace(day=28) + _WEEK
        elif self.days.frequency == WEEKLY:
            first, last = first - _WEEK, last + _WEEK
        for _, group in groupby(self._all(first, last), self._period):
            starts = list(group)
            places = {place - 1 if place > 0 else len(starts) + place for place in self.positions}
            yield from (starts[place] for place in sorted(places) if 0 <= place < len(starts))

    def _period(self, start: datetime) -> int:
        """A number of the period that a start belongs to."""
        day = start.toordinal() - EPOCH
        if self.days.frequency == YEARLY:
            return start.year
        if self.days.frequency == MONTHLY:
            return start.year * 12 + start.month
        if self.days.frequency == WEEKLY:
            return self.days.week_of(day)
        return day if self.days.frequency == DAILY else day * _HOURS + start.hour

    def _hours_since_start(self, day: date, at: time) -> int:
        return (day.toordinal() - self.start.toordinal()) * _HOURS + at.hour - self.start.hour


def ended(rule: Recurrence, first: When, count: int) -> tuple[Recurrence, int]:
    """The rule without the starts that come after `count` of them, of which `first` is one; and how many years had
    to be gone through to find that. Wall-clock times that a clock change skips do not count (section 3.3.10)."""
    left = count - 1
    if not left:
        return replace(rule, until=rule.start), 1
    for year in range(rule.start.year, MAX_YEAR + 2):
        low = datetime.combine(date(year, 1, 1), time())
        for start in rule.starts(low, low.replace(year=year + 1)):
            if start > rule.start and first.at(start).exists:
                left -= 1
                if not left:
                    return replace(rule, until=start), year - rule.start.year + 1
    return rule, max(1, MAX_YEAR + 2 - rule.start.year)
