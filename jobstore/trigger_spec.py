"""When a job fires, as a manifest says it. What the texts mean is checked in `scheduler.schedules`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from cronquorum.durations import LONGEST, format_duration
from cronquorum.names import is_dns_label, shown
from jobstore.spec_values import Duration, Instant, JsonObject, Label, PositiveDuration, Text, Value, at_most

MISFIRE_THRESHOLD = timedelta(seconds=60)
"""A fire decided within this time of its due instant is merely late; Quartz's own default is 60 s too."""
LONGEST_THRESHOLD = timedelta(days=365)
FIRE_ALL_RATE = 10
"""Missed fires a second that `fireAll` catches up with."""
FIRE_ALL_LIMIT = 10_000
"""Missed fires beyond which `fireAll` gives up: a queue of more is rarely what somebody wants."""
MAX_CALENDARS = 20
SHORTEST_INTERVAL = timedelta(seconds=1)
LONGEST_JITTER = timedelta(days=1)

QUARTZ_MISFIRE: Mapping[str, str] = {
    "SMART_POLICY": "fireOnce",
    "FIRE_ONCE_NOW": "fireOnce",
    "FIRE_NOW": "fireOnce",
    "RESCHEDULE_NOW_WITH_EXISTING_REPEAT_COUNT": "fireOnce",
    "RESCHEDULE_NOW_WITH_REMAINING_REPEAT_COUNT": "fireOnce",
    "DO_NOTHING": "skip",
    "RESCHEDULE_NEXT_WITH_EXISTING_COUNT": "skip",
    "RESCHEDULE_NEXT_WITH_REMAINING_COUNT": "skip",
    "IGNORE_MISFIRE_POLICY": "fireAll",
    "IGNORE_MISFIRES": "fireAll",
}
"""Quartz's misfire instructions (constants of `Trigger`, `CronTrigger` and `SimpleTrigger`), with or without
their prefix `MISFIRE_INSTRUCTION_`, and what each is here."""


def _true(value: bool) -> bool:
    if not value:
        raise ValueError("can only be true: leave it out of a trigger that is not manual")
    return value


def _policy(value: str) -> str:
    return QUARTZ_MISFIRE.get(value.removeprefix("MISFIRE_INSTRUCTION_"), value)


def _reference(value: str) -> str:
    parts = value.split("/")
    if len(parts) > 2 or not all(map(is_dns_label, parts)):
        raise ValueError(f"{shown(value)} is not a calendar's name, as NAME or NAMESPACE/NAME")
    return value


def _interval(value: timedelta) -> timedelta:
    if value < SHORTEST_INTERVAL:
        raise ValueError(f"{format_duration(value)} is not in {format_duration(SHORTEST_INTERVAL)}-{LONGEST.days}d")
    return value


Every = Annotated[Duration, AfterValidator(_interval)]
CalendarName = Annotated[str, AfterValidator(_reference)]
"""A calendar, as NAME (of the same namespace) or NAMESPACE/NAME."""


def calendar_name(reference: str, namespace: str) -> tuple[str, str]:
    """The (namespace, name) of the calendar that a `CalendarName` means where it is written in `namespace`."""
    other, slash, name = reference.partition("/")
    return (other, name) if slash else (namespace, reference)


class MisfireSpec(Value):
    """What becomes of a fire that the leader could not decide within `threshold` of its due instant.

    `rate` (a second) and `limit` are for `fireAll`.
    """

    policy: Annotated[str, AfterValidator(_policy)] = "fireOnce"
    threshold: Annotated[PositiveDuration, at_most(LONGEST_THRESHOLD)] = MISFIRE_THRESHOLD
    rate: Annotated[int, Field(ge=1, le=1000)] = FIRE_ALL_RATE
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = FIRE_ALL_LIMIT


class IntervalSpec(Value):
    """Every so long, counted from the trigger's `start`, or from 1970-01-01T00:00:00Z plus `offset`."""

    every: Every
    offset: Duration | None = None


class CalendarIntervalSpec(Value):
    """Every so many days, weeks, months or years, counted from a local time in the trigger's zone."""

    every: Annotated[int, Field(ge=1, le=10_000)] = 1
    unit: str
    from_: Annotated[Text, Field(alias="from")]
    missing_day: str = "skip"


class DailySpec(Value):
    """Every so long from one time of day to another, both included, on some days of the week."""

    every: Every
    from_: Annotated[Text, Field(alias="from")] = "00:00"
    to: Text = "24:00"
    days: Text | None = None


class TriggerSpec(Value):
    """When a job fires. Exactly one schedule; `days` and `gap` and `overlap` are for those on a wall clock."""

    name: Label
    cron: Text | None = None
    interval: IntervalSpec | None = None
    calendar_interval: CalendarIntervalSpec | None = None
    daily: DailySpec | None = None
    at: Instant | None = None
    after: Every | None = None
    manual: Annotated[bool, AfterValidator(_true)] | None = None
    days: str | None = None
    time_zone: Text = "UTC"
    gap: str = "after"
    overlap: str = "first"
    start: Instant | None = None
    end: Instant | None = None
    max_fires: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    jitter: Annotated[PositiveDuration, at_most(LONGEST_JITTER)] | None = None
    calendars: Annotated[list[CalendarName], Field(max_length=MAX_CALENDARS)] = Field(default_factory=list)
    misfire: MisfireSpec = MisfireSpec()
    params: JsonObject = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            names = ", ".join(_ALIASES[kind] for kind in KINDS)
            said = "says no schedule" if not given else f"says {' and '.join(_ALIASES[kind] for kind in given)}"
            raise ValueError(f"{said}: give exactly one of {names}")
        return self

    @property
    def kind(self) -> str:
        """Which schedule it has, as the manifest calls it."""
        return next(_ALIASES[kind] for kind in KINDS if getattr(self, kind) is not None)

    def same_schedule(self, other: "TriggerSpec") -> bool:
        """Whether the due times are the same, as far as the two say."""
        rest = {"misfire": MisfireSpec(), "params": {}, "jitter": None}
        return self.model_copy(update=rest) == other.model_copy(update=rest)


KINDS = ("cron", "interval", "calendar_interval", "daily", "at", "after", "manual")
_ALIASES = {kind: TriggerSpec.model_fields[kind].alias or kind for kind in KINDS}
