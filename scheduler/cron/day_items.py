"""Reading the two day fields, which have items of their own.

    day-of-month = ... | "L" ["-" distance] ["W"] | day "W"
    day-of-week  = ... | weekday "#" nth | weekday "L" | "L"

In lists as well, which Quartz does not have.
"""

import re

from .fields import DAYS_OF_MONTH, DAYS_OF_WEEK, UNIX_DAYS_OF_WEEK, Field
from .items import read_item, read_value
from .rules import EVERY_DAY, EVERY_WEEK, WEEKS, MonthDays, WeekDays
from .words import Word

_LARGEST_DISTANCE = 30  # `L-30` is the first of a month of 31 days

_LAST_DAY = re.compile(r"L(?:-(?P<distance>[0-9]+))?(?P<weekday>W)?", re.IGNORECASE)
_NEAREST = re.compile(r"(?P<day>[0-9]+)W", re.IGNORECASE)
_NTH = re.compile(r"(?P<weekday>[0-9]+|[A-Z]+)#(?P<nth>[0-9]+)", re.IGNORECASE)
_LAST_WEEKDAY = re.compile(r"(?P<weekday>[0-9]+|[A-Z]+)L", re.IGNORECASE)

# What is met and means nothing.
_TO_LAST = re.compile(r"(?P<first>0?[1-9]|[12][0-9]|3[01])-L", re.IGNORECASE)
_LAST_NAMED = re.compile(rf"(?:[0-9]|{'|'.join(DAYS_OF_WEEK.names)})L", re.IGNORECASE)
_OF_MONTH = re.compile(r"L-[0-9]+W?|LW|[0-9]+W", re.IGNORECASE)
_WEEKDAYS_TO_LAST = re.compile(r"(?:[0-9]|[A-Z]+)-(?:[0-9]?|[A-Z]*)L", re.IGNORECASE)


def read_month_days(items: list[Word]) -> MonthDays:
    """The days that the items of a day-of-month say."""
    days = before_last = weekdays_near = weekdays_near_last = 0
    for item in items:
        letters = item.text.upper()
        if letters.startswith("L"):
            match = _LAST_DAY.fullmatch(item.text)
            if match is None:
                problem = f"is not L, LW, L-n or L-nW with n in 0-{_LARGEST_DISTANCE}"
                raise item.error(DAYS_OF_MONTH, problem)
            day = 1 << _distance(item.group(match, "distance"))
            if match["weekday"]:
                weekdays_near_last |= day
            else:
                before_last |= day
        elif letters.endswith("W"):
            match = _NEAREST.fullmatch(item.text)
            if match is None:
                raise item.error(DAYS_OF_MONTH, "is not nW with n in 1-31; W is for one day, as in 15W or LW")
            weekdays_near |= 1 << _value(DAYS_OF_MONTH, item, match, "day") - 1
        elif match := _TO_LAST.fullmatch(item.text):
            whole = f"{match['first']}-{DAYS_OF_MONTH.high}"
            raise item.error(DAYS_OF_MONTH, f"cannot end in L; write {whole}: days that a month lacks are left out")
        elif _LAST_NAMED.fullmatch(item.text):
            raise item.error(DAYS_OF_MONTH, "is for day-of-week, as in FRIL; here L is the month's last day")
        else:
            days |= read_item(DAYS_OF_MONTH, item)
    if days == DAYS_OF_MONTH.all:
        return EVERY_DAY
    return MonthDays(
        days=days, before_last=before_last, weekdays_near=weekdays_near, weekdays_near_last=weekdays_near_last
    )


def read_week_days(field: Field, items: list[Word]) -> WeekDays:
    """The days that the items of a day-of-week say, in the numbers of this field."""
    weekdays = nth = last = 0
    for item in items:
        if "#" in item.text:
            nth |= _nth(field, item)
        elif item.text.upper() == "L" and field is UNIX_DAYS_OF_WEEK:
            raise item.error(field, "is SAT in Quartz and nothing in unix; write SAT, or FRIL for the last Friday")
        elif item.text.upper() == "L":
            weekdays |= field.range(field.high, field.high)
        elif _OF_MONTH.fullmatch(item.text):
            raise item.error(field, "is for day-of-month; a weekday is as in FRI, FRIL (the last one) or FRI#3")
        elif _WEEKDAYS_TO_LAST.fullmatch(item.text):
            raise item.error(field, "is not a range; L is for one weekday, as in FRIL, the last Friday of the month")
        elif match := _LAST_WEEKDAY.fullmatch(item.text):
            weekday = _value(field, item, match, "weekday")
            last |= field.range(weekday, weekday)
        else:
            weekdays |= read_item(field, item)
    # What a weekday itself says need not be said again.
    return WeekDays(weekdays=weekdays, nth=nth & ~(weekdays * EVERY_WEEK), last=last & ~weekdays)


def _nth(field: Field, item: Word) -> int:
    match = _NTH.fullmatch(item.text)
    if match is None:
        raise item.error(field, f"is not weekday#n with n in 1-{WEEKS}, as in FRI#3")
    weekday = _value(field, item, match, "weekday")
    nth = item.group(match, "nth")
    assert nth is not None
    if not 1 <= int(nth.text) <= WEEKS:
        raise nth.error(field, f"is not in 1-{WEEKS}, which of these weekdays in the month")
    return field.range(weekday, weekday) << 7 * (int(nth.text) - 1)


def _distance(word: Word | None) -> int:
    if word is None:
        return 0
    distance = int(word.text)
    if distance > _LARGEST_DISTANCE:
        raise word.error(DAYS_OF_MONTH, f"is not in 0-{_LARGEST_DISTANCE}, the days before the last")
    return distance


def _value(field: Field, item: Word, match: re.Match[str], name: str) -> int:
    word = item.group(match, name)
    assert word is not None
    return read_value(field, word)
