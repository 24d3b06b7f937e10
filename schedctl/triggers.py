"""Triggers in words."""

from __future__ import annotations

import json
from collections.abc import Iterator

from schedapi.manifest import plain
from schedapi.v1.job_pb2 import CalendarInterval, Daily, Misfire, Trigger

LONGEST_PARAMS = 60
"""Characters of a trigger's parameters: all of them are in the manifest."""

_ON_A_CLOCK = ("cron", "calendar_interval", "daily")


def brief(trigger: Trigger) -> str:
    """When it fires, where there is no room for more: `0 30 2 * * ?`, `every 90s`, `manual`."""
    match trigger.WhichOneof("schedule"):
        case "cron":
            return trigger.cron
        case "interval":
            offset = f", offset {trigger.interval.offset}" if trigger.interval.offset else ""
            return f"every {trigger.interval.every}{offset}"
        case "calendar_interval":
            return _calendar_interval(trigger.calendar_interval)
        case "daily":
            return _daily(trigger.daily)
        case "at":
            return f"at {trigger.at}"
        case "after":
            return f"after {trigger.after}"
        case "manual":
            return "manual"
    return ""


def schedule(trigger: Trigger) -> str:
    """When it fires, and by which clock if that matters: `cron 0 30 2 * * ? (Europe/Berlin)`."""
    kind = trigger.WhichOneof("schedule")
    zone = f" ({trigger.time_zone or 'UTC'})" if kind in _ON_A_CLOCK else ""
    return ("cron " if kind == "cron" else "") + brief(trigger) + zone


def details(trigger: Trigger, fires: int) -> str:
    """All else that it says; `fires` are its due times so far."""
    return "; ".join(_details(trigger, fires))


def _calendar_interval(interval: CalendarInterval) -> str:
    unit = interval.unit if interval.every > 1 else interval.unit.removesuffix("s")
    length = f"{interval.every} {unit}" if interval.every > 1 else unit
    return f"every {length} from {getattr(interval, 'from')}"


def _daily(daily: Daily) -> str:
    start, end = getattr(daily, "from") or "00:00", daily.to or "24:00"
    days = f" on {daily.days}" if daily.days else ""
    return f"every {daily.every} from {start} to {end}{days}"


def _details(trigger: Trigger, fires: int) -> Iterator[str]:
    if trigger.calendars:
        yield f"not in {', '.join(trigger.calendars)}"
    if trigger.start:
        yield f"from {trigger.start}"
    if trigger.end:
        yield f"until {trigger.end}"
    if trigger.HasField("max_fires"):
        yield f"fired {fires} of {trigger.max_fires}"
    if trigger.jitter:
        yield f"jitter {trigger.jitter}"
    if trigger.calendar_interval.missing_day:
        yield f"missing day {trigger.calendar_interval.missing_day}"
    for name in ("days", "gap", "overlap"):
        if trigger.HasField(name):
            yield f"{name} {getattr(trigger, name)}"
    if trigger.HasField("misfire"):
        yield f"misfire {', '.join(_misfire(trigger.misfire))}"
    if trigger.params:
        text = json.dumps(plain(trigger.params), ensure_ascii=False)
        yield f"params {text if len(text) <= LONGEST_PARAMS else text[: LONGEST_PARAMS - 3] + '...'}"


def _misfire(misfire: Misfire) -> Iterator[str]:
    yield misfire.policy or "fireOnce"
    if misfire.threshold:
        yield f"late by {misfire.threshold}"
    if misfire.HasField("rate"):
        yield f"{misfire.rate} a second"
    if misfire.HasField("limit"):
        yield f"at most {misfire.limit}"
