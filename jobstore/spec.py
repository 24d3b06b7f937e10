"""A job's definition, as a manifest's `spec` says it: frozen, validated, and the same in JSON.

What the cluster's `[defaults]` may set (timeout, attempts, routing, failover, concurrency) is None here
when the manifest is silent. Strategy, policy and trigger words are checked where they are known: in
`scheduler.definitions`.
"""

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from cronquorum.durations import format_duration, parse_duration
from cronquorum.names import is_dns_label, shown

MAX_PARAMS = 256 * 1024
"""Bytes of JSON in all parameters of one definition."""
MAX_DEPTH = 32
MAX_KEYS = 1_000
MAX_TRIGGERS = 100
MAX_COMMAND = 64 * 1024

MISFIRE_THRESHOLD = timedelta(seconds=60)
"""A fire decided within this time of its due instant is merely late; Quartz's own default is 60 s too."""
RETRY_DELAY = timedelta(seconds=10)
RETRY_MAX_DELAY = timedelta(minutes=10)
MAX_RERUNS = 3
"""How often an execution is run again because its executor was lost; apart from retries."""

Params = Mapping[str, Any]


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not a duration such as 90s, 10m, 1h30m or 2d")
    return parse_duration(value)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than 0s")
    return value


def _label(value: str) -> str:
    if not is_dns_label(value):
        raise ValueError(f"{shown(value)} is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not first or last a '-'")
    return value


def _params(value: dict[str, Any]) -> dict[str, Any]:
    keys = 0
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        if isinstance(item, dict):
            keys += len(item)
            if keys > MAX_KEYS:
                raise ValueError(f"more than {MAX_KEYS} keys")
            stack.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            stack.extend((child, depth + 1) for child in item)
        elif isinstance(item, float) and not math.isfinite(item):
            raise ValueError(f"{item} is not a JSON number")
    return value


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("contains a NUL character")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
Label = Annotated[str, AfterValidator(_label)]
Text = Annotated[str, AfterValidator(_no_nul)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_params)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, strict=True)


class MisfireSpec(_Value):
    """What becomes of a fire that the leader could not decide within `threshold` of its due instant."""

    policy: str = "fireOnce"
    threshold: Annotated[PositiveDuration, Field(le=timedelta(days=365))] = MISFIRE_THRESHOLD


class TriggerSpec(_Value):
    """When a job fires. Exactly one schedule."""

    name: Label
    cron: Text | None = None
    time_zone: Text = "UTC"
    gap: str = "after"
    overlap: str = "first"
    misfire: MisfireSpec = MisfireSpec()
    params: JsonObject = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.cron is None:
            raise ValueError("says no schedule: set cron")
        return self

    def same_schedule(self, other: "TriggerSpec") -> bool:
        """Whether the due times are the same."""
        return (self.cron, self.time_zone, self.gap, self.overlap) == (
            other.cron,
            other.time_zone,
            other.gap,
            other.overlap,
        )


class ShellTask(_Value):
    """A command for /bin/sh (`command`), or a program and its arguments without a shell (`argv`)."""

    command: Annotated[Text, Field(max_length=MAX_COMMAND)] | None = None
    argv: Annotated[list[Text], Field(max_length=1000)] | None = None
    env: dict[Text, Text] = Field(default_factory=dict)
    cwd: Text | None = None

    @model_validator(mode="after")
    def _one_command(self) -> Self:
        if (not self.command) == (not self.argv):
            raise ValueError("needs either a command or an argv")
        for name in self.env:
            if not name or "=" in name:
                raise ValueError(f"env: {shown(name)} is not the name of a variable")
        return self


class PythonTask(_Value):
    """A Python callable known to the executor: a registered name, or `module:function`."""

    callable: Annotated[Text, Field(min_length=1, max_length=255)]
    params: JsonObject = Field(default_factory=dict)


class TaskSpec(_Value):
    """What runs. Exactly one kind."""

    shell: ShellTask | None = None
    python: PythonTask | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in type(self).model_fields) != 1:
            raise ValueError(f"needs exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def kind(self) -> str:
        """The task kind, as executors announce it."""
        return next(kind for kind in type(self).model_fields if getattr(self, kind) is not None)

    @property
    def params(self) -> Params:
        """The task's own parameters: the base that the others override."""
        return self.python.params if self.python is not None else {}


class FailoverSpec(_Value):
    strategy: str | None = None
    max_reruns: Annotated[int, Field(ge=0, le=100)] = MAX_RERUNS


class RetrySpec(_Value):
    max_attempts: Annotated[int, Field(ge=1, le=100)] | None = None
    delay: Duration = RETRY_DELAY
    backoff: str = "exponential"
    max_delay: Duration = RETRY_MAX_DELAY


class ConcurrencySpec(_Value):
    policy: str | None = None


class RoutingSpec(_Value):
    strategy: str | None = None
    selector: Text = ""


class JobSpec(_Value):
    """The whole definition, as one revision of a job holds it."""

    description: Annotated[Text, Field(max_length=1000)] = ""
    triggers: Annotated[list[TriggerSpec], Field(max_length=MAX_TRIGGERS)] = Field(default_factory=list)
    task: TaskSpec
    params: JsonObject = Field(default_factory=dict)
    idempotent: bool = False
    failover: FailoverSpec = FailoverSpec()
    retry: RetrySpec = RetrySpec()
    timeout: PositiveDuration | None = None
    start_deadline: PositiveDuration | None = None
    concurrency: ConcurrencySpec = ConcurrencySpec()
    routing: RoutingSpec = RoutingSpec()
    paused: bool | None = None
    """None leaves a job as it is, and a new one active."""

    def trigger(self, name: str) -> TriggerSpec | None:
        """The trigger of that name."""
        return next((trigger for trigger in self.triggers if trigger.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """The manifest's `spec`, without what is merely a default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "JobSpec":
        """Read what `to_json` wrote. Raises pydantic's ValidationError."""
        return cls.model_validate(value)
