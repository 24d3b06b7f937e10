"""Writing jobs, their revisions, their triggers and what calendars these use."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection, select, update

from jobstore.model import Calendar, Job
from jobstore.spec import RetentionSpec
from jobstore.sql import columns
from jobstore.sql.bulk import Bulk, upsert
from jobstore.sql.tables import job_revisions, jobs
from jobstore.trigger_spec import calendar_name

_MANY = 1000
"""Uids in one IN list: SQLite takes 32,766 parameters at most."""

Step = Callable[[Connection], object]
T = TypeVar("T", Job, Calendar)


def put(written: Sequence[Job], bulk: Bulk) -> list[Step]:
    """Write jobs, in order, with all that belongs to them."""
    return [step for run in distinct(written) for step in _put(run, bulk)]


def distinct(written: Sequence[T]) -> Iterator[list[T]]:
    """Runs in which nothing occurs twice: one statement cannot write a row twice."""
    run: dict[UUID, T] = {}
    for item in written:
        if item.uid in run:
            yield list(run.values())
            run = {}
        run[item.uid] = item
    yield list(run.values())


def _put(run: list[Job], bulk: Bulk) -> list[Step]:
    uids = [job.uid for job in run]
    pairs: list[columns.JobTrigger] = [(job, trigger) for job in run for trigger in job.triggers]
    kept = [trigger.uid for _, trigger in pairs]
    steps: list[Step] = [
        bulk.insert(columns.JOB, run, upsert(columns.JOB)).run,
        bulk.insert(columns.REVISION, run, upsert(columns.REVISION)).run,
        lambda connection: _retire_others(connection, uids),
        bulk.delete_others("triggers", "job_uid", uids, "uid", kept).run,
        bulk.delete("calendar_uses", "job_uid", uids).run,
        bulk.delete("job_retention", "job_uid", uids).run,
    ]
    said = [job for job in run if job.spec.retention != RetentionSpec()]
    if said:
        steps.append(bulk.insert(columns.JOB_RETENTION, said).run)
    if pairs:
        steps.append(bulk.insert(columns.TRIGGER, pairs, upsert(columns.TRIGGER)).run)
    uses = list(dict.fromkeys(use for job in run for use in _uses(job)))
    if uses:
        steps.append(bulk.insert(columns.CALENDAR_USE, uses).run)
    return steps


def _uses(job: Job) -> Iterator[columns.CalendarUse]:
    for trigger in job.spec.triggers:
        for reference in trigger.calendars:
            yield job.uid, *calendar_name(reference, job.namespace)


def _retire_others(connection: Connection, uids: list[UUID]) -> None:
    job = select(jobs).where(jobs.c.uid == job_revisions.c.job_uid).correlate(job_revisions)
    for first in range(0, len(uids), _MANY):
        connection.execute(
            update(job_revisions)
            .where(
                job_revisions.c.job_uid.in_(uids[first : first + _MANY]),
                job_revisions.c.retired.is_(None),
                job_revisions.c.revision != job.with_only_columns(jobs.c.revision).scalar_subquery(),
            )
            .values(retired=job.with_only_columns(jobs.c.updated).scalar_subquery())
        )


def delete(uids: Sequence[UUID], bulk: Bulk) -> list[Step]:
    """Remove jobs and their triggers, and retire their revisions. What they said about retention stays with these."""
    return [
        bulk.delete("calendar_uses", "job_uid", uids).run,
        bulk.delete("triggers", "job_uid", uids).run,
        bulk.delete("jobs", "uid", uids).run,
        bulk.retire(uids).run,
    ]
