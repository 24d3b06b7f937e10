"""The fields of an expression, and sets of their values.

A set of values is a bitmask, an int: bit 0 is the field's lowest value. So it is hashable, small (thousands
of expressions are held in memory), and its next value is found by a shift.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

FIRST_YEAR = 1970
LAST_YEAR = 2199

MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


def lowest(mask: int) -> int:
    """The place of the lowest bit of a mask that isn't empty."""
    return (mask & -mask).bit_length() - 1


def highest(mask: int) -> int:
    """The place of the highest bit of a mask that isn't empty."""
    return mask.bit_length() - 1


def bits(mask: int) -> Iterator[int]:
    """The places of all bits of a mask, from the lowest."""
    while mask:
        yield lowest(mask)
        mask &= mask - 1


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Field:
    """One field: its allowed values, and how they are written.

    largest_step: as in Quartz's `checkIncrementRange`.
    names: names in upper case and their values.
    hint: what to add where a number is out of range.
    hashed: the values from which H picks, the first and the last.
    cycle: how many values differ; a value beyond stands for another again (7 for 0, the unix Sunday).
    wraps: a range may run past the highest value (`22-2`, `FRI-MON`).
    """

    name: str
    low: int
    high: int
    largest_step: int
    names: Mapping[str, int] = field(default_factory=dict)
    hint: str = ""
    hashed: tuple[int, int] | None = None
    cycle: int
    wraps: bool = True
    written_by_name: bool = False

    @property
    def all(self) -> int:
        """The set of all values."""
        return (1 << self.cycle) - 1

    @property
    def end(self) -> int:
        """The last value before the cycle begins again; where `*` and `n/step` end."""
        return self.low + self.cycle - 1

    @property
    def allowed(self) -> str:
        """What a value may be, for messages: `0-23`, `1-12 or JAN-DEC`."""
        numbers = f"{self.low}-{self.high}"
        if not self.names:
            return numbers
        first, *_, last = self.names
        return f"{numbers} or {first}-{last}"

    def values(self, mask: int) -> list[int]:
        """The values of a set, in order."""
        return [self.low + bit for bit in bits(mask)]

    def range(self, first: int, last: int, step: int = 1) -> int:
        """The set `first-last/step`; when last < first it runs on from the lowest value."""
        end = last if first <= last else last + self.cycle
        mask = 0
        for value in range(first, end + 1, step):
            mask |= 1 << (value - self.low) % self.cycle
        return mask

    def render(self, mask: int) -> str:
        """The set as text, the same text for the same set: `*`, `*/15`, `9-17/2`, `22-2`, `1,5-8`."""
        if mask == self.all:
            return "*"
        values = self.values(mask)
        step = progression(values)
        if step > 1 and not self.written_by_name:
            return self._stepped(values[0], values[-1], step)
        return ",".join(self._run(first, last) for first, last in self.runs(mask))

    def runs(self, mask: int) -> list[tuple[int, int]]:
        """The runs of consecutive values of a set, as (first, last); one past the highest value comes last."""
        values = self.values(mask)
        starts = [b for a, b in pairwise(values) if b != a + 1]
        ends = [a for a, b in pairwise(values) if b != a + 1]
        runs = list(zip([values[0], *starts], [*ends, values[-1]], strict=True))
        (low, low_end), (high_start, high) = runs[0], runs[-1]
        around = self.wraps and len(runs) > 1 and low == self.low and high == self.high
        if around and (low_end > low or high > high_start):
            return [*runs[1:-1], (high_start, low_end)]
        return runs

    def _stepped(self, first: int, last: int, step: int) -> str:
        if last + step <= self.high:
            return f"{first}-{last}/{step}"
        return f"*/{step}" if first == self.low else f"{first}/{step}"

    def _run(self, first: int, last: int) -> str:
        if first == last:
            return self._value(first)
        separator = "," if last == first + 1 else "-"
        return f"{self._value(first)}{separator}{self._value(last)}"

    def _value(self, value: int) -> str:
        if not self.written_by_name:
            return str(value)
        return next(name for name, number in self.names.items() if number == value)


def progression(values: list[int]) -> int:
    """The step of an arithmetic progression of three or more values; 0 when they are none."""
    steps = {b - a for a, b in pairwise(values)}
    return steps.pop() if len(values) > 2 and len(steps) == 1 else 0


SECONDS = Field(name="seconds", low=0, high=59, cycle=60, largest_step=59, hashed=(0, 59))
MINUTES = Field(name="minutes", low=0, high=59, cycle=60, largest_step=59, hashed=(0, 59))
HOURS = Field(name="hours", low=0, high=23, cycle=24, largest_step=23, hashed=(0, 23))
# H picks a day that every month has, as in Jenkins.
DAYS_OF_MONTH = Field(name="day-of-month", low=1, high=31, cycle=31, largest_step=31, hashed=(1, 28))
MONTHS = Field(
    name="month",
    low=1,
    high=12,
    cycle=12,
    largest_step=12,
    names={name: number for number, name in enumerate(MONTH_NAMES, 1)},
    hashed=(1, 12),
)
# Written by name: in Quartz 1 is Sunday, which who reads `2-6` may not know.
DAYS_OF_WEEK = Field(
    name="day-of-week",
    low=1,
    high=7,
    cycle=7,
    largest_step=7,
    names={name: number for number, name in enumerate(WEEKDAY_NAMES, 1)},
    hint=" (1 is SUN, 7 is SAT), unlike in the five fields of unix",
    hashed=(1, 7),
    written_by_name=True,
)
YEARS = Field(
    name="year",
    low=FIRST_YEAR,
    high=LAST_YEAR,
    cycle=LAST_YEAR - FIRST_YEAR + 1,
    largest_step=LAST_YEAR - FIRST_YEAR,
    wraps=False,
)

# Its sets are those of DAYS_OF_WEEK.
UNIX_DAYS_OF_WEEK = Field(
    name="day-of-week",
    low=0,
    high=7,
    cycle=7,
    largest_step=7,
    names={name: number for number, name in enumerate(WEEKDAY_NAMES)},
    hint=" (0 and 7 are SUN, 6 is SAT)",
    hashed=(0, 6),
)

QUARTZ = (SECONDS, MINUTES, HOURS, DAYS_OF_MONTH, MONTHS, DAYS_OF_WEEK, YEARS)
UNIX = (MINUTES, HOURS, DAYS_OF_MONTH, MONTHS, UNIX_DAYS_OF_WEEK)
