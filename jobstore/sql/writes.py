"""From changes to statements.

`PutJob`, `DeleteJob`, `PutCalendar`, `DeleteCalendar`, `ReleaseTerm` and what retention does (`Forget`,
`KeepExecutions`, `DropDay`) are barriers: whatever stands before them is written before them. Between two
barriers the order of the kinds is: voided executions, new ones, moves of executions, ended attempts, moves of
triggers, output, evidence, answers; each kind is one statement over all its rows. That changes nothing that could
be told from outside, because between two barriers

* only moves and voids look at what another change wrote: at their own execution. Voids come first, so that
  another record may take the place of what is voided; a void of an execution that is new or has moved since
  the last barrier is a barrier itself, so that it finds what those wrote;
* new ones come before moves. A move that precedes its execution, or follows a final move of it, is refused
  here, as the row would refuse it, and so is a second void;
* of several moves of one execution, or of one trigger, the last one is what stays, so it alone is written.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from jobstore import changes as ch
from jobstore.errors import BadChange
from jobstore.model import Answer, EndedAttempt, Evidence, Execution, Output
from jobstore.sql import calendars, columns, definitions, retention, terms
from jobstore.sql.bulk import IGNORE, Bulk, Written
from jobstore.sql.tables import executions
from jobstore.states import BORN, State

Step = Callable[[Connection], object]
"""A part of a transaction, ready to run."""

PORTION = 1024 * 1024
"""Bytes of output that are sent, and encoded in memory, at a time."""

_RETENTION = (ch.Forget, ch.KeepExecutions, ch.DropDay)
_BARRIERS = frozenset({ch.PutJob, ch.DeleteJob, ch.PutCalendar, ch.DeleteCalendar, ch.ReleaseTerm, *_RETENTION})

_NEVER_SENT = f"state = '{State.PENDING}' AND attempt = 1 AND placement = 0"
"""Which executions may be voided."""


def plan(changes: Sequence[ch.Change], bulk: Bulk) -> list[Step]:
    """The steps that write the changes: all values encoded, so that running them only sends.

    Raises `BadChange` for what can be seen to be wrong without the store.
    """
    steps: list[Step] = []
    try:
        for kind, group in groupby(changes, lambda c: type(c) if type(c) in _BARRIERS else None):
            steps += _steps(kind, group, bulk)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadChange(f"a value cannot be stored: {str(error)[:200]}") from error
    return steps


def _steps(kind: type | None, group: Iterable[Any], bulk: Bulk) -> list[Step]:
    if kind is ch.PutJob:
        return definitions.put([change.job for change in group], bulk)
    if kind is ch.DeleteJob:
        return definitions.delete([change.uid for change in group], bulk)
    if kind is ch.PutCalendar:
        return calendars.put([change.calendar for change in group], bulk)
    if kind is ch.DeleteCalendar:
        return calendars.delete([change.uid for change in group], bulk)
    if kind in _RETENTION:
        return [retention.step(change) for change in group]
    if kind is ch.ReleaseTerm:
        return [terms.release]
    return [step for segment in _segments(group) for step in segment.steps(bulk)]


def _segments(changes: Iterable[ch.Change]) -> "Iterator[_Segment]":
    segment = _Segment()
    for change in changes:
        if type(change) is ch.VoidExecution and segment.touches(change.id):
            yield segment
            segment = _Segment()
        segment.add(change)
    yield segment


@dataclass(slots=True)
class _Segment:
    """The changes between two barriers, by kind. Ids are numbers here: hashing a `UUID` is a call into Python."""

    voided: dict[int, UUID] = field(default_factory=dict)
    born: list[Execution] = field(default_factory=list)
    moved: dict[int, Execution] = field(default_factory=dict)
    attempts: list[EndedAttempt] = field(default_factory=list)
    triggers: dict[int, ch.MoveTrigger] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    _new: set[int] = field(default_factory=set)

    def touches(self, uid: UUID) -> bool:
        """Whether this execution is new here, or moves."""
        return uid.int in self._new or uid.int in self.moved

    def add(self, change: ch.Change) -> None:
        """Take in a change; the most frequent kinds are looked for first."""
        if type(change) is ch.MoveExecution:
            self._move(change.execution)
        elif type(change) is ch.NewExecution:
            self._bear(change.execution)
        elif type(change) is ch.MoveTrigger:
            self.triggers[change.uid.int] = change
        else:
            self._add_other(change)

    def _bear(self, execution: Execution) -> None:
        number = execution.id.int
        if execution.state not in BORN:
            raise BadChange("an execution cannot be new in this state", execution.state.value)
        if number in self.moved:
            raise BadChange("an execution moves before it is there", str(execution.id))
        self.born.append(execution)
        self._new.add(number)

    def _move(self, execution: Execution) -> None:
        number = execution.id.int
        earlier = self.moved.get(number)
        if earlier is not None and earlier.state.final:
            raise BadChange("a final execution moves", str(execution.id))
        self.moved[number] = execution

    def _add_other(self, change: ch.Change) -> None:
        match change:
            case ch.VoidExecution(uid):
                if uid.int in self.voided:
                    raise BadChange("a void of an execution that is not there", str(uid))
                self.voided[uid.int] = uid
            case ch.EndAttempt(attempt):
                self.attempts.append(attempt)
            case ch.AddOutput(output):
                self.outputs.append(output)
            case ch.AddEvidence(evidence):
                self.evidence.append(evidence)
            case ch.KeepAnswer(answer):
                self.answers.append(answer)
            case _:
                raise TypeError(f"{type(change).__name__} is not a change")

    def steps(self, bulk: Bulk) -> list[Step]:
        steps: list[Step] = []
        if self.voided:
            steps.append(_void(list(self.voided.values()), bulk))
        if self.born:
            steps.append(_insert(columns.EXECUTION, self.born, bulk))
        if self.moved:
            steps.append(_move(list(self.moved.values()), bulk))
        if self.attempts:
            steps.append(_insert(columns.ATTEMPT, self.attempts, bulk))
        if self.triggers:
            steps.append(Written((bulk.update(columns.TRIGGER_MOVED, list(self.triggers.values())),)))
        steps += _keep(list(_portions(self.outputs)), bulk)
        if self.evidence:
            steps.append(_insert(columns.EVIDENCE, self.evidence, bulk))
        if self.answers:
            steps.append(_insert(columns.ANSWER, self.answers, bulk))
        return steps


def _insert(shape: columns.Shape, items: Sequence[Any], bulk: Bulk, conflict: str = "") -> Step:
    return Written((bulk.insert(shape, items, conflict),))


def _portions(outputs: list[Output]) -> Iterator[list[Output]]:
    portion: list[Output] = []
    size = 0
    for output in outputs:
        portion.append(output)
        size += len(output.data)
        if size > PORTION:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _keep(portions: list[list[Output]], bulk: Bulk) -> list[Step]:
    if len(portions) == 1:
        return [_insert(columns.OUTPUT, portions[0], bulk, IGNORE)]
    # the exception that is encoded only when it is sent, since the encoded text is several times as long
    return [partial(_encode_and_keep, bulk, portion) for portion in portions]


def _encode_and_keep(bulk: Bulk, portion: list[Output], connection: Connection) -> None:
    _insert(columns.OUTPUT, portion, bulk, IGNORE)(connection)


def _move(moved: list[Execution], bulk: Bulk) -> Step:
    # a statement for each day, and mostly there is one: each id would be looked for in every day between
    by_day: dict[date, list[Execution]] = {}
    for execution in moved:
        by_day.setdefault(execution.scheduled_time.date(), []).append(execution)
    statements = [replace(bulk.update(columns.MOVED, some, unless="final"), rows=len(some)) for some in by_day.values()]
    ids = [execution.id for execution in moved]
    return Written(tuple(statements), lambda connection: _refused_move(connection, ids))


def _void(ids: list[UUID], bulk: Bulk) -> Step:
    statement = replace(bulk.delete("executions", "id", ids, only=_NEVER_SENT), rows=len(ids))
    return Written((statement,), lambda connection: _refused_void(connection, ids))


def _refused_void(connection: Connection, ids: list[UUID]) -> BadChange:
    # the others are gone by now (until the transaction is undone): the missing one shows when it is alone
    left = connection.scalars(select(executions.c.id).where(executions.c.id.in_(ids)).limit(1)).first()
    if left is not None:
        return BadChange("a void of an execution that was sent, or waits no more", str(left))
    return BadChange("a void of an execution that is not there", str(ids[0]) if len(ids) == 1 else None)


def _refused_move(connection: Connection, ids: list[UUID]) -> BadChange:
    # the others are written by now (and undone with the transaction): the final one shows when it is alone
    present = set(connection.scalars(select(executions.c.id).where(executions.c.id.in_(ids))))
    missing = next((uid for uid in ids if uid not in present), None)
    if missing is not None:
        return BadChange("a move of an execution that is not there", str(missing))
    return BadChange("a move of an execution that is final", str(ids[0]) if len(ids) == 1 else None)
