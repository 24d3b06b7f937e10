"""The seam to the store. The docstrings are the contract; `tests/contract` checks each sentence.

All methods block: they are called from the writer's thread and from a small pool for reads, and are safe
to call from several threads at once. Any of them may raise `StoreUnavailable`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from jobstore.changes import Change
from jobstore.model import Answer, Calendar, DueTrigger, EndedAttempt, Execution, Job, Output, Term
from jobstore.retention import Retention
from jobstore.spec import JobSpec
from jobstore.states import State


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionQuery:
    """Which executions; newest scheduled time first, then by id. `after`: the last row of the page before."""

    namespace: str = ""
    job: str = ""
    job_uid: UUID | None = None
    states: frozenset[State] = frozenset()
    scheduled_from: datetime | None = None
    scheduled_before: datetime | None = None
    after: tuple[datetime, UUID] | None = None
    limit: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class JobQuery:
    """Which jobs, by namespace and name. `after` is the last (namespace, name) of the page before.

    `calendars`: those that have a trigger with any of these, by (namespace, name).
    """

    namespace: str = ""
    names: tuple[tuple[str, str], ...] | None = None
    uids: tuple[UUID, ...] | None = None
    calendars: tuple[tuple[str, str], ...] | None = None
    after: tuple[str, str] | None = None
    limit: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarQuery:
    """Which calendars, by namespace and name. `after` is the last (namespace, name) of the page before."""

    namespace: str = ""
    names: tuple[tuple[str, str], ...] | None = None
    after: tuple[str, str] | None = None
    limit: int = 100


class JobStore(Protocol):
    """What the leader needs: terms, writes, and what is due or open."""

    def probe(self) -> datetime:
        """The store's present time, after checking that it takes writes."""
        ...

    def begin_term(self, order: int, ensemble: str, node_id: str, at_least: int = 0) -> Term:
        """Begin a term with an epoch greater than every earlier one, and greater than `at_least`.

        A candidate whose order is lower than the last one's raises `ClaimRefused`; so does another node's
        claim of the same order. The same node and order may begin again, with a fresh epoch. An ensemble
        other than the last one is accepted with any order, and remembered. After it returns, no write of
        an earlier term is committed any more.

        When `at_least` is an epoch that the store never gave out (or `hold` was called), the store has gone
        back to an earlier time: the term, and each that follows it, is held, until one commits `ReleaseTerm`.
        """
        ...

    def commit(self, term: Term, changes: Sequence[Change]) -> None:
        """Write all changes, in their order, in one transaction, or none.

        Raises `StaleTerm` when another term has begun. Raises `BadChange` for data that cannot be
        written: a second execution of one trigger at one scheduled time, a second id at one scheduled time
        (of which ids are made), a name of a job or of a calendar in use, a move of an execution that is final
        or is not there, a void of one that is not
        there or may have been sent, a final execution that does not say when it ended, text with a NUL in
        it. When it returns, the changes survive a crash.
        """
        ...

    def due(self, before: datetime, after: tuple[datetime, UUID] | None, limit: int) -> list[DueTrigger]:
        """Triggers whose next fire is earlier than `before`, by (next fire, uid), beginning behind `after`.

        By index: what it costs does not depend on how many triggers are due later.
        """
        ...

    def open_executions(self, after: UUID | None, limit: int) -> list[Execution]:
        """Executions that are not final, by id, beginning behind `after`.

        By index: what it costs does not depend on how many have finished.
        """
        ...

    def close(self) -> None:
        """Let go of all connections. Idempotent."""
        ...


class History(Protocol):
    """What the leader's retention needs."""

    def outdated(self, retention: Retention, now: datetime) -> Iterator[Sequence[Change]]:
        """Look through the store for what may be forgotten: changes to be committed, each before the next is asked for.

        Finished executions that ended longer ago than they are kept, with all that belongs to them; revisions that
        were retired long ago and that no execution has; evidence about executions that there are not; answers
        older than `retention.answers`. Open executions never. A store that keeps history by day forgets a day as
        a whole, so up to a day (and an hour) later. Each question is small, and some have no answer: then there is
        nothing to commit. The end is that of one pass.
        """
        ...


class Records(Protocol):
    """What anybody may read, from any node: each answer is a committed state."""

    def jobs(self, query: JobQuery) -> list[Job]:
        """Jobs with their triggers, by namespace and name; those named that do not exist are missing.

        A job whose stored definition cannot be read is left out, and delays nobody.
        """
        ...

    def calendars(self, query: CalendarQuery) -> list[Calendar]:
        """Calendars, by namespace and name; those named that do not exist are missing.

        One whose stored definition cannot be read is left out.
        """
        ...

    def spec(self, job_uid: UUID, revision: int) -> JobSpec | None:
        """The definition that a revision had, also of a deleted job."""
        ...

    def execution(self, execution_id: UUID) -> Execution | None:
        """One execution."""
        ...

    def executions(self, query: ExecutionQuery) -> list[Execution]:
        """Executions, newest scheduled time first, then by id, at most `query.limit`."""
        ...

    def latest(self, job_uids: Sequence[UUID]) -> Mapping[UUID, Execution]:
        """The execution with the latest scheduled time of each job that has any."""
        ...

    def attempts(self, execution_id: UUID) -> list[EndedAttempt]:
        """The earlier attempts of an execution, in order."""
        ...

    def output(self, execution_id: UUID, attempt: int, after: int, limit: int) -> list[Output]:
        """The kept output of an attempt, by seq, beginning behind seq `after` (-1: from the start)."""
        ...

    def answers(self, keys: Sequence[tuple[str, str]]) -> list[Answer]:
        """The kept answers to clients' writes, of these (scope, request id) that have one; in no order."""
        ...
