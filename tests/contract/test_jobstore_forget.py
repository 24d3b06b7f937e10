"""The contract in `jobstore/changes.py`: forgetting."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
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
from jobstore.errors import StaleTerm
from jobstore.model import Answer, Evidence, Execution, Job, Output, Term
from jobstore.protocols import ExecutionQuery
from jobstore.retention import FAILED, Retention, Said
from jobstore.sql.store import SqlStore
from jobstore.states import FINAL, State
from tests.jobstore.stores import (
    KINDS,
    SECOND,
    START,
    attempt,
    definition,
    ended,
    fire,
    job,
    kept_answer,
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


def forget(store: SqlStore, term: Term) -> None:
    """What ended before START, and what was answered more than a day before that."""
    forget_by(store, term, Retention(answers=31 * DAY), START + 30 * DAY)


def forget_by(store: SqlStore, term: Term, retention: Retention, now: datetime) -> None:
    """One pass."""
    for found in store.outdated(retention, now):
        store.commit(term, found)


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
    forget(store, term)
    assert rows(store, "evidence") == 2


def test_evidence_about_an_open_execution_stays(store: SqlStore, term: Term) -> None:
    waiting = fire(job(), START - DAY)
    store.commit(term, [NewExecution(waiting), AddEvidence(_evidence(waiting))])
    forget(store, term)
    assert rows(store, "evidence") == 1


def test_answers_given_before(store: SqlStore, term: Term) -> None:
    store.commit(
        term,
        [
            KeepAnswer(Answer(scope="s", request_id=f"r-{n}", digest="", answered=START - n * DAY, body=b""))
            for n in range(6)
        ],
    )
    forget(store, term)
    assert [n for n in range(6) if kept_answer(store, "s", f"r-{n}")] == [0, 1]


def test_revisions_stay_as_long_as_an_execution_has_them(store: SqlStore, term: Term) -> None:
    first = job(updated=LONG_AGO)
    second = replace(first, revision=2, updated=LONG_AGO + DAY, spec=definition(description="2"))
    third = replace(first, revision=3, updated=LONG_AGO + 2 * DAY, spec=definition(description="3"))
    put(store, term, first, second)
    finish(store, term, fire(second, LONG_AGO + DAY))
    waiting = fire(first, LONG_AGO)
    put(store, term, waiting, third)
    forget(store, term)
    # the second was needed until now: its last execution goes first, in the same pass
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
    forget_by(store, term, Retention(), now + 30 * DAY)
    assert store.spec(gone.uid, 1) == gone.spec
    forget_by(store, term, Retention(), now + 32 * DAY)
    assert store.spec(gone.uid, 1) is None


def test_the_present_revision_stays_for_ever(store: SqlStore, term: Term) -> None:
    kept = job(updated=LONG_AGO, created=LONG_AGO)
    put(store, term, kept)
    store.commit(term, [PutJob(kept)])
    forget(store, term)
    assert store.spec(kept.uid, 1) == kept.spec


def test_more_than_a_statement_takes(store: SqlStore, term: Term) -> None:
    report = job()
    finish(store, term, *(fire(report, START - DAY + n * SECOND) for n in range(2500)))
    finish(store, term, *(fire(report, START + n * SECOND) for n in range(100)))
    forget(store, term)
    assert rows(store, "executions") == 100


def test_what_is_forgotten_is_named(store: SqlStore, term: Term) -> None:
    """An open execution is not, whoever names it; and what is gone already is no error."""
    report = job()
    waiting, over = fire(report), fire(report, START + SECOND)
    put(store, term, waiting)
    finish(store, term, over)
    change = Forget(executions=tuple((e.scheduled_time, e.id) for e in (waiting, over)))
    store.commit(term, [change, change])
    assert store.executions(ExecutionQuery()) == [waiting]


def test_a_stale_term_forgets_nothing(store: SqlStore, term: Term) -> None:
    over = fire(job(), START - DAY)
    finish(store, term, over)
    store.begin_term(2, "ensemble-1", "node-2")
    with pytest.raises(StaleTerm):
        forget(store, term)
    assert rows(store, "executions") == 1


# ---------------------------------------------------------------------- per state, namespace and job

ENDS = sorted(FINAL)
LONG = Retention(succeeded=10 * DAY, failed=20 * DAY)
NOW = START + 40 * DAY


def of_all_ends(of: Job, days: float) -> list[Execution]:
    """One execution for each way to end, that many days before NOW."""
    return [ended(fire(of, NOW - days * DAY + n * SECOND), end) for n, end in enumerate(ENDS)]


def left(store: SqlStore) -> set[tuple[str, str, State]]:
    return {(e.namespace, e.job, e.state) for e in store.executions(ExecutionQuery(limit=1000))}


def settle(store: SqlStore, term: Term, *executions: Execution) -> None:
    put(store, term, *(replace(each, state=State.DISPATCHED, ended=None) for each in executions))
    store.commit(term, [MoveExecution(each) for each in executions])


def test_what_failed_may_stay_longer(store: SqlStore, term: Term) -> None:
    report = job()
    settle(store, term, *of_all_ends(report, 15))
    forget_by(store, term, LONG, NOW)
    assert left(store) == {("default", "report", end) for end in (State.FAILED, State.LOST, State.TIMED_OUT)}
    forget_by(store, term, LONG, NOW + 6 * DAY)
    assert left(store) == set()


def test_a_namespace_says_otherwise_and_a_job_again(store: SqlStore, term: Term) -> None:
    spaces = {
        "brief": Said(succeeded=DAY, failed=2 * DAY),
        "long": Said(succeeded=30 * DAY),  # and what failed as everywhere
    }
    says = {"succeeded": "25d", "failed": "1d"}
    jobs = [
        job("plain"),
        job("own", spec=definition(retention=says)),
        job("brief", namespace="brief"),
        job("own", namespace="brief", spec=definition(retention={"failed": "30d"})),
        job("long", namespace="long"),
    ]
    put(store, term, *jobs)
    settle(store, term, *(each for of in jobs for each in of_all_ends(of, 15)))
    settle(store, term, *(each for of in jobs for each in of_all_ends(of, 1.5)))
    forget_by(store, term, replace(LONG, namespaces=spaces), NOW)
    found: dict[tuple[str, str], list[float]] = {}
    for each in store.executions(ExecutionQuery(limit=1000)):
        kind = "failed" if each.state in FAILED else "succeeded"
        days = (NOW - each.scheduled_time) / DAY
        found.setdefault((f"{each.namespace}/{each.job}", kind), []).append(1.5 if days < 2 else 15)
    assert {key: sorted(set(ages)) for key, ages in found.items()} == {
        ("default/plain", "succeeded"): [1.5],
        ("default/plain", "failed"): [1.5, 15],
        ("default/own", "succeeded"): [1.5, 15],
        ("brief/brief", "failed"): [1.5],
        ("brief/own", "failed"): [1.5, 15],
        ("long/long", "succeeded"): [1.5, 15],
        ("long/long", "failed"): [1.5, 15],
    }


def test_a_jobs_latest_word_counts_also_when_it_is_deleted(store: SqlStore, term: Term) -> None:
    first = job(spec=definition(retention={"succeeded": "1d"}))
    put(store, term, first)
    settle(store, term, ended(fire(first, NOW - 15 * DAY)))
    put(store, term, replace(first, revision=2, spec=definition(retention={"succeeded": "25d"})))
    store.commit(term, [DeleteJob(first.uid)])
    forget_by(store, term, LONG, NOW)
    assert len(left(store)) == 1
    forget_by(store, term, LONG, NOW + 11 * DAY)
    assert left(store) == set()


def test_a_job_that_says_nothing_any_more_is_as_the_others(store: SqlStore, term: Term) -> None:
    first = job(spec=definition(retention={"succeeded": "25d"}))
    put(store, term, first, replace(first, revision=2, spec=definition()))
    settle(store, term, ended(fire(first, NOW - 15 * DAY)))
    forget_by(store, term, LONG, NOW)
    assert left(store) == set()


def test_what_a_job_said_goes_with_its_last_revision(store: SqlStore, term: Term) -> None:
    gone = job(spec=definition(retention={"succeeded": "1d"}))
    put(store, term, gone)
    store.commit(term, [DeleteJob(gone.uid)])
    forget_by(store, term, LONG, store.probe() + 5 * DAY)
    assert rows(store, "job_retention") == 1
    forget_by(store, term, LONG, store.probe() + 50 * DAY)
    assert rows(store, "job_retention") == 0
