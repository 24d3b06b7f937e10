"""Looking at finished executions: is it over how long they are kept?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, func, select

from jobstore.retention import SILENT, Retention, Said
from jobstore.sql.database import Database
from jobstore.sql.rows import AnyRow
from jobstore.sql.tables import job_retention
from jobstore.states import State

PAGE = 250
"""Rows in one question, and in one change: which takes some ten milliseconds, for which fires wait."""


def what(rows: Table) -> Select[Any]:
    """What tells whether an execution is over, and where it stands."""
    c = rows.c
    return select(c.id, c.scheduled_time, c.state, c.final, c.ended, c.namespace, c.job_uid)


def said(row: AnyRow) -> Said:
    """What a job says, from a row with its columns of `job_retention`."""
    return Said(succeeded=_duration(row.succeeded), failed=_duration(row.failed))


def _duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Looking:
    """One pass: where it looks, by which rule, and what time it was at its beginning."""

    database: Database
    retention: Retention
    now: datetime

    def rows(self, asked: Select[Any]) -> Sequence[AnyRow]:
        """The answer to a question."""

        def work(connection: Any) -> Sequence[AnyRow]:
            found: Sequence[AnyRow] = connection.execute(asked).all()
            return found

        return self.database.read(work)

    def values(self, asked: Any) -> list[Any]:
        """The answer to a question for one column."""

        def work(connection: Any) -> list[Any]:
            return list(connection.scalars(asked))

        return self.database.read(work)

    def over(self, page: Sequence[AnyRow]) -> list[bool]:
        """Of rows of `what`, whether each may go."""
        jobs = self._jobs(page)
        return [self._is_over(row, jobs.get(row.job_uid, SILENT)) for row in page]

    def _is_over(self, row: AnyRow, job: Said) -> bool:
        if not row.final:
            return False
        kept = self.retention.kept(State(row.state), row.namespace, job)
        return bool(row.ended < self.now - kept)

    def _jobs(self, page: Sequence[AnyRow]) -> dict[UUID, Said]:
        uids = {row.job_uid for row in page}
        if not uids:
            return {}
        asked = select(job_retention).where(job_retention.c.job_uid.in_(uids))
        return {row.job_uid: said(row) for row in self.rows(asked)}

    def shortest(self) -> timedelta:
        """How long the first ones to go of all stay."""
        c = job_retention.c
        asked = select(func.min(c.succeeded).label("succeeded"), func.min(c.failed).label("failed"))
        jobs = said(self.rows(asked)[0])
        spaces = ("", *self.retention.namespaces)
        # of jobs that say nothing, too: one that says more makes nobody else's stay longer
        return min(self.retention.shortest(name, each) for name in spaces for each in (SILENT, jobs))
