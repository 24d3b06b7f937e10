"""Which value a row is: the way from the tables to the model. `columns` is the way there.

Every function raises `ValueError` or `TypeError` for a row that cannot be read; `readable` leaves such rows
out, with a warning, so that one of them delays nobody.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from uuid import UUID

from cronquorum.logs import get_logger
from jobstore.calendar_spec import CalendarSpec
from jobstore.model import (
    Answer,
    Calendar,
    DueTrigger,
    EndedAttempt,
    Execution,
    Job,
    Missed,
    Origin,
    Output,
    TaskError,
    TriggerRecord,
)
from jobstore.spec import JobSpec
from jobstore.states import State

T = TypeVar("T")
AnyRow = Any
"""A row. SQLAlchemy 2.0 and 2.1 differ in what `Row` is generic in."""

_log = get_logger(__name__)


def readable(read: Callable[[AnyRow], T], rows: Iterable[AnyRow]) -> list[T]:
    """The values of the rows that can be read."""
    values = []
    for row in rows:
        try:
            values.append(read(row))
        except (ValueError, TypeError, RecursionError) as error:
            _log.warning("a stored row cannot be read", row=str(row[0]), error=str(error)[:300])
    return values


def _object(text: str | None) -> dict[str, Any]:
    value = {} if text is None else json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object was expected, not {type(value).__name__}")
    return value


def spec(text: str) -> JobSpec:
    """A definition as `job_revisions` keeps it."""
    return JobSpec.from_json(_object(text))


def job(row: AnyRow, triggers: Iterable[AnyRow]) -> Job:
    """A job, from its own row with its revision's `spec`, and its triggers' rows; in the spec's order."""
    definition = spec(row.spec)
    order = {trigger.name: place for place, trigger in enumerate(definition.triggers)}
    return Job(
        uid=row.uid,
        namespace=row.namespace,
        name=row.name,
        labels=_object(row.labels),
        revision=row.revision,
        spec=definition,
        paused=row.paused,
        paused_since=row.paused_since,
        created=row.created,
        updated=row.updated,
        triggers=tuple(
            sorted((_trigger(each) for each in triggers), key=lambda each: order.get(each.name, len(order)))
        ),
    )


def _trigger(row: AnyRow) -> TriggerRecord:
    return TriggerRecord(
        uid=row.uid,
        name=row.name,
        next_fire=row.next_fire,
        previous_fire=row.previous_fire,
        fires=row.fires,
        since=row.since,
        missed_until=row.missed_until,
        error=row.error,
    )


def due_trigger(row: AnyRow) -> DueTrigger:
    """A trigger as the timetable reads it."""
    return DueTrigger(
        uid=row.uid,
        job_uid=row.job_uid,
        next_fire=row.next_fire,
        fires=row.fires,
        missed_until=row.missed_until,
        previous_fire=row.previous_fire,
    )


def calendar(row: AnyRow) -> Calendar:
    """A calendar."""
    return Calendar(
        uid=row.uid,
        namespace=row.namespace,
        name=row.name,
        labels=_object(row.labels),
        revision=row.revision,
        spec=CalendarSpec.from_json(_object(row.spec)),
        created=row.created,
        updated=row.updated,
    )


def _error(row: AnyRow) -> TaskError | None:
    if row.error_type is None:
        return None
    return TaskError(type=row.error_type, message=row.error_message, tail=row.error_tail)


def _missed(row: AnyRow) -> Missed | None:
    if row.missed_count is None:
        return None
    return Missed(count=row.missed_count, first=row.missed_first, last=row.missed_last)


def execution(row: AnyRow) -> Execution:
    """An execution."""
    return Execution(
        id=row.id,
        origin=Origin(row.origin),
        namespace=row.namespace,
        job=row.job,
        job_uid=row.job_uid,
        revision=row.revision,
        trigger_uid=row.trigger_uid,
        trigger=row.trigger,
        scheduled_time=row.scheduled_time,
        state=State(row.state),
        reason=row.reason,
        executor_id=row.executor_id,
        incarnation=row.incarnation,
        part=row.part,
        attempt=row.attempt,
        placement=row.placement,
        reruns=row.reruns,
        epoch=row.epoch,
        cancelling=row.cancelling,
        check_at=row.check_at,
        recorded=row.recorded,
        dispatched=row.dispatched,
        started=row.started,
        ended=row.ended,
        progress=row.progress,
        progress_note=row.progress_note,
        result=None if row.result is None else json.loads(row.result),
        exit_code=row.exit_code,
        error=_error(row),
        params=_object(row.params),
        missed=_missed(row),
        request_id=row.request_id,
    )


def attempt(row: AnyRow) -> EndedAttempt:
    """An earlier attempt."""
    return EndedAttempt(
        execution_id=row.execution_id,
        part=row.part,
        attempt=row.attempt,
        placement=row.placement,
        executor_id=row.executor_id,
        incarnation=row.incarnation,
        epoch=row.epoch,
        outcome=State(row.outcome),
        reason=row.reason,
        dispatched=row.dispatched,
        started=row.started,
        ended=row.ended,
        exit_code=row.exit_code,
        error=_error(row),
    )


def output(row: AnyRow) -> Output:
    """A piece of output."""
    return Output(
        execution_id=row.execution_id,
        part=row.part,
        attempt=row.attempt,
        seq=row.seq,
        stream=row.stream,
        data=bytes(row.data),
    )


def answer(row: AnyRow) -> Answer:
    """A kept answer."""
    return Answer(
        scope=row.scope,
        request_id=row.request_id,
        digest=row.digest,
        answered=row.answered,
        body=bytes(row.body),
    )


def place(row: AnyRow) -> tuple[Any, UUID]:
    """Where an execution stands in the listing."""
    return row.scheduled_time, row.id
