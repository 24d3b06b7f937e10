"""The months from 1970 to 2199, as tables.

Days are counted from 1970-01-01, which is day 0, and months from January 1970, which is month 0. The days of one
month are a mask: bit 0 is the first of the month.
"""

from array import array
from collections.abc import Callable, Sequence
from datetime import date

from .fields import FIRST_YEAR, LAST_YEAR

SHORTEST = 28
LENGTHS = range(SHORTEST, 32)
WEEKDAYS = range(7)  # from Sunday, as in the sets of `fields`
LAST_DAY = (date(LAST_YEAR, 12, 31) - date(FIRST_YEAR, 1, 1)).days

_THURSDAY = 4  # the weekday of day 0


def by_kind(days: Callable[[int, int], int]) -> tuple[int, ...]:
    """A table over KINDS of what `days(length, first)` says of a month.

    All that an expression can say of a month's days follows from the month's length and the weekday of its first
    day. So there are only 28 kinds of months, and whatever the expression, its days are looked up.
    """
    return tuple(days(length, first) for length in LENGTHS for first in WEEKDAYS)


def _first_days() -> list[int]:
    epoch = date(FIRST_YEAR, 1, 1)
    return [(date(year, month, 1) - epoch).days for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13)]


def _lengths() -> list[int]:
    return [end - first for first, end in zip(FIRST_DAYS, [*FIRST_DAYS[1:], LAST_DAY + 1], strict=True)]


def _months_of_days() -> Sequence[int]:
    months = array("H")
    for month, length in enumerate(_lengths()):
        months.extend([month] * length)
    return months


# The first day of each month.
FIRST_DAYS: Sequence[int] = _first_days()
# The kind of each month: an index of the tables made by `by_kind`.
KINDS: Sequence[int] = [
    (length - SHORTEST) * len(WEEKDAYS) + (first + _THURSDAY) % 7
    for first, length in zip(FIRST_DAYS, _lengths(), strict=True)
]
# The month of each day. 164 KB, because every search asks, and `date` takes several times as long to say.
MONTHS_OF_DAYS: Sequence[int] = _months_of_days()


def length_of(month: int) -> int:
    """How many days a month has."""
    return SHORTEST + KINDS[month] // len(WEEKDAYS)
