"""Writing jobs, their revisions and their triggers."""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from sqlalchemy import Connection, select, update

from jobstore.model import Job
from jobstore.sql import columns
from jobstore.sql.bulk import Bulk, upsert
from jobstore.sql.tables import job_revisions, jobs

_MANY = 1000
"""Uids in one IN list: SQLite takes 32,766 parameters at most."""

Step = Callable[[Connection], object]


def put(written: Sequence[Job], bulk: Bulk) -> list[Step]:
    """Write jobs, in order, with their revisions and triggers."""
    return [step for run in _distinct(written) for step in _put(run, bulk)]


def _distinct(written: Sequence[Job]) -> Iterator[list[Job]]:
    """Runs in which no job occurs twice: one statement cannot write a row twice."""
    run: dict[UUID, Job] = {}
    for job in written:
        if job.uid in run:
            yield list(run.values())
            run = {}
        run[job.uid] = job
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
    ]
    if pairs:
        steps.append(bulk.insert(columns.TRIGGER, pairs, upsert(columns.TRIGGER)).run)
    return steps


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
    """Remove jobs and their triggers, and retire their revisions."""
    return [
        bulk.delete("triggers", "job_uid", uids).run,
        bulk.delete("jobs", "uid", uids).run,
        bulk.retire(uids).run,
    ]
