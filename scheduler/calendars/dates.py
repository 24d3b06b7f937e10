"""Days of the calendar by their date, `2026-12-24`, and ranges of them, `2026-12-24..2027-01-01`."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from cronquorum.names import shown
from jobstore.spec_values import MAX_YEAR, MIN_YEAR
from scheduler.calendars.local_days import EPOCH, LocalDays, year_start
from scheduler.errors import InvalidJob, Violation

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def compile_dates(texts: Sequence[str], zone: ZoneInfo) -> LocalDays:
    """The days that the texts name, of the zone. Raises `InvalidJob` for those that name none."""
    wrong: list[Violation] = []
    ranges: list[tuple[int, int]] = []
    for index, text in enumerate(texts):
        try:
            ranges.append(_range(text))
        except ValueError as error:
            wrong.append(Violation(f"dates[{index}]", str(error)))
    if wrong:
        raise InvalidJob(*wrong)
    merged = list(_merged(ranges))
    return LocalDays(zone, lambda year: _mask(merged, year))


def _range(text: str) -> tuple[int, int]:
    """Days as first <= day < end."""
    first, dots, last = text.partition("..")
    low = _day(first, text)
    high = _day(last, text) if dots else low
    if high < low:
        raise ValueError(f"{shown(text)} ends before it begins")
    return low, high + 1


def _day(text: str, whole: str) -> int:
    if not _DATE.fullmatch(text):
        raise ValueError(
            f"{shown(whole)} is not a date such as 2026-12-24, or a range such as 2026-12-24..2027-01-01, "
            "both days included"
        )
    if not MIN_YEAR <= int(text[:4]) <= MAX_YEAR:
        raise ValueError(f"{shown(whole)} is not in the years {MIN_YEAR}-{MAX_YEAR}")
    try:
        return date.fromisoformat(text).toordinal() - EPOCH
    except ValueError:
        raise ValueError(f"{shown(whole)}: there is no day {text}") from None


def _merged(ranges: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same days in order, no two ranges touching."""
    ordered = sorted(ranges)
    begin, finish = ordered[0]
    for first, end in ordered[1:]:
        if first > finish:
            yield begin, finish
            begin = first
        finish = max(finish, end)
    yield begin, finish


def _mask(merged: list[tuple[int, int]], year: int) -> int:
    low, high = year_start(year), year_start(year + 1)
    mask = 0
    from_ = bisect_right(merged, low, key=lambda days: days[1])
    until = bisect_left(merged, high, key=lambda days: days[0])
    for first, end in merged[from_:until]:
        mask |= (1 << min(end, high) - low) - (1 << max(first, low) - low)
    return mask
