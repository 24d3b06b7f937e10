"""Reading jobs and definitions."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Select, literal, select, tuple_

from jobstore.model import Job
from jobstore.protocols import JobQuery
from jobstore.spec import JobSpec
from jobstore.sql import rows
from jobstore.sql.reads import filled
from jobstore.sql.tables import job_revisions, triggers
from jobstore.sql.tables import jobs as jobs_table
from jobstore.sql.types import NAME

T = TypeVar("T")

_MANY = 1000
"""Names or uids in one IN list: SQLite takes 32,766 parameters at most."""


def jobs(connection: Connection, query: JobQuery) -> list[Job]:
    """See `Records.jobs`. Asks twice, so the connection is to show one state of the store."""
    found = [job for asked in _questions(query) for job in _page(connection, asked, query)]
    found.sort(key=lambda job: (job.namespace, job.name))
    return found[: query.limit]


def _questions(query: JobQuery) -> Iterator[Select[Any]]:
    """What to ask; long lists of names or uids are split up."""
    c = jobs_table.c
    asked = select(jobs_table, job_revisions.c.spec).join(
        job_revisions, (job_revisions.c.job_uid == c.uid) & (job_revisions.c.revision == c.revision)
    )
    if query.namespace:
        asked = asked.where(c.namespace == query.namespace)
    for names in [None] if query.names is None else _parts(query.names):
        named = asked if names is None else asked.where(tuple_(c.namespace, c.name).in_(names))
        for uids in [None] if query.uids is None else _parts(query.uids):
            yield named if uids is None else named.where(c.uid.in_(uids))


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    distinct = list(dict.fromkeys(values))
    for first in range(0, len(distinct), _MANY):
        yield distinct[first : first + _MANY]


def _page(connection: Connection, asked: Select[Any], query: JobQuery) -> list[Job]:
    c = jobs_table.c

    def page(last: rows.AnyRow | None, wanted: int) -> Sequence[rows.AnyRow]:
        place = query.after if last is None else (last.namespace, last.name)
        behind = asked
        if place is not None:
            names = tuple_(literal(place[0], NAME), literal(place[1], NAME))
            behind = behind.where(tuple_(c.namespace, c.name) > names)
        return connection.execute(behind.order_by(c.namespace, c.name).limit(wanted)).all()

    return filled(page, lambda fetched: _with_triggers(connection, fetched), query.limit)


def _with_triggers(connection: Connection, fetched: Sequence[rows.AnyRow]) -> list[Job]:
    of_job: dict[UUID, list[rows.AnyRow]] = {row.uid: [] for row in fetched}
    for uids in _parts(list(of_job)):
        c = triggers.c
        asked = select(triggers).where(c.job_uid.in_(uids)).order_by(c.job_uid, c.name)
        for row in connection.execute(asked):
            of_job[row.job_uid].append(row)
    return rows.readable(lambda row: rows.job(row, of_job[row.uid]), fetched)


def spec(connection: Connection, job_uid: UUID, revision: int) -> JobSpec | None:
    """See `Records.spec`."""
    c = job_revisions.c
    asked = select(c.job_uid, c.spec).where(c.job_uid == job_uid, c.revision == revision)
    found = rows.readable(lambda row: rows.spec(row.spec), connection.execute(asked))
    return found[0] if found else None
