"""Reading an RRULE (RFC 5545, section 3.3.10)."""

import re
from collections.abc import Mapping
from datetime import datetime, time
from zoneinfo import ZoneInfo

from cronquorum.names import shown, suggestion
from scheduler.calendars.ics_text import Property
from scheduler.calendars.ics_times import When, read_when
from scheduler.calendars.local_days import EPOCH
from scheduler.calendars.recurrence import Recurrence
from scheduler.calendars.recurrence_days import FREQUENCIES, HOURLY, MONTHLY, WEEKLY, YEARLY, DayRule

LARGEST_INTERVAL = 10_000
LARGEST_COUNT = 10_000

_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_WEEKDAY = re.compile(rf"([+-]?\d{{1,2}})?({'|'.join(_WEEKDAYS)})", re.ASCII)
_TOO_OFTEN = ("SECONDLY", "MINUTELY")
# The lowest and the highest value, and whether they may count from the end.
_NUMBERS = {
    "BYSECOND": (0, 59, False),
    "BYMINUTE": (0, 59, False),
    "BYHOUR": (0, 23, False),
    "BYMONTHDAY": (1, 31, True),
    "BYYEARDAY": (1, 366, True),
    "BYWEEKNO": (1, 53, True),
    "BYMONTH": (1, 12, False),
    "BYSETPOS": (1, 366, True),
}
_KEYS = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_NUMBERS)


def read_recurrence(found: Property, start: When, where: ZoneInfo) -> tuple[Recurrence, int | None]:
    """The rule of a series that starts then, and its COUNT. Raises IcsError."""
    told = _pairs(found)
    frequency = _frequency(found, told)
    interval = _number(found, "INTERVAL", told.get("INTERVAL", "1"), 1, LARGEST_INTERVAL)
    count = _number(found, "COUNT", told["COUNT"], 1, LARGEST_COUNT) if "COUNT" in told else None
    if count is not None and "UNTIL" in told:
        raise found.error("has both COUNT and UNTIL; one is allowed")
    week_start = told.get("WKST", "MO")
    if week_start not in _WEEKDAYS:
        raise found.error(f"WKST: {shown(week_start)} is not one of {', '.join(_WEEKDAYS)}")
    _check_frequency(found, frequency, told)
    numbers = {key: _numbers(found, key, told[key]) if key in told else () for key in _NUMBERS}
    weekdays = {_weekday(found, text, frequency) for text in told["BYDAY"].split(",")} if "BYDAY" in told else set()
    wall = start.wall
    rule = Recurrence(
        start=wall,
        days=_days(frequency, interval, _WEEKDAYS.index(week_start), wall, numbers, weekdays),
        hours=numbers["BYHOUR"] or (tuple(range(24)) if frequency == HOURLY else (wall.hour,)),
        minutes=numbers["BYMINUTE"] or (wall.minute,),
        seconds=numbers["BYSECOND"] or (wall.second,),
        positions=numbers["BYSETPOS"],
        until=_until(found, told["UNTIL"], start, where) if "UNTIL" in told else None,
    )
    return rule, count


def _days(
    frequency: int,
    interval: int,
    week_start: int,
    wall: datetime,
    numbers: Mapping[str, tuple[int, ...]],
    weekdays: set[tuple[int, int]],
) -> DayRule:
    """The days, with what DTSTART says where the rule says nothing."""
    months, month_days, weeks = numbers["BYMONTH"], numbers["BYMONTHDAY"], numbers["BYWEEKNO"]
    if not (month_days or weeks or weekdays or numbers["BYYEARDAY"]):
        if frequency == YEARLY:
            months = months or (wall.month,)
        if frequency in (YEARLY, MONTHLY):
            month_days = (wall.day,)
        elif frequency == WEEKLY:
            weekdays = {(wall.weekday(), 0)}
    elif weeks and not (month_days or weekdays or numbers["BYYEARDAY"]):
        weekdays = {(wall.weekday(), 0)}
    return DayRule(
        frequency=frequency,
        interval=interval,
        start=wall.toordinal() - EPOCH,
        week_start=week_start,
        months=months,
        month_days=month_days,
        year_days=numbers["BYYEARDAY"],
        weeks=weeks,
        weekdays=tuple(sorted(weekdays)),
    )


