"""The contract in `jobstore/changes.py`: forgetting."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from jobstore.changes import (
    AddEvidence,
    AddOutput,
    DeleteJob,
    EndAttempt,
    Forget,
    KeepAnswer,
    MoveExecution,
    NewExecution,
    PutJob,
)
from jobstore.model import Answer, Evidence, Execution, Output, Term
from jobstore.protocols import ExecutionQuery
from jobstore.sql.store import SqlStore
from jobstore.states import State
from tests.jobstore.stores import (
    KINDS,
    SECOND,
    START,
    attempt,
    definition,
    ended,
    fire,
    job,
    put,
    stores,
    terms,
    urls,
)

url = urls(*KINDS)
store = stores()
term = terms()

DAY = timedelta(days=1)
LONG_AGO = START - 100 * DAY


def forget(store: SqlStore, term: Term, limit: int = 1000) -> None:
    """What ended before START, and what was answered more than a day before that."""
    store.commit(term, [Forget(ended_before=START, answers_before=START - DAY, limit=limit)])


def rows(store: SqlStore, table: str) -> int:
    return store.database.read(lambda c: c.scalar(text(f"SELECT count(*) FROM {table}"))) or 0


def finish(store: SqlStore, term: Term, *executions: Execution) -> None:
    put(store, term, *executions)
    store.commit(term, [MoveExecution(ended(each)) for each in executions])


def test_finished_executions_that_ended_before_are_removed(store: SqlStore, term: Term) -> None:
    report = job()
    old, edge, new = fire(report, START - DAY), fire(report, START - SECOND), fire(report, START)
    finish(store, term, old, edge, new)
    forget(store, term)
    assert {e.id for e in store.executions(ExecutionQuery())} == {edge.id, new.id}


def test_skipped_ones_go_too_and_open_ones_never(store: SqlStore, term: Term) -> None:
    report = job()
    skipped = ended(fire(report, START - DAY), State.SKIPPED)
    waiting = fire(report, START - 2 * DAY)
    retrying = fire(report, START - 3 * DAY)
    put(store, term, skipped, waiting, retrying)
    # an attempt of it has ended; it has not
    store.commit(term, [MoveExecution(replace(retrying, state=State.RETRYING, ended=START - 3 * DAY))])
    forget(store, term)
    assert {e.id for e in store.executions(ExecutionQuery())} == {waiting.id, retrying.id}


def test_at_most_limit_of_them_the_oldest_first(store: SqlStore, term: Term) -> None:
    report = job()
    finish(store, term, *(fire(report, START - n * DAY) for n in range(1, 11)))
    forget(store, term, limit=3)
    left = [e.scheduled_time for e in store.executions(ExecutionQuery())]
    assert left == [START - n * DAY for n in range(1, 8)]


def test_all_that_belongs_to_them_goes_with_them(store: SqlStore, term: Term) -> None:
    report = job()
    for at in (START - DAY, START):
        execution = fire(report, at)
        store.commit(
            term,
            [
                NewExecution(execution),
                EndAttempt(attempt(execution)),
                AddOutput(Output(execution_id=execution.id, part=0, attempt=1, seq=0, stream="o", data=b"x")),
                AddEvidence(_evidence(execution)),
                MoveExecution(ended(execution)),
            ],
        )
    forget(store, term)
    gone, kept = fire(report, START - DAY), fire(report, START)
    assert (store.attempts(gone.id), store.output(gone.id, 1, -1, 9)) == ([], [])
    assert (len(store.attempts(kept.id)), len(store.output(kept.id, 1, -1, 9))) == (1, 1)
    assert rows(store, "evidence") == 1


def _evidence(execution: Execution) -> Evidence:
    return Evidence(
        execution_id=execution.id,
        executor_id="x",
        incarnation="y",
        attempt=1,
        received=execution.scheduled_time,
        why="late",
        report={},
    )


def test_evidence_about_executions_that_there_are_not_goes_when_it_is_old(store: SqlStore, term: Term) -> None:
    report = job()
    store.commit(term, [AddEvidence(_evidence(fire(report, START + n * DAY))) for n in (-3, -2, -1, 0, 1)])
    forget(store, term, limit=2)
    assert rows(store, "evidence") == 3
    forget(store, term, limit=2)
    assert rows(store, "evidence") == 2


def test_evidence_about_an_open_execution_stays(store: SqlStore, term: Term) -> None:
    waiting = fire(job(), START - DAY)
    store.commit(term, [NewExecution(waiting), AddEvidence(_evidence(waiting))])
    forget(store, term)
    assert rows(store, "evidence") == 1


def test_at_most_limit_answers_given_before(store: SqlStore, term: Term) -> None:
    store.commit(
        term,
        [
            KeepAnswer(Answer(scope="s", request_id=f"r-{n}", digest="", answered=START - n * DAY, body=b""))
            for n in range(6)
        ],
    )
    forget(store, term, limit=3)
    assert [n for n in range(6) if store.answer("s", f"r-{n}")] == [0, 1, 2]
    forget(store, term, limit=3)
    assert [n for n in range(6) if store.answer("s", f"r-{n}")] == [0, 1]


def test_revisions_stay_as_long_as_an_execution_has_them(store: SqlStore, term: Term) -> None:
    first = job(updated=LONG_AGO)
    second = replace(first, revision=2, updated=LONG_AGO + DAY, spec=definition(description="2"))
    third = replace(first, revision=3, updated=LONG_AGO + 2 * DAY, spec=definition(description="3"))
    put(store, term, first, second)
    finish(store, term, fire(second, LONG_AGO + DAY))
    waiting = fire(first, LONG_AGO)
    put(store, term, waiting, third)
    forget(store, term)
    # the second was needed until now: its last execution goes first, in the same transaction
    assert [store.spec(first.uid, n) is not None for n in (1, 2, 3)] == [True, False, True]
    store.commit(term, [MoveExecution(ended(waiting))])
    forget(store, term)
    assert [store.spec(first.uid, n) is not None for n in (1, 2, 3)] == [False, False, True]


def test_revisions_of_a_deleted_job_go_after_its_last_execution(store: SqlStore, term: Term) -> None:
    gone = job()
    now = store.probe()
    put(store, term, gone)
    finish(store, term, fire(gone, now - SECOND))
    store.commit(term, [DeleteJob(gone.uid)])
    store.commit(term, [Forget(ended_before=now, answers_before=now, limit=10)])
    assert store.spec(gone.uid, 1) == gone.spec
    later = now + 2 * DAY
    store.commit(term, [Forget(ended_before=later, answers_before=later, limit=10)])
    assert store.spec(gone.uid, 1) is None


def test_revisions_wait_until_all_executions_that_ended_before_are_gone(store: SqlStore, term: Term) -> None:
    first = job(updated=LONG_AGO)
    put(store, term, first, replace(first, revision=2, updated=LONG_AGO + DAY))
    finish(store, term, *(fire(first, LONG_AGO - n * SECOND) for n in range(3)))
    forget(store, term, limit=3)
    assert store.spec(first.uid, 1) is not None
    forget(store, term, limit=3)
    assert store.spec(first.uid, 1) is None


def test_the_present_revision_stays_for_ever(store: SqlStore, term: Term) -> None:
    kept = job(updated=LONG_AGO, created=LONG_AGO)
    put(store, term, kept)
    store.commit(term, [PutJob(kept)])
    forget(store, term)
    assert store.spec(kept.uid, 1) == kept.spec


def test_more_than_a_statement_takes(store: SqlStore, term: Term) -> None:
    report = job()
    finish(store, term, *(fire(report, START - DAY + n * SECOND) for n in range(2500)))
    forget(store, term, limit=2400)
    assert rows(store, "executions") == 100
