"""The due times of one trigger of a manifest, enumerated. Milliseconds since 1970, UTC."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.gate.oracle_cron import WEEKDAYS, OracleError, cron_dues, read_cron, values

Trigger = Mapping[str, Any]
"""One of `spec.triggers`, as the manifest has it."""

DAY = 86_400_000
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": DAY}
_UNKNOWN = ("calendarInterval", "calendars")


def dues(trigger: Trigger, low: int, high: int) -> list[int]:
    """All due times with low <= due < high, in order; of `after` and `manual` there are none to be told.

    Raises `OracleError` for what it does not know.
    """
    for field in _UNKNOWN:
        if trigger.get(field):
            raise OracleError(f"the oracle does not know {field} (trigger {trigger.get('name')})")
    if trigger.get("start"):
        low = max(low, instant(trigger["start"]))
    if trigger.get("end"):
        high = min(high, instant(trigger["end"]) + 1)
    return sorted(set(_dues(trigger, low, high))) if low < high else []


def _dues(trigger: Trigger, low: int, high: int) -> Iterator[int]:
    zone = ZoneInfo(trigger.get("timeZone", "UTC"))
    if "cron" in trigger:
        times = read_cron(trigger["cron"], trigger.get("days"))
        yield from cron_dues(times, zone, trigger.get("gap", "after"), trigger.get("overlap", "first"), low, high)
    elif "interval" in trigger:
        yield from _interval(trigger, low, high)
    elif "daily" in trigger:
        yield from _daily(trigger["daily"], zone, low, high)
    elif "at" in trigger:
        if low <= instant(trigger["at"]) < high:
            yield instant(trigger["at"])
    elif "after" not in trigger and "manual" not in trigger:
        raise OracleError(f"the oracle does not know the schedule of {dict(trigger)}")


def _interval(trigger: Trigger, low: int, high: int) -> Iterator[int]:
    interval = trigger["interval"]
    every = duration(interval["every"])
    begin = instant(trigger["start"]) if trigger.get("start") else duration(interval.get("offset") or "0s")
    due = begin + max(0, low - begin) // every * every
    while due < high:
        if due >= low:
            yield due
        due += every


def _daily(daily: Mapping[str, Any], zone: ZoneInfo, low: int, high: int) -> Iterator[int]:
    begin, end = time_of_day(daily.get("from", "00:00")), time_of_day(daily.get("to", "24:00"))
    if end == DAY:
        end -= 1  # 24:00 is the end of the day, and no time of it (docs/manifest.md)
    elif end < begin:
        end += DAY
    days = values(daily["days"].upper(), 1, 7, WEEKDAYS, 1) if daily.get("days") else frozenset(range(1, 8))
    day = datetime.fromtimestamp(low / 1000, zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    day -= timedelta(days=2)
    every = duration(daily["every"])
    while (midnight := round(day.replace(tzinfo=zone).timestamp() * 1000)) <= high + DAY:
        if day.isoweekday() % 7 + 1 in days:
            # none of those that a clock change of whatever size keeps outside
            before = max(0, low - midnight - begin - DAY // 8) // every
            for offset in range(begin + before * every, min(end, high - midnight + DAY // 8) + 1, every):
                due = _on_the_clock(day + timedelta(milliseconds=offset), zone, low, high)
                if due is not None:
                    yield due
        day += timedelta(days=1)


def _on_the_clock(naive: datetime, zone: ZoneInfo, low: int, high: int) -> int | None:
    wall = naive.replace(tzinfo=zone)
    due = round(wall.timestamp() * 1000)
    if not low <= due < high:
        return None
    if wall.utcoffset() != wall.replace(fold=1).utcoffset():
        raise OracleError(f"the oracle does not know daily windows on a day of a clock change ({naive} {zone})")
    return due


def duration(text: str) -> int:
    """Milliseconds of `90s`, `1h30m`, `500ms`."""
    parts = re.findall(r"(\d+)(ms|s|m|h|d)", text)
    if "".join(number + unit for number, unit in parts) != text:
        raise OracleError(f"the oracle cannot read the duration {text!r}")
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def time_of_day(text: str) -> int:
    """Milliseconds from midnight of `09:00` or `09:00:30`."""
    hour, minute, *second = map(int, text.split(":"))
    return 1000 * (3600 * hour + 60 * minute + sum(second))


def instant(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 text, rounded down."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
