"""Forgetting, as the writer does it: everything by key, and found before (`jobstore.sql.outdated`)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, exists, text, tuple_, update
from sqlalchemy.exc import OperationalError

from jobstore.changes import DropDay, Forget, KeepExecutions, Place
from jobstore.sql import days
from jobstore.sql.tables import answers, attempts, evidence, executions, job_retention, job_revisions, outputs

MANY = 1000
"""Keys in one IN list: SQLite takes 32,766 parameters at most."""

_LOCK_NOT_AVAILABLE = "55P03"
"""SQLSTATE."""

Step = Callable[[Connection], None]
T = TypeVar("T")


def step(change: Forget | KeepExecutions | DropDay) -> Step:
    """The step that does what the change describes."""
    match change:
        case Forget():
            return lambda connection: _forget(connection, change)
        case KeepExecutions():
            return lambda connection: _keep(connection, change.executions)
        case DropDay():
            day = days.Day.named(change.name)
            return lambda connection: _drop(connection, day, change)


def parts(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Lists of a length that can be asked for."""
    for first in range(0, len(keys), MANY):
        yield keys[first : first + MANY]


def _forget(connection: Connection, change: Forget) -> None:
    _belongings(connection, change.belongings)
    _belongings(connection, [uid for _, uid in change.executions])
    for places in parts(change.executions):
        connection.execute(delete(executions).where(executions.c.final, *_at(places)))
    for numbers in parts(change.evidence):
        connection.execute(delete(evidence).where(evidence.c.number.in_(numbers)))
    for keys in parts(change.answers):
        connection.execute(delete(answers).where(tuple_(answers.c.scope, answers.c.request_id).in_(keys)))
    for revisions in parts(change.revisions):
        c = job_revisions.c
        connection.execute(delete(job_revisions).where(tuple_(c.job_uid, c.revision).in_(revisions)))
        jobs = {uid for uid, _ in revisions}
        # what a job said about retention goes with the last of its revisions
        there = exists().where(c.job_uid == job_retention.c.job_uid)
        connection.execute(delete(job_retention).where(job_retention.c.job_uid.in_(jobs), ~there))


def _belongings(connection: Connection, ids: Sequence[UUID]) -> None:
    for some in parts(ids):
        for table in (attempts, outputs, evidence):
            connection.execute(delete(table).where(table.c.execution_id.in_(some)))


def _keep(connection: Connection, places: Sequence[Place]) -> None:
    for some in parts(places):
        connection.execute(update(executions).where(~executions.c.kept, *_at(some)).values(kept=True))


def _at(places: Sequence[Place]) -> list[ColumnElement[bool]]:
    """The rows at these places. The bounds of their times say to PostgreSQL which partitions to look at."""
    c = executions.c
    times = [at for at, _ in places]
    return [c.id.in_([uid for _, uid in places]), c.scheduled_time.between(min(times), max(times))]


def _drop(connection: Connection, day: days.Day, change: DropDay) -> None:
    if connection.dialect.name != "postgresql" or day not in days.days(connection):
        return
    # of all that was there when the day was looked through, only what is kept was to stay. It came later: then it
    # is open, or ended later. Nobody but this transaction writes, so what is asked now is so until its end.
    is_open, ended_late = "NOT final", "final AND ended >= :before"
    late = " OR ".join(f"EXISTS (SELECT FROM {day.name} WHERE {which})" for which in (is_open, ended_late))
    if connection.scalar(text(f"SELECT {late}"), {"before": change.ended_before}):
        return
    try:
        with connection.begin_nested():
            days.detach(connection, day)
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
            raise
        # somebody uses it: the next pass finds it again
