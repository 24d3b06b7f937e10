"""The days that an expression names: a rule for the days of a month, in some months of some years.

Days, months and the masks of a month's days are counted as in `months`.
"""

from dataclasses import dataclass, field

from .fields import MONTHS, YEARS, highest, lowest
from .months import FIRST_DAYS, KINDS, LAST_DAY, MONTHS_OF_DAYS
from .rules import EVERY_DAY, DayRule, month_table

_NO_DAYS = (0,) * (max(KINDS) + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """The days that match `rule` in these months of these years (sets as of `fields`)."""

    rule: DayRule
    months: int
    years: int
    every_day: bool = field(init=False, repr=False, compare=False)
    # For each month of the year, its days by the kind of the month.
    _tables: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        every_day = self.rule == EVERY_DAY and self.months == MONTHS.all and self.years == YEARS.all
        table = month_table(self.rule)
        tables = tuple(table if self.months >> month & 1 else _NO_DAYS for month in range(12))
        object.__setattr__(self, "every_day", every_day)
        object.__setattr__(self, "_tables", tables)

    def next_from(self, day: int) -> int | None:
        """The first of the days on or after `day`."""
        if day < 0:
            day = 0
        elif day > LAST_DAY:
            return None
        if self.every_day:
            return day
        month = MONTHS_OF_DAYS[day]
        later = self._tables[month % 12][KINDS[month]] >> (day - FIRST_DAYS[month])
        if later and self.years >> (month // 12) & 1:
            return day + (later & -later).bit_length() - 1
        return self._after_month(month)

    def previous_from(self, day: int) -> int | None:
        """The last of the days on or before `day`."""
        if day < 0:
            return None
        day = min(day, LAST_DAY)
        if self.every_day:
            return day
        month = MONTHS_OF_DAYS[day]
        first = FIRST_DAYS[month]
        earlier = self._tables[month % 12][KINDS[month]] & ((2 << (day - first)) - 1)
        if earlier and self.years >> (month // 12) & 1:
            return first + highest(earlier)
        return self._before_month(month)

    def count(self, first: int, end: int) -> int:
        """How many of the days there are with first <= day < end."""
        first, end = max(first, 0), min(end, LAST_DAY + 1)
        if first >= end:
            return 0
        if self.every_day:
            return end - first
        low, high = MONTHS_OF_DAYS[first], MONTHS_OF_DAYS[end - 1]
        whole = sum(self._days_of(month).bit_count() for month in range(low, high))
        before = self._days_of(low) & ((1 << (first - FIRST_DAYS[low])) - 1)
        within = self._days_of(high) & ((1 << (end - FIRST_DAYS[high])) - 1)
        return whole - before.bit_count() + within.bit_count()

    def _days_of(self, month: int) -> int:
        """The mask of the days in a month."""
        return self._tables[month % 12][KINDS[month]] if self.years >> (month // 12) & 1 else 0

    def _after_month(self, month: int) -> int | None:
        """The first of the days in a later month. Months and years that aren't allowed are passed over at once."""
        year, month = divmod(month, 12)
        if not self.years >> year & 1:
            month = 11
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
            at = 12 * year + month
            days = self._tables[month][KINDS[at]]
            if days:
                return FIRST_DAYS[at] + lowest(days)

    def _before_month(self, month: int) -> int | None:
        """The last of the days in an earlier month."""
        year, month = divmod(month, 12)
        if not self.years >> year & 1:
            month = 0
        while True:
            months = self.months & ((1 << month) - 1)
            if months:
                month = highest(months)
            else:
                years = self.years & ((1 << year) - 1)
                if not years:
                    return None
                year = highest(years)
                month = highest(self.months)
            at = 12 * year + month
            days = self._tables[month][KINDS[at]]
            if days:
                return FIRST_DAYS[at] + highest(days)
