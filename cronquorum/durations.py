"""Durations as users write them: `90s`, `10m`, `1h30m`, `2d`, `500ms`."""

import re
from datetime import timedelta

_UNITS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PART = re.compile(r"(\d{1,15})(ms|d|h|m|s)", re.ASCII)

LONGEST = timedelta(days=3650)
"""Ten years: no delay, timeout or deadline of a job is longer, and sums stay far from overflow."""


class DurationError(ValueError):
    """A text that is not a duration; the message says what would be right."""


def parse_duration(text: str) -> timedelta:
    """Read a duration; units from the largest down, each once. Raises `DurationError`."""
    rest, total, last = text, 0, 10**18
    while rest:
        match = _PART.match(rest)
        if match is None or _UNITS[match[2]] >= last:
            break
        last = _UNITS[match[2]]
        total += int(match[1]) * last
        rest = rest[match.end() :]
    if rest or not text:
        shown = text if len(text) <= 40 else text[:40] + "..."
        raise DurationError(f"{shown!r} is not a duration such as 90s, 10m, 1h30m or 2d")
    if total > LONGEST.total_seconds() * 1000:
        raise DurationError(f"{text[:40]!r} is longer than {LONGEST.days}d")
    return timedelta(milliseconds=total)


def format_duration(value: timedelta) -> str:
    """The shortest text that reads back as the same duration (whole milliseconds)."""
    rest = round(value.total_seconds() * 1000)
    if rest == 0:
        return "0s"
    parts = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
