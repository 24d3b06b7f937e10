"""What the store holds: jobs, triggers, executions and what belongs to them, as frozen values.

All times are aware UTC datetimes, kept to the microsecond; scheduled times to the millisecond.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from jobstore.calendar_spec import CalendarSpec
from jobstore.spec import JobSpec
from jobstore.states import State
from jobstore.values import value


class Origin(StrEnum):
    """Why an execution exists."""

    SCHEDULE = "schedule"
    MANUAL = "manual"


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One node's time as leader. A value: ending an old term cannot end a newer one.

    `held` is why nothing may run or be written until an operator releases it; empty when that is not so.
    """

    epoch: int
    node_id: str
    order: int
    ensemble: str
    held: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerRecord:
    """A trigger's place in time. `next_fire` is None when it does not fire: paused, over, manual, or set
    aside with an `error`. `fires` counts its due times so far, those that were missed included. `since` is when its
    present schedule came to be; due times up to `missed_until` were missed, however late they are."""

    uid: UUID
    name: str
    next_fire: datetime | None = None
    previous_fire: datetime | None = None
    fires: int = 0
    since: datetime | None = None
    missed_until: datetime | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A named, versioned definition. `uid` is new when a deleted name is made again.

    `paused_since` is when the present pause began.
    """

    uid: UUID
    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: int
    spec: JobSpec
    paused: bool = False
    paused_since: datetime | None = None
    created: datetime
    updated: datetime
    triggers: tuple[TriggerRecord, ...] = ()

    @property
    def state(self) -> str:
        """active, paused, or completed: no trigger has a fire left."""
        if self.paused:
            return "paused"
        ends = {trigger.name for trigger in self.spec.triggers if not trigger.manual}
        ending = [trigger for trigger in self.triggers if trigger.name in ends]
        over = ending and all(trigger.next_fire is None and not trigger.error for trigger in ending)
        return "completed" if over else "active"

    def trigger(self, uid: UUID) -> TriggerRecord | None:
        """The trigger of that uid."""
        for trigger in self.triggers:
            if trigger.uid == uid:
                return trigger
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """Named times that triggers leave out."""

    uid: UUID
    namespace: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: int
    spec: CalendarSpec
    created: datetime
    updated: datetime


@value(frozen=True, kw_only=True, slots=True)
class DueTrigger:
    """A trigger that fires soon, as the timetable reads it."""

    uid: UUID
    job_uid: UUID
    next_fire: datetime
    fires: int = 0
    missed_until: datetime | None = None
    previous_fire: datetime | None = None

    @property
    def was_missed(self) -> bool:
        """Whether its due time is a misfire, however late it is."""
        return self.missed_until is not None and self.next_fire <= self.missed_until


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskError:
    """Why an attempt did not succeed. `tail` holds the last lines of output, or of the traceback."""

    type: str
    message: str
    tail: str = ""


@value(frozen=True, kw_only=True, slots=True)
class Missed:
    """The due times that one record stands for, itself included."""

    count: int
    first: datetime
    last: datetime


@value(frozen=True, kw_only=True, slots=True)
class Execution:
    """The record of one fire or of one manual run, with its current attempt.

    `params` holds only what the run itself overrides. `check_at` is the time by which something looks at
    the row again; None when final. A final one says when it `ended`.
    """

    id: UUID
    origin: Origin
    namespace: str
    job: str
    job_uid: UUID
    revision: int
    trigger_uid: UUID | None = None
    trigger: str = ""
    scheduled_time: datetime
    state: State
    reason: str = ""
    executor_id: str = ""
    incarnation: str = ""
    part: int = 0
    attempt: int = 1
    placement: int = 0
    reruns: int = 0
    epoch: int
    cancelling: bool = False
    check_at: datetime | None = None
    recorded: datetime
    dispatched: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    progress: float | None = None
    progress_note: str = ""
    result: Any = None
    exit_code: int | None = None
    error: TaskError | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    missed: Missed | None = None
    request_id: str = ""

    @property
    def retry_count(self) -> int:
        """Attempts beyond the first."""
        return self.attempt - 1


@value(frozen=True, kw_only=True, slots=True)
class EndedAttempt:
    """An earlier attempt of an execution, as it ended."""

    execution_id: UUID
    part: int
    attempt: int
    placement: int
    executor_id: str
    incarnation: str
    epoch: int
    outcome: State
    reason: str = ""
    dispatched: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    error: TaskError | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A piece of what an attempt wrote. `seq` counts from 0 per attempt."""

    execution_id: UUID
    part: int
    attempt: int
    seq: int
    stream: str
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """A report that was refused (late, foreign, impossible): kept, not applied."""

    execution_id: UUID
    executor_id: str
    incarnation: str
    attempt: int
    received: datetime
    why: str
    report: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a write of a client was answered, so that the same request gets the same answer.

    `scope` is `namespace/job` or, for a write that concerns several jobs, `apply`. `digest` tells a
    repeated request from another one under the same id.
    """

    scope: str
    request_id: str
    digest: str
    answered: datetime
    body: bytes
