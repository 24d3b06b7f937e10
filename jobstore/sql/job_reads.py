"""Reading jobs and definitions."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select, tuple_

from jobstore.model import Job
from jobstore.protocols import JobQuery
from jobstore.spec import JobSpec
from jobstore.sql import rows
from jobstore.sql.named import by_name, parts
from jobstore.sql.tables import calendar_uses, job_revisions, triggers
from jobstore.sql.tables import jobs as jobs_table


def jobs(connection: Connection, query: JobQuery) -> list[Job]:
    """See `Records.jobs`. Asks twice, so the connection is to show one state of the store."""
    return by_name(_questions(query), jobs_table, query, connection, lambda found: _with_triggers(connection, found))


def _questions(query: JobQuery) -> Iterator[Select[Any]]:
    """What to ask; long lists are split up."""
    c = jobs_table.c
    asked = select(jobs_table, job_revisions.c.spec).join(
        job_revisions, (job_revisions.c.job_uid == c.uid) & (job_revisions.c.revision == c.revision)
    )
    if query.namespace:
        asked = asked.where(c.namespace == query.namespace)
    for names in [None] if query.names is None else parts(query.names):
        named = asked if names is None else asked.where(tuple_(c.namespace, c.name).in_(names))
        for uids in [None] if query.uids is None else parts(query.uids):
            known = named if uids is None else named.where(c.uid.in_(uids))
            for used in [None] if query.calendars is None else parts(query.calendars):
                yield known if used is None else known.where(c.uid.in_(_users(used)))


def _users(calendars: Sequence[tuple[str, str]]) -> Select[Any]:
    c = calendar_uses.c
    return select(c.job_uid).where(tuple_(c.namespace, c.name).in_(calendars))


def _with_triggers(connection: Connection, fetched: Sequence[rows.AnyRow]) -> list[Job]:
    of_job: dict[UUID, list[rows.AnyRow]] = {row.uid: [] for row in fetched}
    for uids in parts(list(of_job)):
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
