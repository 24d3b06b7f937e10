"""Looking for what nobody needs any more: a pass through the store, in small questions that no write waits for.

What it finds goes to the writer as changes, which is fenced. It writes two things itself, which nobody could tell by
reading: it makes days ahead, and drops the tables of days that were taken out.

On PostgreSQL a day goes as a whole as soon as the last of it may: `Retention.succeeded` after its end. What has to
stay longer is kept apart before. Row by row go only what is kept apart, what has no day, and what a namespace or
a job forgets earlier; all of it where retention is shorter than `WHOLE_DAYS`, where the role does not own the tables,
and on SQLite.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Table, exists, or_, select

from cronquorum.logs import get_logger
from jobstore.changes import Change, Forget, Place
from jobstore.retention import Retention, Said
from jobstore.sql import days
from jobstore.sql.database import Database
from jobstore.sql.looking import PAGE, Looking, said, what
from jobstore.sql.old_days import make_days, old_days, without_days
from jobstore.sql.rows import AnyRow
from jobstore.sql.tables import answers, evidence, executions, job_retention, job_revisions

WHOLE_DAYS = timedelta(days=3)
"""Whoever keeps executions for less than this does not want them up to a day longer."""

MARGIN = timedelta(days=1)
"""How much longer than its executions a revision stays: far more than is ever recorded ahead."""

_log = get_logger(__name__)


def outdated(database: Database, retention: Retention, now: datetime) -> Iterator[Sequence[Change]]:
    """See `JobStore.outdated`."""
    look = Looking(database, retention, now)
    by_day = database.partitioned and database.read(days.ours)
    if database.partitioned and not by_day:
        _log.warning("the role does not own executions_recent: history is deleted row by row, not day by day")
    if by_day:
        make_days(look)
        yield from old_days(look)
    if by_day and retention.succeeded >= WHOLE_DAYS:
        for rows in without_days(look):
            yield from _aged(look, rows)
        yield from _short_lived(look)
    else:
        yield from _aged(look, executions)
    yield from _strays(look)
    yield from _revisions(look)
    yield from _answers(look)


def _aged(look: Looking, rows: Table) -> Iterator[Sequence[Change]]:
    """What is over in a table, by its end."""
    c = rows.c
    before = look.now - look.shortest()
    after: tuple[datetime, UUID] | None = None
    while True:
        asked = what(rows).where(c.final, c.ended < before)
        if after is not None:
            ended, uid = after
            # the first condition is implied by the second; it bounds the walk along the index
            asked = asked.where(c.ended >= ended, or_(c.ended > ended, c.id > uid))
        page = look.rows(asked.order_by(c.ended, c.id).limit(PAGE))
        yield _forget(look, page)
        if len(page) < PAGE:
            return
        after = page[-1].ended, page[-1].id


def _short_lived(look: Looking) -> Iterator[Sequence[Change]]:
    """What jobs and namespaces forget earlier than the days go, by job: there the oldest stand first."""
    c = executions.c
    for job_uid, namespace, job in _impatient_jobs(look):
        before = look.now - look.retention.shortest(namespace, job)
        after: Place | None = None
        while True:
            asked = what(executions).where(c.job_uid == job_uid, c.final, c.scheduled_time < before)
            if after is not None:
                at, uid = after
                asked = asked.where(c.scheduled_time >= at, or_(c.scheduled_time > at, c.id > uid))
            page = look.rows(asked.order_by(c.scheduled_time, c.id).limit(PAGE))
            yield _forget(look, page)
            if len(page) < PAGE:
                break
            after = page[-1].scheduled_time, page[-1].id


def _impatient_jobs(look: Looking) -> Iterator[tuple[UUID, str, Said]]:
    c, j, rule = job_revisions.c, job_retention.c, look.retention
    seconds = rule.succeeded.total_seconds()
    spaces = [name for name in rule.namespaces if rule.shortest(name) < rule.succeeded]
    after = UUID(int=0)
    while True:
        asked = (
            select(c.job_uid, c.namespace, j.succeeded, j.failed)
            .join(job_retention, j.job_uid == c.job_uid, isouter=True)
            .where(c.job_uid > after, or_(j.succeeded < seconds, j.failed < seconds, c.namespace.in_(spaces)))
            .distinct()
            .order_by(c.job_uid)
        )
        page = look.rows(asked.limit(PAGE))
        for row in page:
            if rule.shortest(row.namespace, said(row)) < rule.succeeded:
                yield row.job_uid, row.namespace, said(row)
        if len(page) < PAGE:
            return
        after = page[-1].job_uid


def _forget(look: Looking, page: Sequence[AnyRow]) -> Sequence[Change]:
    old = [(row.scheduled_time, row.id) for row, over in zip(page, look.over(page), strict=True) if over]
    return [Forget(executions=tuple(old))] if old else []


def _strays(look: Looking) -> Iterator[Sequence[Change]]:
    """Reports about executions that there are not: nothing else would ever remove them."""
    c = evidence.c
    known = exists().where(executions.c.id == c.execution_id)
    asked = select(c.number).where(c.received < look.now - look.retention.failed, ~known).order_by(c.received)
    while found := look.values(asked.limit(PAGE)):
        yield [Forget(evidence=tuple(found))]


def _revisions(look: Looking) -> Iterator[Sequence[Change]]:
    """Revisions that were retired long ago, and that no execution kept needs.

    No execution has a scheduled time (much) later than its revision was retired at, so that only the earlier
    ones, of which few are left, must be looked at.
    """
    c = job_revisions.c
    before = look.now - look.retention.succeeded
    needed = exists().where(
        executions.c.job_uid == c.job_uid,
        executions.c.revision == c.revision,
        executions.c.scheduled_time < before,
    )
    asked = select(c.job_uid, c.revision).where(c.retired < before - MARGIN, ~needed).order_by(c.retired)
    while found := look.rows(asked.limit(PAGE)):
        yield [Forget(revisions=tuple((row.job_uid, row.revision) for row in found))]


def _answers(look: Looking) -> Iterator[Sequence[Change]]:
    c = answers.c
    asked = select(c.scope, c.request_id).where(c.answered < look.now - look.retention.answers).order_by(c.answered)
    while found := look.rows(asked.limit(PAGE)):
        yield [Forget(answers=tuple((row.scope, row.request_id) for row in found))]