def _pairs(found: Property) -> dict[str, str]:
    told: dict[str, str] = {}
    for pair in found.value.upper().removesuffix(";").split(";"):
        key, equals, value = pair.partition("=")
        if not equals or not value:
            raise found.error(f"has {shown(pair)}, which is no rule part such as FREQ=WEEKLY")
        if key not in _KEYS:
            raise found.error(f"has the unknown rule part {shown(key)}{suggestion(key, _KEYS)}")
        if key in told:
            raise found.error(f"has {key} twice")
        told[key] = value
    return told


def _frequency(found: Property, told: dict[str, str]) -> int:
    word = told.get("FREQ")
    if word is None:
        raise found.error("has no FREQ")
    if word in _TOO_OFTEN:
        raise found.error(f"recurs too often: {word}; use a cron rule for what comes more often than every hour")
    if word not in FREQUENCIES:
        raise found.error(f"FREQ: {shown(word)} is not one of {', '.join(FREQUENCIES)}{suggestion(word, FREQUENCIES)}")
    return FREQUENCIES.index(word)


def _check_frequency(found: Property, frequency: int, told: dict[str, str]) -> None:
    """What section 3.3.10 forbids, and what would mean nothing."""
    if "BYWEEKNO" in told and frequency != YEARLY:
        raise found.error("has BYWEEKNO, which is for FREQ=YEARLY")
    if "BYYEARDAY" in told and frequency not in (YEARLY, HOURLY):
        raise found.error("has BYYEARDAY, which is for FREQ=YEARLY and HOURLY")
    if "BYMONTHDAY" in told and frequency == WEEKLY:
        raise found.error("has BYMONTHDAY, which is not for FREQ=WEEKLY")
    if "BYWEEKNO" in told and any(character.isdigit() for character in told.get("BYDAY", "")):
        raise found.error("has BYWEEKNO, beside which BYDAY cannot count weekdays")
    if "BYSETPOS" in told and not any(key.startswith("BY") and key != "BYSETPOS" for key in told):
        raise found.error("has BYSETPOS without another BY... to choose from")


def _numbers(found: Property, key: str, text: str) -> tuple[int, ...]:
    low, high, signed = _NUMBERS[key]
    return tuple(sorted({_number(found, key, item, low, high, signed=signed) for item in text.split(",")}))


def _number(found: Property, key: str, text: str, low: int, high: int, *, signed: bool = False) -> int:
    allowed = f"{low}-{high}" + f" or -{high} to -{low}" * signed
    value = int(text) if _NUMBER.fullmatch(text) else None
    if value is None or not low <= (abs(value) if signed else value) <= high:
        raise found.error(f"{key}: {shown(text)} is not in {allowed}")
    return value


def _weekday(found: Property, text: str, frequency: int) -> tuple[int, int]:
    match = _WEEKDAY.fullmatch(text)
    nth = int(match[1] or 0) if match else 0
    if match is None or abs(nth) > 53 or (match[1] and not nth):
        raise found.error(f"BYDAY: {shown(text)} is not a weekday such as MO, 2TU or -1FR")
    if nth and frequency not in (YEARLY, MONTHLY):
        raise found.error(f"BYDAY: {shown(text)} counts weekdays, which is for FREQ=MONTHLY and YEARLY")
    return _WEEKDAYS.index(match[2]), nth


def _until(found: Property, text: str, start: When, where: ZoneInfo) -> datetime:
    """On the wall clock of the start; a day is meant as a whole."""
    until = read_when(found, text, where)
    if until.is_day and not start.is_day:
        return datetime.combine(until.wall, time(23, 59, 59))
    return until.wall_in(start)
