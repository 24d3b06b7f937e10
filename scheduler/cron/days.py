"""The days that an expression names.

Days are counted from 1970-01-01, which is day 0. The days of one month are a mask: bit 0 is the first of the
month.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, FIRST_YEAR, LAST_YEAR, MONTHS, YEARS, lowest

_EPOCH = date(1970, 1, 1).toordinal()
LAST_DAY = date(LAST_YEAR, 12, 31).toordinal() - _EPOCH

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_THURSDAY = 4  # the weekday of day 0, counted from Sunday
_EVERY_SEVENTH = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28


class DayRule(Protocol):
    """Which days of a month match. A frozen value: equal rules match the same days.

    Whatever Quartz can say of a day (the last Friday, the weekday nearest to the 15th) follows from the
    month's length and the weekday of its first day, so each further kind of rule is one more class of this
    shape.
    """

    def in_month(self, length: int, first: int) -> int:
        """The mask of matching days in a month of this length whose first day is weekday `first` (0: SUN)."""

    def render(self) -> tuple[str, str]:
        """The texts of day-of-month and day-of-week."""


@dataclass(frozen=True, slots=True)
class MonthDays:
    """Days by their number, a set of DAYS_OF_MONTH."""

    days: int

    def in_month(self, length: int, first: int) -> int:
        return self.days & ((1 << length) - 1)

    def render(self) -> tuple[str, str]:
        return DAYS_OF_MONTH.render(self.days), "?"


@dataclass(frozen=True, slots=True)
class WeekDays:
    """Days by their weekday, a set of DAYS_OF_WEEK."""

    weekdays: int

    def in_month(self, length: int, first: int) -> int:
        first_week = (self.weekdays >> first | self.weekdays << (7 - first)) & DAYS_OF_WEEK.all
        return first_week * _EVERY_SEVENTH & ((1 << length) - 1)

    def render(self) -> tuple[str, str]:
        return "?", DAYS_OF_WEEK.render(self.weekdays)


EVERY_DAY = MonthDays(DAYS_OF_MONTH.all)


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """The days that match `rule` in these months of these years (sets as of `fields`)."""

    rule: DayRule
    months: int
    years: int
    unrestricted: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unrestricted = self.rule == EVERY_DAY and self.months == MONTHS.all and self.years == YEARS.all
        object.__setattr__(self, "unrestricted", unrestricted)

    def next_from(self, day: int) -> int | None:
        """The first of the days on or after `day`."""
        if day < 0:
            day = 0
        elif day > LAST_DAY:
            return None
        if self.unrestricted:
            return day
        at = date.fromordinal(day + _EPOCH)
        year, month, passed = at.year - FIRST_YEAR, at.month - 1, at.day - 1
        in_year = self.years >> year & 1
        if in_year and self.months >> month & 1:
            later = self._in_month(year, month, day - passed) >> passed
            if later:
                return day + lowest(later)
        return self._after_month(year, month if in_year else 12)

    def _after_month(self, year: int, month: int) -> int | None:
        """The first of the days in a month after this one; year and month are counted from 0."""
        while True:
            months = self.months >> (month + 1)
            if months:
                month += 1 + lowest(months)
            else:
                years = self.years >> (year + 1)
                if not years:
                    return None
                year += 1 + lowest(years)
                month = lowest(self.months)
            first = date(year + FIRST_YEAR, month + 1, 1).toordinal() - _EPOCH
            found = self._in_month(year, month, first)
            if found:
                return first + lowest(found)

    def _in_month(self, year: int, month: int, first: int) -> int:
        length = _LENGTHS[month]
        if month == 1 and _is_leap(year + FIRST_YEAR):
            length = 29
        return self.rule.in_month(length, (first + _THURSDAY) % 7)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
