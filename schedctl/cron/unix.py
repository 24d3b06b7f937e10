"""An expression as the five fields of a crontab, where they can say the same.

The text that comes out is for the strictest of crons: no names, no ranges that wrap, no step after a single value
(Vixie's cron reads `5/15` as 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_ANY = ("*", "?")


class NoUnixTextError(ValueError):
    """The five fields of unix cannot say it; the message says why."""


@dataclass(frozen=True, kw_only=True)
class _Field:
    """A field of unix: its lowest and its highest value, and how a value is read."""

    low: int
    high: int
    read: Callable[[str], int] = int


_MINUTES = _Field(low=0, high=59)
_HOURS = _Field(low=0, high=23)
_MONTH_DAYS = _Field(low=1, high=31)
_MONTHS = _Field(low=1, high=12)
_WEEK_DAYS = _Field(low=0, high=6, read=WEEKDAYS.index)


def to_unix(canonical: Sequence[str]) -> str:
    """Five fields that mean the same in crontab(5), from the words of a canonical text.

    Raises NoUnixTextError with the reason when there are none.
    """
    words = list(canonical)
    prefix = words.pop(0) if words[0].startswith("DAYS=") else None
    seconds, minutes, hours, month_days, months, week_days, *years = words
    if seconds != "0":
        raise NoUnixTextError(f"unix has no seconds, and these are {seconds}")
    if years:
        raise NoUnixTextError(f"unix has no years, and these are {years[0]}")
    for letter in ("L", "W", "#"):
        if letter in month_days or any(letter in item for item in _without_names(week_days)):
            raise NoUnixTextError(f"unix has no {letter} in its day fields")
    days = _written(_MONTH_DAYS, month_days)
    weekdays = _written(_WEEK_DAYS, week_days)
    if prefix:
        days, weekdays = _joined(prefix, days, weekdays)
    fields = (_written(_MINUTES, minutes), _written(_HOURS, hours), days, _written(_MONTHS, months), weekdays)
    return " ".join(fields)


def _joined(prefix: str, days: str, weekdays: str) -> tuple[str, str]:
    """The day fields so that unix joins them in this way: by "and" when one begins with a star, else by "or"."""
    if prefix == "DAYS=and":
        if days.startswith("*"):
            return days, weekdays
        raise NoUnixTextError(
            "unix asks for either of two restricted day fields, and here a day has to match both of them"
        )
    return days.replace("*/", f"{_MONTH_DAYS.low}-{_MONTH_DAYS.high}/", 1), weekdays


def _written(field: _Field, word: str) -> str:
    if word in _ANY or word.startswith("*/"):
        return "*" if word in _ANY else word
    first, dash, _ = word.partition("-")
    if "/" in word and not dash:  # `5/15` runs to the end
        first, _, step = word.partition("/")
        return f"{first}-{field.high}/{step}"
    if "/" in word:
        return word
    values = sorted({value for item in word.split(",") for value in _values(field, item)})
    return ",".join(_run(run) for run in _runs(values))


def _values(field: _Field, item: str) -> list[int]:
    first, dash, last = item.partition("-")
    low = field.read(first)
    high = field.read(last) if dash else low
    if low <= high:
        return [*range(low, high + 1)]
    return [*range(low, field.high + 1), *range(field.low, high + 1)]


def _runs(values: list[int]) -> list[list[int]]:
    return [
        [value for _, value in run]
        for _, run in groupby(enumerate(values), key=lambda indexed: indexed[1] - indexed[0])
    ]


def _run(run: list[int]) -> str:
    if len(run) < 3:
        return ",".join(map(str, run))
    return f"{run[0]}-{run[-1]}"


def _without_names(week_days: str) -> list[str]:
    """The items with their names taken out, whose letters are not those of L and W."""
    for name in WEEKDAYS:
        week_days = week_days.replace(name, "")
    return week_days.split(",")
