"""Days that come every year, `12-25`, and ranges of them, `12-24..01-01`, over the turn of the year as well.

29 February is in leap years only: `02-29` alone names no day of another year, and a range over it none more.
"""

import re
from calendar import isleap
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from cronquorum.names import shown
from scheduler.calendars.local_days import LocalDays
from scheduler.calendars.parts import Always, Part
from scheduler.errors import InvalidJob, Violation

_DAY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)
_LEAP_YEAR = 2024
_DAYS = 366
_FEBRUARY_29 = 31 + 28  # counted from 0


def compile_annual(texts: Sequence[str], zone: ZoneInfo) -> Part:
    """The days that the texts name, of the zone. Raises `InvalidJob` for those that name none."""
    wrong: list[Violation] = []
    leap = 0
    for index, text in enumerate(texts):
        try:
            leap |= _mask(text)
        except ValueError as error:
            wrong.append(Violation(f"annual[{index}]", str(error)))
    if wrong:
        raise InvalidJob(*wrong)
    if leap == (1 << _DAYS) - 1:
        return Always()
    before, after = leap & ((1 << _FEBRUARY_29) - 1), leap >> (_FEBRUARY_29 + 1)
    common = before | after << _FEBRUARY_29
    return LocalDays(zone, lambda year: leap if isleap(year) else common)


def _mask(text: str) -> int:
    """Days of a leap year."""
    first, dots, last = text.partition("..")
    low = _place(first, text)
    high = _place(last, text) if dots else low
    if low <= high:
        return (2 << high) - (1 << low)
    return (2 << high) - 1 | (1 << _DAYS) - (1 << low)


def _place(text: str, whole: str) -> int:
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{shown(whole)} is not a month and day such as 12-25, or a range such as 12-24..01-01, both days included"
        )
    try:
        day = date(_LEAP_YEAR, int(match[1]), int(match[2]))
    except ValueError:
        raise ValueError(f"{shown(whole)}: no year has a day {text} (month-day)") from None
    return day.timetuple().tm_yday - 1
