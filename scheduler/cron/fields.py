"""The fields of an expression, and sets of their values.

A set of values is a bitmask, an int: bit 0 is the field's lowest value. So it is hashable, small (thousands
of expressions are held in memory), and its next value is found by a shift.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

FIRST_YEAR = 1970
LAST_YEAR = 2199

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def lowest(mask: int) -> int:
    """The place of the lowest bit of a mask that isn't empty."""
    return (mask & -mask).bit_length() - 1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Field:
    """One field: its allowed values, and how they are written.

    names: names in upper case and their values.
    wraps: a range may run past the highest value (`22-2`, `FRI-MON`).
    largest_step: as in Quartz's `checkIncrementRange`.
    """

    name: str
    low: int
    high: int
    largest_step: int
    names: Mapping[str, int] = field(default_factory=dict)
    wraps: bool = True
    written_by_name: bool = False

    @property
    def all(self) -> int:
        """The set of all values."""
        return (1 << (self.high - self.low + 1)) - 1

    @property
    def allowed(self) -> str:
        """What a value may be, for messages: `0-23`, `1-12 or JAN-DEC`."""
        numbers = f"{self.low}-{self.high}"
        if not self.names:
            return numbers
        first, *_, last = self.names
        return f"{numbers} or {first}-{last}"

    def mask(self, values: Iterable[int]) -> int:
        """The set of these values."""
        mask = 0
        for value in values:
            mask |= 1 << (value - self.low)
        return mask

    def values(self, mask: int) -> list[int]:
        """The values of a set, in order."""
        return [value for value in range(self.low, self.high + 1) if mask >> (value - self.low) & 1]

    def range(self, first: int, last: int, step: int = 1) -> int:
        """The set `first-last/step`; when last < first it runs on from the lowest value."""
        width = self.high - self.low + 1
        end = last if first <= last else last + width
        return self.mask(self.low + (value - self.low) % width for value in range(first, end + 1, step))

    def render(self, mask: int) -> str:
        """The set as text, the same text for the same set: `*`, `*/15`, `9-17/2`, `22-2`, `1,5-8`."""
        if mask == self.all:
            return "*"
        values = self.values(mask)
        steps = {b - a for a, b in pairwise(values)}
        if len(values) > 2 and len(steps) == 1 and steps != {1} and not self.written_by_name:
            return self._stepped(values[0], values[-1], steps.pop())
        return ",".join(self._run(first, last) for first, last in self._runs(values))

    def _stepped(self, first: int, last: int, step: int) -> str:
        if last + step <= self.high:
            return f"{first}-{last}/{step}"
        return f"*/{step}" if first == self.low else f"{first}/{step}"

    def _runs(self, values: list[int]) -> list[tuple[int, int]]:
        """The runs of consecutive values, as (first, last); one past the highest value comes last."""
        starts = [b for a, b in pairwise(values) if b != a + 1]
        ends = [a for a, b in pairwise(values) if b != a + 1]
        runs = list(zip([values[0], *starts], [*ends, values[-1]], strict=True))
        (low, low_end), (high_start, high) = runs[0], runs[-1]
        around = self.wraps and len(runs) > 1 and low == self.low and high == self.high
        if around and (low_end > low or high > high_start):
            return [*runs[1:-1], (high_start, low_end)]
        return runs

    def _run(self, first: int, last: int) -> str:
        if first == last:
            return self._value(first)
        separator = "," if last == first + 1 else "-"
        return f"{self._value(first)}{separator}{self._value(last)}"

    def _value(self, value: int) -> str:
        if not self.written_by_name:
            return str(value)
        return next(name for name, number in self.names.items() if number == value)


SECONDS = Field(name="seconds", low=0, high=59, largest_step=59)
MINUTES = Field(name="minutes", low=0, high=59, largest_step=59)
HOURS = Field(name="hours", low=0, high=23, largest_step=23)
DAYS_OF_MONTH = Field(name="day-of-month", low=1, high=31, largest_step=31)
MONTHS = Field(name="month", low=1, high=12, largest_step=12, names={name: n for n, name in enumerate(_MONTHS, 1)})
# Written by name: in Quartz 1 is Sunday, which who reads `2-6` may not know.
DAYS_OF_WEEK = Field(
    name="day-of-week",
    low=1,
    high=7,
    largest_step=7,
    names={name: n for n, name in enumerate(_WEEKDAYS, 1)},
    written_by_name=True,
)
YEARS = Field(name="year", low=FIRST_YEAR, high=LAST_YEAR, largest_step=LAST_YEAR - FIRST_YEAR, wraps=False)

QUARTZ = (SECONDS, MINUTES, HOURS, DAYS_OF_MONTH, MONTHS, DAYS_OF_WEEK, YEARS)
