"""What the leader writes: each change is a value, and a transaction is a sequence of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jobstore.model import Answer, Calendar, EndedAttempt, Evidence, Execution, Job, Output
from jobstore.values import value

Place = tuple[datetime, UUID]
"""Where an execution stands: its scheduled time and its id."""


@dataclass(frozen=True, slots=True)
class PutJob:
    """Write a job, its present revision, its triggers and which calendars they use; what it no longer has goes."""

    job: Job


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Remove a job, its triggers and what calendars they use. Its revisions stay for its executions."""

    uid: UUID


@value(frozen=True, slots=True)
class MoveTrigger:
    """A trigger goes on to its next fire, or is set aside with an error. When it is gone, nothing happens.

    `fires` is how many due times it has had, this one included. What it was put with besides stays.
    """

    uid: UUID
    next_fire: datetime | None
    previous_fire: datetime | None
    fires: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class PutCalendar:
    """Write a calendar, anew or in the place of what it was."""

    calendar: Calendar


@dataclass(frozen=True, slots=True)
class DeleteCalendar:
    """Remove a calendar. Whether jobs use it is not asked."""

    uid: UUID


@value(frozen=True, slots=True)
class NewExecution:
    """Write an execution for the first time; its state is one of `BORN`."""

    execution: Execution


@value(frozen=True, slots=True)
class MoveExecution:
    """Write what has become of an execution. Refused by the store when the row is final already.

    What it was born with (origin, job, revision, trigger, times, params, missed, request id) stays as it was.
    """

    execution: Execution


@dataclass(frozen=True, slots=True)
class VoidExecution:
    """Take back an execution that was recorded and never sent: another record stands for its due time.

    Refused by the store unless the row is there, pending, in its first attempt and never placed. Another
    execution of its id, or of its fire, may then be new in the same transaction.
    """

    id: UUID


@value(frozen=True, slots=True)
class EndAttempt:
    """Keep an attempt that is over beside its execution. Refused when it is kept already."""

    attempt: EndedAttempt


@dataclass(frozen=True, slots=True)
class AddOutput:
    """Keep a piece of output; the same (execution, part, attempt, seq) again changes nothing."""

    output: Output


@dataclass(frozen=True, slots=True)
class AddEvidence:
    """Keep a refused report."""

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class KeepAnswer:
    """Keep the answer to a client's write. Refused when that request has one already."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove what nobody needs any more, as `JobStore.outdated` found it; what is gone already is no error.

    `executions`: finished ones, by (scheduled time, id), with all that belongs to them. `belongings`: only what
    belongs to these ids: their records go with a `DropDay`. `evidence`: by its number.
    """

    executions: tuple[Place, ...] = ()
    belongings: tuple[UUID, ...] = ()
    evidence: tuple[int, ...] = ()
    revisions: tuple[tuple[UUID, int], ...] = ()
    answers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class KeepExecutions:
    """These executions, by (scheduled time, id), stay longer than their day. Nobody can tell by reading."""

    executions: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class DropDay:
    """Remove a day of history at once. Nothing happens while anything in it is open or did not end before
    `ended_before`, or while somebody else uses it; nor in a store that has no days."""

    name: str
    ended_before: datetime


@dataclass(frozen=True, slots=True)
class ReleaseTerm:
    """Later terms are no longer held."""


Change = (
    PutJob
    | DeleteJob
    | MoveTrigger
    | PutCalendar
    | DeleteCalendar
    | NewExecution
    | MoveExecution
    | VoidExecution
    | EndAttempt
    | AddOutput
    | AddEvidence
    | KeepAnswer
    | Forget
    | KeepExecutions
    | DropDay
    | ReleaseTerm
)
