"""What a leader asks for: one attempt, and all that its task is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

START_TIMEOUT = timedelta(minutes=10)
"""Unless a manifest says it; the same as there."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AttemptKey(NamedTuple):
    """Who is meant. All five must match; anything else is a duplicate or a stray."""

    execution_id: str
    part: int
    attempt: int
    placement: int
    incarnation: str

    @property
    def execution(self) -> tuple[str, int]:
        """What at most one attempt of may run at any time."""
        return self[:2]

    @property
    def order(self) -> tuple[int, int]:
        """Greater for every later placement of the same execution."""
        return self[2:4]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShellTask:
    """A command for `/bin/sh -c`, or the words of one that needs no shell."""

    command: str = ""
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    kind: str = field(default="shell", init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonTask:
    """A registered name, or `module:function`."""

    callable: str
    kind: str = field(default="python", init=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class KubernetesTask:
    """A pod template, as plain JSON values. `namespace` and `container` are empty where the manifest is silent."""

    template: Mapping[str, Any]
    namespace: str = ""
    container: str = ""
    start_timeout: timedelta = START_TIMEOUT
    kind: str = field(default="kubernetes", init=False)


Task = ShellTask | PythonTask | KubernetesTask


class Assignment(NamedTuple):
    """One attempt to run. `params` are merged, plain JSON values, and this attempt's own.

    A tuple, like all values here that each attempt has one of: a frozen dataclass costs three times as much to make.

    `traceparent` is the W3C trace context that the task continues; empty when nothing is traced.
    `killable` when it must be possible to end it by force: it has a timeout, or may be run again.
    """

    key: AttemptKey
    namespace: str
    job: str
    trigger: str
    scheduled_ms: int
    origin: str
    epoch: int
    task: Task
    params: Mapping[str, Any]
    timeout: timedelta | None
    may_rerun: bool
    traceparent: str = ""

    @property
    def killable(self) -> bool:
        return self.may_rerun or self.timeout is not None

    @property
    def named(self) -> dict[str, object]:
        """What a line of the log names of it."""
        return {
            "namespace": self.namespace,
            "job": self.job,
            "execution": self.key.execution_id,
            "attempt": self.key.attempt,
            "epoch": self.epoch,
        }

    @property
    def scheduled_time(self) -> datetime:
        """Aware UTC, whole milliseconds."""
        return instant(self.scheduled_ms)


def instant(milliseconds: int) -> datetime:
    """Milliseconds since 1970 as an aware time, in the years 1 to 9999."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def instant_text(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds: what tasks find in SCHED_SCHEDULED_TIME."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
