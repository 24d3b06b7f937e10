"""The meaning of an expression in words: short, and exact."""

from itertools import pairwise, product

from .days import Days
from .describe_days import describe_days
from .fields import HOURS, MINUTES, SECONDS, Field
from .phrases import LONGEST_LIST, joined, members
from .times import DAY, HOUR, MINUTE, TimesOfDay

_SECOND_0 = 1


def describe(times: TimesOfDay, days: Days) -> str:
    """ "at 02:00, 02:20 and 02:40 on Monday to Friday"."""
    days_words = describe_days(days)
    if times.every_hour or (_rhythm(times) == times.first + DAY - times.last and times.first == 0):
        days_words = days_words.removeprefix("every day").lstrip()  # it goes without saying
    return f"{_describe_times(times)} {days_words}".rstrip()


def _describe_times(times: TimesOfDay) -> str:
    if _count(times) <= LONGEST_LIST:
        clock = product(HOURS.values(times.hours), MINUTES.values(times.minutes), SECONDS.values(times.seconds))
        return f"at {joined([_clock(hour * HOUR + minute * MINUTE + second) for hour, minute, second in clock])}"
    gap = _rhythm(times)
    if gap:
        all_day = times.last + gap == times.first + DAY
        if not all_day or (gap > HOUR and times.first):
            return f"every {_duration(gap)} from {_clock(times.first)} to {_clock(times.last)}"
        if not times.first:
            return f"every {_duration(gap)}"
    parts = [members(MINUTES, times.minutes, "minute")]
    if times.seconds != _SECOND_0:
        parts.insert(0, members(SECONDS, times.seconds, "second"))
    if not times.every_hour or times.minutes != MINUTES.all:
        parts.append(members(HOURS, times.hours, "hour"))
    words = " of ".join(parts)
    return words if words.startswith("every") else f"at {words}"


def _rhythm(times: TimesOfDay) -> int:
    """The time between any two successive times of a day when it is always the same, else 0; in seconds."""
    count = _count(times)
    gap = _smallest_gap(times) if count > 1 else 0
    return gap if times.last - times.first == gap * (count - 1) else 0


def _count(times: TimesOfDay) -> int:
    return times.seconds.bit_count() * times.minutes.bit_count() * times.hours.bit_count()


def _smallest_gap(times: TimesOfDay) -> int:
    """The shortest time between two of the times of a day, in seconds; there are at least two."""
    gaps = []
    span = 0  # from the first to the last of the times within the next larger unit
    for field, mask, unit in (
        (SECONDS, times.seconds, 1),
        (MINUTES, times.minutes, MINUTE),
        (HOURS, times.hours, HOUR),
    ):
        gaps += [gap * unit - span for gap in _gaps(field, mask)]
        values = field.values(mask)
        span += (values[-1] - values[0]) * unit
    return min(gaps)


def _gaps(field: Field, mask: int) -> set[int]:
    return {b - a for a, b in pairwise(field.values(mask))}


def _clock(second: int) -> str:
    text = f"{second // HOUR:02}:{second // MINUTE % 60:02}"
    return f"{text}:{second % MINUTE:02}" if second % MINUTE else text


def _duration(seconds: int) -> str:
    for unit, length in (("hour", HOUR), ("minute", MINUTE), ("second", 1)):
        if seconds % length == 0:
            count = seconds // length
            return unit if count == 1 else f"{count} {unit}s"
    raise AssertionError("every number of seconds is a number of seconds")
