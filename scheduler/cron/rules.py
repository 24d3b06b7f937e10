"""Rules for the days of a month: by number, by weekday, and both at once.

A mask of a month's days has bit 0 for the first of the month; a set of weekdays has bit 0 for Sunday.
"""

from dataclasses import dataclass
from functools import lru_cache

from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, bits, highest
from .months import WEEKDAYS, by_kind

WEEKS = 5  # a weekday comes four or five times in a month
EVERY_WEEK = sum(1 << 7 * week for week in range(WEEKS))

_SUNDAY, _SATURDAY = 0, 6


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthDays:
    """Days counted in the month. Days that a month lacks aren't in it, whatever is nearest to them.

    days: a set of DAYS_OF_MONTH.
    before_last: days by their distance from the last day; bit 0 is the last day itself (`L`, `L-3`).
    weekdays_near: the weekdays nearest to these days (`15W`): MON-FRI, and never of another month.
    weekdays_near_last: the same by the distance from the last day (`LW`, `L-3W`).
    """

    days: int = 0
    before_last: int = 0
    weekdays_near: int = 0
    weekdays_near_last: int = 0

    def in_month(self, length: int, first: int) -> int:
        """The mask of matching days in a month of this length whose first day is weekday `first`."""
        last = length - 1
        mask = self.days & ((1 << length) - 1)
        for distance in bits(self.before_last):
            if distance <= last:
                mask |= 1 << (last - distance)
        near = [day for day in bits(self.weekdays_near) if day <= last]
        near += [last - distance for distance in bits(self.weekdays_near_last) if distance <= last]
        for day in near:
            mask |= 1 << _nearest_weekday(day, last, (first + day) % 7)
        return mask

    def render(self) -> str:
        """The text of the field, the same text for the same rule."""
        items = [DAYS_OF_MONTH.render(self.days)] if self.days else []
        items += [f"{day + 1}W" for day in bits(self.weekdays_near)]
        items += [_last(distance) for distance in bits(self.before_last)]
        items += [f"{_last(distance)}W" for distance in bits(self.weekdays_near_last)]
        return ",".join(items)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekDays:
    """Days by their weekday.

    weekdays: a set of DAYS_OF_WEEK.
    nth: the nth of a weekday in the month (`FRI#3`); bit 7 * (n - 1) + weekday.
    last: the last of a weekday in the month (`FRIL`), a set of DAYS_OF_WEEK.
    """

    weekdays: int = 0
    nth: int = 0
    last: int = 0

    def in_month(self, length: int, first: int) -> int:
        """As of MonthDays."""
        all_days = (1 << length) - 1
        mask = 0
        for weekday in WEEKDAYS:
            place = (weekday - first) % 7
            days = EVERY_WEEK << place & all_days
            if self.weekdays >> weekday & 1:
                mask |= days
            # The nths of this weekday have the same distances from each other as the days themselves.
            mask |= (self.nth >> weekday & EVERY_WEEK) << place & all_days
            if self.last >> weekday & 1:
                mask |= 1 << highest(days)
        return mask

    def render(self) -> str:
        """As of MonthDays."""
        names = list(DAYS_OF_WEEK.names)
        items = [DAYS_OF_WEEK.render(self.weekdays)] if self.weekdays else []
        items += [f"{names[nth % 7]}#{nth // 7 + 1}" for nth in bits(self.nth)]
        items += [f"{names[weekday]}L" for weekday in bits(self.last)]
        return ",".join(items)


@dataclass(frozen=True, kw_only=True, slots=True)
class BothDays:
    """Days that match both rules."""

    month: MonthDays
    week: WeekDays

    def in_month(self, length: int, first: int) -> int:
        """As of MonthDays."""
        return self.month.in_month(length, first) & self.week.in_month(length, first)


@dataclass(frozen=True, kw_only=True, slots=True)
class EitherDays:
    """Days that match at least one of the rules."""

    month: MonthDays
    week: WeekDays

    def in_month(self, length: int, first: int) -> int:
        """As of MonthDays."""
        return self.month.in_month(length, first) | self.week.in_month(length, first)


DayRule = MonthDays | WeekDays | BothDays | EitherDays

EVERY_DAY = MonthDays(days=DAYS_OF_MONTH.all)
EVERY_WEEKDAY = WeekDays(weekdays=DAYS_OF_WEEK.all)


def both_days(month: MonthDays, week: WeekDays) -> DayRule:
    """The days of both rules; every day is EVERY_DAY, whichever rule says it."""
    if week == EVERY_WEEKDAY:
        return month
    return week if month == EVERY_DAY else BothDays(month=month, week=week)


def either_days(month: MonthDays, week: WeekDays) -> DayRule:
    """The days of at least one of the rules."""
    if month == EVERY_DAY or week == EVERY_WEEKDAY:
        return EVERY_DAY
    return EitherDays(month=month, week=week)


@lru_cache(maxsize=1024)  # shared: there are few rules and many expressions; 1 KB each
def month_table(rule: DayRule) -> tuple[int, ...]:
    """The days of the rule in a month of each kind (`months.by_kind`)."""
    return by_kind(rule.in_month)


def _nearest_weekday(day: int, last: int, weekday: int) -> int:
    """The weekday nearest to `day` (from 0) in a month whose last day is `last`."""
    if weekday == _SATURDAY:
        return day - 1 if day > 0 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _last(distance: int) -> str:
    return f"L-{distance}" if distance else "L"
