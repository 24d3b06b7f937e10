"""Days of the week by name, `SAT`, and ranges of them, `MON-FRI`, as in a cron expression's day-of-week.

Numbers are not allowed: 1 is Sunday to Quartz and Monday to unix.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from cronquorum.names import shown
from scheduler.calendars.local_days import EPOCH, LocalDays, year_start
from scheduler.calendars.parts import Always, Part
from scheduler.cron.fields import DAYS_OF_WEEK
from scheduler.errors import InvalidJob, Violation

_WEEK = 7
_LONGEST_YEAR = 366
_EVERY_WEEK = sum(1 << day for day in range(0, _LONGEST_YEAR + _WEEK, _WEEK))


def compile_weekly(texts: Sequence[str], zone: ZoneInfo) -> Part:
    """The days of these weekdays, of the zone. Raises `InvalidJob` for a text that is none."""
    wrong: list[Violation] = []
    weekdays = 0  # bit 0 is Sunday
    for index, text in enumerate(texts):
        words = text.upper().split("-") if text.isascii() else []
        if len(words) in (1, 2) and all(word in DAYS_OF_WEEK.names for word in words):
            weekdays |= DAYS_OF_WEEK.range(DAYS_OF_WEEK.names[words[0]], DAYS_OF_WEEK.names[words[-1]])
        else:
            known = ", ".join(DAYS_OF_WEEK.names)
            problem = f"{shown(text)} is not one of {known}, nor a range such as MON-FRI"
            if any(word.isdigit() for word in words):
                problem += " (by name: a number means another day to Quartz than to unix)"
            wrong.append(Violation(f"weekly[{index}]", problem))
    if wrong:
        raise InvalidJob(*wrong)
    if weekdays == DAYS_OF_WEEK.all:
        return Always()
    return LocalDays(zone, lambda year: _mask(weekdays, year))


def _mask(weekdays: int, year: int) -> int:
    start = year_start(year)
    weekday = (EPOCH + start) % _WEEK  # of 1 January; Sunday is 0, as an ordinal's remainder has it
    turned = (weekdays >> weekday | weekdays << _WEEK - weekday) & (1 << _WEEK) - 1
    return turned * _EVERY_WEEK & (1 << year_start(year + 1) - start) - 1
