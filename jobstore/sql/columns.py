"""Which column holds what of a value: the way from the model to the tables. `rows` is the way back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from jobstore.model import Job, TriggerRecord
from jobstore.sql import tables
from jobstore.sql.types import kind

Getter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One column, the kind of its values, and how to take them from an item."""

    name: str
    kind: str
    get: Getter


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns of one table that are written together. `key`: those that tell one row from another.

    `within`: what the table is partitioned by, when it is not written.
    """

    table: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    within: Field | None = None

    def only(self, *names: str, within: str = "") -> "Shape":
        """The same with the key and these columns alone."""
        chosen = {*self.key, *names}
        fields = tuple(f for f in self.fields if f.name in chosen)
        return Shape(self.table, fields, self.key, next((f for f in self.fields if f.name == within), None))


def _shape(table: Table, key: Sequence[str], getters: Mapping[str, Getter], skip: Sequence[str] = ()) -> Shape:
    fields = tuple(
        Field(column.name, kind(column), getters.get(column.name) or attrgetter(column.name))
        for column in table.columns
        if column.name not in skip
    )
    return Shape(table.name, fields, tuple(key))


def _or_none(mapping: Mapping[str, Any]) -> dict[str, Any] | None:
    return dict(mapping) if mapping else None


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


_ERROR: dict[str, Getter] = {
    "error_type": lambda item: None if item.error is None else item.error.type,
    "error_message": lambda item: None if item.error is None else item.error.message,
    "error_tail": lambda item: None if item.error is None else item.error.tail,
}

EXECUTION = _shape(
    tables.executions,
    ("id",),
    {
        **_ERROR,
        "final": lambda execution: execution.state.final,
        "params": lambda execution: _or_none(execution.params),
        "missed_count": lambda execution: None if execution.missed is None else execution.missed.count,
        "missed_first": lambda execution: None if execution.missed is None else execution.missed.first,
        "missed_last": lambda execution: None if execution.missed is None else execution.missed.last,
    },
    skip=("kept",),
)
MOVED = EXECUTION.only(
    "state",
    "final",
    "reason",
    "executor_id",
    "incarnation",
    "attempt",
    "placement",
    "reruns",
    "epoch",
    "cancelling",
    "check_at",
    "dispatched",
    "started",
    "ended",
    "progress",
    "progress_note",
    "result",
    "exit_code",
    "error_type",
    "error_message",
    "error_tail",
    within="scheduled_time",
)
"""What a move writes; the rest of an execution is as it was born."""

ATTEMPT = _shape(tables.attempts, ("execution_id", "part", "attempt"), _ERROR)
OUTPUT = _shape(tables.outputs, ("execution_id", "part", "attempt", "seq"), {})
EVIDENCE = _shape(tables.evidence, (), {"report": lambda evidence: dict(evidence.report)}, skip=("number",))
ANSWER = _shape(tables.answers, ("scope", "request_id"), {})

JOB_RETENTION = _shape(
    tables.job_retention,
    ("job_uid",),
    {
        "job_uid": attrgetter("uid"),
        "succeeded": lambda job: _seconds(job.spec.retention.succeeded),
        "failed": lambda job: _seconds(job.spec.retention.failed),
    },
)

JOB = _shape(tables.jobs, ("uid",), {"labels": lambda job: _or_none(job.labels)})
REVISION = _shape(
    tables.job_revisions,
    ("job_uid", "revision"),
    {"job_uid": attrgetter("uid"), "spec": lambda job: job.spec.to_json(), "retired": lambda job: None},
)
JobTrigger = tuple[Job, TriggerRecord]
TRIGGER = _shape(
    tables.triggers,
    ("uid",),
    {
        "job_uid": lambda pair: pair[0].uid,
        "uid": lambda pair: pair[1].uid,
        "name": lambda pair: pair[1].name,
        "next_fire": lambda pair: pair[1].next_fire,
        "previous_fire": lambda pair: pair[1].previous_fire,
        "error": lambda pair: pair[1].error,
        "fires": lambda pair: pair[1].fires,
        "since": lambda pair: pair[1].since,
        "missed_until": lambda pair: pair[1].missed_until,
    },
)
TRIGGER_MOVED = _shape(tables.triggers, ("uid",), {}, skip=("job_uid", "name", "since", "missed_until"))

CALENDAR = _shape(
    tables.calendars,
    ("uid",),
    {"labels": lambda calendar: _or_none(calendar.labels), "spec": lambda calendar: calendar.spec.to_json()},
)
CalendarUse = tuple[UUID, str, str]
"""A job's uid, and the namespace and name of a calendar."""
CALENDAR_USE = _shape(
    tables.calendar_uses,
    ("job_uid", "namespace", "name"),
    {"job_uid": itemgetter(0), "namespace": itemgetter(1), "name": itemgetter(2)},
)
