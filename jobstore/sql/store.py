"""The store: both protocols over one database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from cronquorum import failpoints
from jobstore.changes import Change
from jobstore.errors import BadChange
from jobstore.model import Answer, Calendar, DueTrigger, EndedAttempt, Execution, Job, Output, Term
from jobstore.protocols import CalendarQuery, ExecutionQuery, JobQuery
from jobstore.retention import Retention
from jobstore.spec import JobSpec
from jobstore.sql import calendars, job_reads, reads, terms
from jobstore.sql.bulk import Statement, Written
from jobstore.sql.database import Database
from jobstore.sql.outdated import outdated
from jobstore.sql.writes import Step, plan


@contextmanager
def encoding() -> Iterator[None]:
    """The drivers' own encoding: a NUL, half of a surrogate pair, a number beyond 64 bits."""
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        raise BadChange(f"a value cannot be stored: {str(error)[:200]}") from error


class SqlStore:
    """`JobStore` and `Records` in SQL tables. `open_store` makes one; it connects at its first use."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # ------------------------------------------------------------------------------------------- JobStore

    def probe(self) -> datetime:
        return self.database.write(self.database.clock)

    def begin_term(self, order: int, ensemble: str, node_id: str, at_least: int = 0) -> Term:
        return self.database.write(lambda c: terms.begin(c, order, ensemble, node_id, at_least))

    def commit(self, term: Term, changes: Sequence[Change]) -> None:
        steps = plan(changes, self.database.bulk)
        if not failpoints.armed("store.transaction") and self._at_once(term, steps):
            return

        def write(connection: Connection) -> None:
            terms.hold(connection, self.database, term)
            for step in steps:
                with encoding():
                    step(connection)
            failpoints.hit("store.transaction")

        self.database.write(write)

    def _at_once(self, term: Term, steps: Sequence[Step]) -> bool:
        """Whether all of it was written in one go. If not, nothing was: the long way says why, or does it."""
        statements: list[Statement] = []
        for step in steps:
            if not isinstance(step, Written):
                return False
            statements += step.statements
        with encoding():
            return self.database.at_once(term.epoch, statements)

    def due(self, before: datetime, after: tuple[datetime, UUID] | None, limit: int) -> list[DueTrigger]:
        return self.database.read(lambda c: reads.due(c, before, after, limit))

    def open_executions(self, after: UUID | None, limit: int) -> list[Execution]:
        return self.database.read(lambda c: reads.open_executions(c, after, limit))

    def outdated(self, retention: Retention, now: datetime) -> Iterator[Sequence[Change]]:
        return outdated(self.database, retention, now)

    def close(self) -> None:
        self.database.close()

    # ------------------------------------------------------------------------------------ the operator's

    def hold(self, reason: str) -> None:
        """Hold all terms from now on, until one commits `ReleaseTerm`; the present one is over."""
        self.database.write(lambda c: terms.put_on_hold(c, reason))

    # -------------------------------------------------------------------------------------------- Records

    def jobs(self, query: JobQuery) -> list[Job]:
        return self.database.read(lambda c: job_reads.jobs(c, query), snapshot=True)

    def calendars(self, query: CalendarQuery) -> list[Calendar]:
        return self.database.read(lambda c: calendars.calendars(c, query), snapshot=True)

    def spec(self, job_uid: UUID, revision: int) -> JobSpec | None:
        return self.database.read(lambda c: job_reads.spec(c, job_uid, revision))

    def execution(self, execution_id: UUID) -> Execution | None:
        return self.database.read(lambda c: reads.execution(c, execution_id))

    def executions(self, query: ExecutionQuery) -> list[Execution]:
        return self.database.read(lambda c: reads.listing(c, query))

    def latest(self, job_uids: Sequence[UUID]) -> Mapping[UUID, Execution]:
        return self.database.read(lambda c: reads.latest(c, job_uids))

    def attempts(self, execution_id: UUID) -> list[EndedAttempt]:
        return self.database.read(lambda c: reads.ended_attempts(c, execution_id))

    def output(self, execution_id: UUID, attempt: int, after: int, limit: int) -> list[Output]:
        return self.database.read(lambda c: reads.output(c, execution_id, attempt, after, limit))

    def answers(self, keys: Sequence[tuple[str, str]]) -> list[Answer]:
        return self.database.read(lambda c: reads.kept_answers(c, keys))
