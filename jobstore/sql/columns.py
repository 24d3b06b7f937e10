"""Which column holds what of a value: the way from the model to the tables. `rows` is the way back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from jobstore.model import Job, TriggerRecord
from jobstore.sql import tables
from jobstore.sql.types import kind
from jobstore.states import FINAL

Getter = Callable[[Sequence[Any]], list[Any]]
"""Takes the values of one column from items: all at once, for a call for each of them is what costs."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column, the kind of its values, and how to take them from items."""

    name: str
    kind: str
    values: Getter


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
        Field(column.name, kind(column), getters.get(column.name) or _attribute(column.name))
        for column in table.columns
        if column.name not in skip
    )
    return Shape(table.name, fields, tuple(key))


def _attribute(name: str) -> Getter:
    # written out, which takes half the time of an attrgetter for each
    getter: Getter = eval(f"lambda items: [item.{name} for item in items]")
    return getter


def _each(get: Callable[[Any], Any]) -> Getter:
    return lambda items: list(map(get, items))


def _labels(items: Sequence[Any]) -> list[dict[str, Any] | None]:
    return [dict(item.labels) if item.labels else None for item in items]


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


_ERROR: dict[str, Getter] = {
    "error_type": lambda items: [None if item.error is None else item.error.type for item in items],
    "error_message": lambda items: [None if item.error is None else item.error.message for item in items],
    "error_tail": lambda items: [None if item.error is None else item.error.tail for item in items],
}

EXECUTION = _shape(
    tables.executions,
    ("id",),
    {
        **_ERROR,
        "final": lambda items: [item.state in FINAL for item in items],
        "params": lambda items: [dict(item.params) if item.params else None for item in items],
        "missed_count": lambda items: [None if item.missed is None else item.missed.count for item in items],
        "missed_first": lambda items: [None if item.missed is None else item.missed.first for item in items],
        "missed_last": lambda items: [None if item.missed is None else item.missed.last for item in items],
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
EVIDENCE = _shape(
    tables.evidence, (), {"report": lambda items: [dict(item.report) for item in items]}, skip=("number",)
)
ANSWER = _shape(tables.answers, ("scope", "request_id"), {})

JOB_RETENTION = _shape(
    tables.job_retention,
    ("job_uid",),
    {
        "job_uid": _attribute("uid"),
        "succeeded": _each(lambda job: _seconds(job.spec.retention.succeeded)),
        "failed": _each(lambda job: _seconds(job.spec.retention.failed)),
    },
)

JOB = _shape(tables.jobs, ("uid",), {"labels": _labels})
REVISION = _shape(
    tables.job_revisions,
    ("job_uid", "revision"),
    {
        "job_uid": _attribute("uid"),
        "spec": _each(lambda job: job.spec.to_json()),
        "retired": lambda jobs: [None] * len(jobs),
    },
)
JobTrigger = tuple[Job, TriggerRecord]
TRIGGER = _shape(
    tables.triggers,
    ("uid",),
    {
        "job_uid": _each(lambda pair: pair[0].uid),
        "uid": _each(lambda pair: pair[1].uid),
        "name": _each(lambda pair: pair[1].name),
        "next_fire": _each(lambda pair: pair[1].next_fire),
        "previous_fire": _each(lambda pair: pair[1].previous_fire),
        "error": _each(lambda pair: pair[1].error),
        "fires": _each(lambda pair: pair[1].fires),
        "since": _each(lambda pair: pair[1].since),
        "missed_until": _each(lambda pair: pair[1].missed_until),
    },
)
TRIGGER_MOVED = _shape(tables.triggers, ("uid",), {}, skip=("job_uid", "name", "since", "missed_until"))

CALENDAR = _shape(
    tables.calendars,
    ("uid",),
    {"labels": _labels, "spec": _each(lambda calendar: calendar.spec.to_json())},
)
CalendarUse = tuple[UUID, str, str]
"""A job's uid, and the namespace and name of a calendar."""
CALENDAR_USE = _shape(
    tables.calendar_uses,
    ("job_uid", "namespace", "name"),
    {"job_uid": _each(itemgetter(0)), "namespace": _each(itemgetter(1)), "name": _each(itemgetter(2))},
)
