"""Every so many days, weeks, months or years, on the wall clock."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from cronquorum.names import shown
from jobstore.spec_values import MAX_YEAR, MIN_YEAR
from jobstore.trigger_spec import CalendarIntervalSpec
from scheduler.cron.walls import WallTimes
from scheduler.errors import InvalidJob, Violation
from scheduler.schedules.calendar_steps import DaySteps, MonthSteps
from scheduler.schedules.instants import EPOCH, seconds_until
from scheduler.words import check_word

DAYS = {"days": 1, "weeks": 7}
MONTHS = {"months": 1, "years": 12}
UNITS = (*DAYS, *MONTHS)
MISSING_DAYS = ("skip", "last")

_LONGEST = {"months": 12 * (MAX_YEAR - MIN_YEAR), "years": MAX_YEAR - MIN_YEAR}
"""Longer steps would lead out of the years that there are; those of days and weeks are bounded by their number."""
_LOCAL = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d))?(?P<offset>Z|[-+]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)


def read_calendar_interval(spec: CalendarIntervalSpec) -> WallTimes:
    """What the texts say. Raises `InvalidJob` with all that is wrong."""
    wrong = [
        *check_word(spec.unit, UNITS, "calendarInterval.unit"),
        *check_word(spec.missing_day, MISSING_DAYS, "calendarInterval.missingDay"),
        *_wrong_numbers(spec),
    ]
    first = EPOCH
    try:
        first = _local(spec.from_)
    except ValueError as error:
        wrong.append(Violation("calendarInterval.from", str(error)))
    if wrong:
        raise InvalidJob(*wrong)
    wall = seconds_until(first)
    if spec.unit in DAYS:
        return DaySteps(first=wall, every=spec.every * DAYS[spec.unit])
    return MonthSteps(first=wall, every=spec.every * MONTHS[spec.unit], last_day=spec.missing_day == "last")


def _wrong_numbers(spec: CalendarIntervalSpec) -> Iterator[Violation]:
    longest = _LONGEST.get(spec.unit)
    if longest is not None and spec.every > longest:
        yield Violation("calendarInterval.every", f"{spec.every} {spec.unit} are more than {longest}")
    if spec.unit in DAYS and spec.missing_day == "last":
        yield Violation("calendarInterval.missingDay", f"does nothing with {spec.unit}; it is for months and years")


def _local(text: str) -> datetime:
    """A local time, as if it were one of UTC."""
    such = "a local time such as 2026-01-31T02:30"
    match = _LOCAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{shown(text)} is not {such}")
    if match["offset"]:
        raise ValueError(f"{shown(text)} has an offset; {such} is needed, which timeZone places")
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        found = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{shown(text)} is not {such}: there is no such date or time") from None
    if not MIN_YEAR <= found.year <= MAX_YEAR:
        raise ValueError(f"{shown(text)} is not in the years {MIN_YEAR}-{MAX_YEAR}")
    return found
