"""The days of a recurrence rule, as a mask of the days of a year (bit 0 is the first of January)."""

from calendar import isleap
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, pairwise

from scheduler.calendars.local_days import EPOCH, year_start

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY")
YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY = range(len(FREQUENCIES))

_MONTHS = 12
_WEEK = 7
_THURSDAY = 3  # of day 0, counted from Monday
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_COMMON = tuple(pairwise(accumulate(_LENGTHS, initial=0)))
_LEAP = tuple(pairwise(accumulate((31, 29, *_LENGTHS[2:]), initial=0)))
_EVERY_WEEK = sum(1 << day for day in range(0, 366 + _WEEK, _WEEK))


@dataclass(frozen=True, kw_only=True, slots=True)
class DayRule:
    """Days that match all that is told here; what is empty asks for nothing.

    start: the day of DTSTART, from which intervals count. Days are counted from 1970-01-01, which is day 0.
    week_start: the first day of a week, 0 for Monday.
    weekdays: (weekday, n) with n as in `-1FR`, and 0 for every one.
    month_days, year_days, weeks: counted from 1, or from the end from -1.
    """

    frequency: int
    interval: int
    start: int
    week_start: int = 0
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()

    def in_year(self, year: int) -> int:
        """The days of a year."""
        months = _LEAP if isleap(year) else _COMMON
        first, length = year_start(year), months[-1][1]
        mask = self._of_interval(year, first, months)
        if self.months and mask:
            mask &= _of(months[month - 1] for month in self.months)
        if self.month_days and mask:
            mask &= sum(_counted(self.month_days, begin, end) for begin, end in months)
        if self.year_days and mask:
            mask &= _counted(self.year_days, 0, length)
        if self.weeks and mask:
            mask &= self._weeks(year, first)
        if self.weekdays and mask:
            mask &= self._weekdays(first, months)
        return mask & (1 << length) - 1

    def week_of(self, day: int) -> int:
        """A number of the week that a day belongs to, counted from some week."""
        return (day + _THURSDAY - self.week_start) // _WEEK

    def most_in_a_year(self) -> int:
        """No year has more days than that."""
        months = len(self.months) or _MONTHS
        most = [366]
        if self.year_days:
            most.append(len(self.year_days))
        if self.month_days:
            most.append(months * len(self.month_days))
        if self.weekdays:
            of_a_month = self.frequency == MONTHLY or self.months
            most.append(sum((months if of_a_month else 1) if n else min(53, 5 * months) for _, n in self.weekdays))
        if self.weeks:
            most.append(_WEEK * (len(self.weeks) + 1))
        return min(most)

    def _of_interval(self, year: int, first: int, months: tuple[tuple[int, int], ...]) -> int:
        length, step = months[-1][1], self.interval
        whole = (1 << length) - 1
        if step == 1 or self.frequency == HOURLY:
            return whole
        start = date.fromordinal(EPOCH + self.start)
        if self.frequency == YEARLY:
            return 0 if (year - start.year) % step else whole
        if self.frequency == MONTHLY:
            since = (year - start.year) * _MONTHS + 1 - start.month
            return _of(days for month, days in enumerate(months) if (since + month) % step == 0)
        if self.frequency == DAILY:
            return sum(1 << day for day in range((self.start - first) % step, length, step))
        begin = first - (first + _THURSDAY - self.week_start) % _WEEK  # of the week of 1 January
        weeks = self.week_of(begin) - self.week_of(self.start)
        days = (begin - first + _WEEK * week for week in range(-weeks % step, 54, step))
        return sum((127 << day if day >= 0 else 127 >> -day) for day in days)

    def _weeks(self, year: int, first: int) -> int:
        """A week belongs to the year that has at least four of its days. Those of the years beside this one reach
        into it."""
        mask = 0
        for weeks_of in (year - 1, year, year + 1):
            begin, end = self._first_week(weeks_of), self._first_week(weeks_of + 1)
            for week in self.weeks:
                day = begin + _WEEK * (week - 1) if week > 0 else end + _WEEK * week
                if begin <= day < end:
                    place = day - first
                    mask |= 127 << place if place >= 0 else 127 >> -place
        return mask

    def _first_week(self, year: int) -> int:
        """The first day of the week that has 4 January in it."""
        day = year_start(year) + 3
        return day - (day + _THURSDAY - self.week_start) % _WEEK

    def _weekdays(self, first: int, months: tuple[tuple[int, int], ...]) -> int:
        monday = -(first + _THURSDAY) % _WEEK  # the first one of the year
        of_a_month = self.frequency == MONTHLY or (self.frequency == YEARLY and self.months)
        periods = months if of_a_month else ((0, months[-1][1]),)
        mask = 0
        for weekday, nth in self.weekdays:
            days = _EVERY_WEEK << (monday + weekday) % _WEEK
            if not nth:
                mask |= days
                continue
            for begin, end in periods:
                low = begin + (monday + weekday - begin) % _WEEK
                high = end - 1 - (end - 1 - monday - weekday) % _WEEK
                day = low + _WEEK * (nth - 1) if nth > 0 else high + _WEEK * (nth + 1)
                if begin <= day < end:
                    mask |= 1 << day
        return mask


def _of(ranges: Iterable[tuple[int, int]]) -> int:
    mask = 0
    for begin, end in ranges:
        mask |= (1 << end) - (1 << begin)
    return mask


def _counted(told: Iterable[int], begin: int, end: int) -> int:
    mask = 0
    for number in told:
        day = begin + number - 1 if number > 0 else end + number
        if begin <= day < end:
            mask |= 1 << day
    return mask
