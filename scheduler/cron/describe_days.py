"""The days of an expression in words."""

from .days import Days
from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, MONTHS, YEARS, bits
from .phrases import enumerated, joined, ordinal, stepped
from .rules import EVERY_DAY, BothDays, EitherDays, MonthDays, WeekDays

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


def describe_days(days: Days) -> str:
    """ "every day", "on the 1st and the last day of the month", "on Monday to Friday in January from 2027 to 2030"."""
    words = [_describe_rule(days), _years(days.years)]
    return " ".join(filter(None, words))


def _describe_rule(days: Days) -> str:
    rule, months = days.rule, days.months
    if rule == EVERY_DAY:
        return f"every day{_in(months)}"
    if isinstance(rule, MonthDays):
        return f"on {_month_days(rule)}{_of(months)}"
    if isinstance(rule, WeekDays):
        return _on_week_days(rule, months)
    if isinstance(rule, EitherDays):
        return f"on {_month_days(rule.month)}{_of(months)} and also {_on_week_days(rule.week, months)}"
    assert isinstance(rule, BothDays)
    return f"on {_month_days(rule.month)}{_of(months)}, when it is also {_week_days(rule.week)}"


def _month_days(rule: MonthDays) -> str:
    parts = []
    if rule.days:
        regular = stepped(DAYS_OF_MONTH, rule.days, "day", _the)
        parts += [regular] if regular else enumerated(DAYS_OF_MONTH, rule.days, _the)
    parts += [f"the weekday nearest {_the(day + 1)}" for day in bits(rule.weekdays_near)]
    parts += [_before_last(distance) for distance in bits(rule.before_last)]
    parts += [
        f"the weekday nearest {_before_last(distance)}" if distance else "the last weekday"
        for distance in bits(rule.weekdays_near_last)
    ]
    return joined(parts)


def _on_week_days(rule: WeekDays, months: int) -> str:
    return f"on {_week_days(rule)}{_of(months) if rule.nth or rule.last else _in(months)}"


def _week_days(rule: WeekDays) -> str:
    parts = enumerated(DAYS_OF_WEEK, rule.weekdays, _weekday) if rule.weekdays else []
    if rule.nth or rule.last:
        parts = [f"every {part}" for part in parts]
    parts += [f"the {ordinal(nth // 7 + 1)} {_WEEKDAYS[nth % 7]}" for nth in bits(rule.nth)]
    parts += [f"the last {_WEEKDAYS[weekday]}" for weekday in bits(rule.last)]
    return joined(parts)


def _in(months: int) -> str:
    """After days that recur within a month: "", " in January and June", " from March to May"."""
    if months == MONTHS.all:
        return ""
    names = enumerated(MONTHS, months, _month)
    if len(names) == 1 and " to " in names[0]:
        return f" from {names[0]}"
    return f" in {joined(names)}"


def _of(months: int) -> str:
    """After days of a month: " of the month", " of January and June", " of every month from March to May"."""
    if months == MONTHS.all:
        return " of the month"
    if " to " in _in(months):
        return f" of every month{_in(months)}"
    return _in(months).replace(" in ", " of ")


def _years(years: int) -> str:
    if years == YEARS.all:
        return ""
    regular = stepped(YEARS, years, "year")
    names = [regular] if regular else enumerated(YEARS, years)
    if regular is None and len(names) == 1 and " to " in names[0]:
        return f"from {names[0]}"
    return f"in {joined(names)}"


def _before_last(distance: int) -> str:
    if distance < 2:
        return "the day before the last day" if distance else "the last day"
    return f"{_the(distance)} day before the last day"


def _the(day: int) -> str:
    return f"the {ordinal(day)}"


def _month(month: int) -> str:
    return _MONTHS[month - 1]


def _weekday(weekday: int) -> str:
    return _WEEKDAYS[weekday - 1]
