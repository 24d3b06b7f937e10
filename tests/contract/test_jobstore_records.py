"""The contract in `jobstore/protocols.py`: what anybody may read."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from jobstore.changes import AddOutput, DeleteJob, EndAttempt, MoveExecution, PutJob
from jobstore.model import Execution, Job, Output, Term
from jobstore.protocols import ExecutionQuery, JobQuery
from jobstore.sql.store import SqlStore
from jobstore.states import OPEN, State
from tests.jobstore.inside import as_stored, spoil
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
    run,
    stores,
    terms,
    uid,
    urls,
)

url = urls(*KINDS)
store = stores()
term = terms()


# ------------------------------------------------------------------------------------------------ jobs

NAMES = ("a", "a-b", "a0", "ab", "b", "z-1", "z1", "0", "9z")


@pytest.fixture
def jobs(store: SqlStore, term: Term) -> list[Job]:
    made = [job(name, namespace=namespace) for namespace in ("b", "a", "a-1") for name in reversed(NAMES)]
    put(store, term, *made)
    return sorted(made, key=lambda each: (each.namespace, each.name))


def test_jobs_are_by_namespace_and_name(store: SqlStore, jobs: list[Job]) -> None:
    """In the order of code points, whatever the database's locale is."""
    assert store.jobs(JobQuery(limit=1000)) == jobs


def test_jobs_of_a_namespace(store: SqlStore, jobs: list[Job]) -> None:
    assert store.jobs(JobQuery(namespace="a")) == [each for each in jobs if each.namespace == "a"]
    assert store.jobs(JobQuery(namespace="none")) == []


def test_jobs_begin_behind_after(store: SqlStore, jobs: list[Job]) -> None:
    for size in (1, 4, 27, 28):
        found: list[Job] = []
        while page := store.jobs(JobQuery(after=(found[-1].namespace, found[-1].name) if found else None, limit=size)):
            assert len(page) <= size
            found += page
        assert found == jobs


def test_those_named_that_do_not_exist_are_missing(store: SqlStore, jobs: list[Job]) -> None:
    names = (("b", "z1"), ("a", "none"), ("none", "a"), ("a", "a"), ("a", "a"))
    assert [(j.namespace, j.name) for j in store.jobs(JobQuery(names=names))] == [("a", "a"), ("b", "z1")]
    assert store.jobs(JobQuery(names=())) == []


def test_jobs_by_uid(store: SqlStore, jobs: list[Job]) -> None:
    wanted = (jobs[5].uid, uid(), jobs[2].uid)
    assert store.jobs(JobQuery(uids=wanted)) == [jobs[2], jobs[5]]
    assert store.jobs(JobQuery(uids=wanted, namespace=jobs[5].namespace, names=(("a", "z1"),))) == []
    assert store.jobs(JobQuery(uids=())) == []


def test_any_number_of_names_may_be_asked_for(store: SqlStore, jobs: list[Job]) -> None:
    strange = tuple(("x", f"job-{n}") for n in range(20_000))
    names = (*strange, ("b", "z1"), *strange, ("a", "a"))
    assert [j.name for j in store.jobs(JobQuery(names=names, limit=100_000))] == ["a", "z1"]
    uids = (*(UUID(int=n) for n in range(40_000)), jobs[0].uid)
    assert store.jobs(JobQuery(uids=uids, limit=100_000)) == [jobs[0]]


def test_a_job_whose_stored_definition_cannot_be_read_is_left_out_and_delays_nobody(
    store: SqlStore, jobs: list[Job]
) -> None:
    broken = jobs[3:6]
    for each, spec in zip(broken, ('{"task": {"smoke": {}}}', "[]", '{"triggers": 3}'), strict=True):
        spoil(
            store,
            "UPDATE job_revisions SET spec = :spec WHERE job_uid = :uid",
            spec=spec,
            uid=as_stored(store, each.uid),
        )
    good = [each for each in jobs if each not in broken]
    assert store.jobs(JobQuery(limit=1000)) == good
    assert store.jobs(JobQuery(names=tuple((j.namespace, j.name) for j in jobs[:5]))) == jobs[:3]
    # a page is full when there is more, so that nobody takes it for the last one
    assert store.jobs(JobQuery(limit=4)) == [*jobs[:3], jobs[6]]
    assert store.spec(broken[0].uid, 1) is None


def test_the_definition_that_a_revision_had_also_of_a_deleted_job(store: SqlStore, term: Term) -> None:
    first = job()
    second = replace(first, revision=2, spec=definition(idempotent=True, timeout="90s"))
    put(store, term, first)
    put(store, term, second)
    store.commit(term, [DeleteJob(first.uid)])
    assert store.spec(first.uid, 1) == first.spec
    assert store.spec(first.uid, 2) == second.spec
    assert store.spec(first.uid, 3) is None
    assert store.spec(uid(), 1) is None


def test_each_answer_is_a_committed_state(store: SqlStore, term: Term) -> None:
    """A job is never seen with the triggers of another revision, however often it changes."""
    first = job()
    put(store, term, first)
    stop = threading.Event()

    def edit() -> int:
        revision = 1
        while not stop.is_set():
            revision += 1
            trigger = replace(first.triggers[0], uid=uid(), previous_fire=START + revision * SECOND)
            changed = replace(first, revision=revision, triggers=(trigger,))
            store.commit(term, [PutJob(changed)])
        return revision

    with ThreadPoolExecutor(1) as pool:
        editing = pool.submit(edit)
        try:
            for _ in range(100):
                (seen,) = store.jobs(JobQuery())
                expected = None if seen.revision == 1 else START + seen.revision * SECOND
                assert [t.previous_fire for t in seen.triggers] == [expected]
        finally:
            stop.set()
        assert editing.result(30) > 1


# ------------------------------------------------------------------------------------------ executions


def in_listing(executions: list[Execution]) -> list[Execution]:
    return sorted(sorted(executions, key=lambda e: e.id), key=lambda e: e.scheduled_time, reverse=True)


@pytest.fixture
def history(store: SqlStore, term: Term) -> list[Execution]:
    """Six jobs, of which two have one name, with fires and runs that share scheduled times."""
    jobs = [job(f"job-{n}") for n in range(4)] + [job("job-0", namespace="other"), job("job-1")]
    made = [fire(each, START + n * SECOND) for each in jobs for n in range(6)]
    made += [run(each, START + 2 * SECOND) for each in jobs]
    states = [*State]
    done = []
    put(store, term, *jobs[:5], *made)
    store.commit(term, [DeleteJob(jobs[1].uid), PutJob(jobs[5])])
    for number, execution in enumerate(made):
        state = states[number % len(states)]
        done.append(ended(execution, state) if state.final else replace(execution, state=state))
    store.commit(term, [MoveExecution(each) for each in done])
    return in_listing(done)


def test_one_execution(store: SqlStore, history: list[Execution]) -> None:
    assert store.execution(history[7].id) == history[7]
    assert store.execution(uid()) is None


def test_executions_are_newest_scheduled_time_first_then_by_id(store: SqlStore, history: list[Execution]) -> None:
    assert store.executions(ExecutionQuery(limit=1000)) == history


def test_there_are_at_most_limit_and_they_begin_behind_after(store: SqlStore, history: list[Execution]) -> None:
    for size in (1, 5, 42, 43):
        found: list[Execution] = []
        while page := store.executions(
            ExecutionQuery(after=(found[-1].scheduled_time, found[-1].id) if found else None, limit=size)
        ):
            assert len(page) <= size
            found += page
        assert found == history


QUERIES: dict[str, dict[str, Any]] = {
    "namespace": {"namespace": "other"},
    "no such namespace": {"namespace": "none"},
    "job": {"namespace": "default", "job": "job-2"},
    "job, its deleted namesakes too": {"namespace": "default", "job": "job-1"},
    "job in any namespace": {"job": "job-0"},
    "no such job": {"namespace": "default", "job": "none"},
    "open states": {"states": frozenset({State.RUNNING, State.PENDING})},
    "all open states": {"states": OPEN},
    "final states": {"states": frozenset({State.FAILED, State.SKIPPED})},
    "mixed states": {"states": frozenset({State.FAILED, State.HELD})},
    "from": {"scheduled_from": START + 2 * SECOND},
    "before": {"scheduled_before": START + 2 * SECOND},
    "between": {"scheduled_from": START + 2 * SECOND, "scheduled_before": START + 3 * SECOND},
    "all at once": {
        "namespace": "default",
        "job": "job-3",
        "states": OPEN,
        "scheduled_from": START,
        "scheduled_before": START + 9 * SECOND,
    },
}


def matches(execution: Execution, query: dict[str, Any]) -> bool:
    at: datetime = execution.scheduled_time
    return (
        execution.namespace == query.get("namespace", execution.namespace)
        and execution.job == query.get("job", execution.job)
        and execution.state in query.get("states", State)
        and query.get("scheduled_from", at) <= at < query.get("scheduled_before", at + SECOND)
    )


@pytest.mark.parametrize("case", QUERIES)
def test_executions_are_those_asked_for(store: SqlStore, history: list[Execution], case: str) -> None:
    query = QUERIES[case]
    assert store.executions(ExecutionQuery(**query)) == [e for e in history if matches(e, query)]


def test_executions_of_a_job_uid(store: SqlStore, history: list[Execution]) -> None:
    """Also together with its name; and with another one's there are none."""
    wanted = history[0].job_uid
    expected = [e for e in history if e.job_uid == wanted]
    assert store.executions(ExecutionQuery(job_uid=wanted)) == expected
    assert store.executions(ExecutionQuery(job_uid=wanted, job=history[0].job)) == expected
    assert store.executions(ExecutionQuery(job_uid=wanted, job="none")) == []


def test_executions_that_cannot_be_read_do_not_break_a_page(store: SqlStore, history: list[Execution]) -> None:
    broken = history[2:4]
    for each in broken:
        spoil(
            store,
            "UPDATE executions SET params = '[]' WHERE id = :id",
            id=as_stored(store, each.id),
        )
    assert store.executions(ExecutionQuery(limit=5)) == [*history[:2], *history[4:7]]
    good = [e for e in history if e not in broken]
    expected = sorted((e for e in good if e.state in OPEN), key=lambda e: e.id)
    assert store.open_executions(None, 1000) == expected
    assert store.execution(broken[0].id) is None


def test_the_execution_with_the_latest_scheduled_time_of_each_job_that_has_any(
    store: SqlStore, history: list[Execution]
) -> None:
    uids = list(dict.fromkeys(e.job_uid for e in history))
    expected = {each: next(e for e in history if e.job_uid == each) for each in uids}
    assert store.latest([*uids, uid()]) == expected
    assert store.latest(uids[:1]) == {uids[0]: expected[uids[0]]}
    assert store.latest([]) == {}
    many = [UUID(int=n) for n in range(1000)]
    assert store.latest([*many, uids[0]]) == {uids[0]: expected[uids[0]]}


def test_the_earlier_attempts_of_an_execution_in_order(store: SqlStore, term: Term) -> None:
    execution, other = fire(job()), fire(job())
    attempts = [attempt(execution, n) for n in (1, 2, 10)]
    store.commit(term, [EndAttempt(each) for each in (attempts[2], attempt(other), *attempts[:2])])
    assert store.attempts(execution.id) == attempts
    assert store.attempts(uid()) == []


def test_the_kept_output_of_an_attempt_by_seq(store: SqlStore, term: Term) -> None:
    execution = fire(job())
    pieces = [
        Output(execution_id=execution.id, part=0, attempt=n // 20, seq=n % 20, stream="stdout", data=bytes([n]))
        for n in range(40)
    ]
    store.commit(term, [AddOutput(each) for each in reversed(pieces)])
    assert store.output(execution.id, 1, -1, 100) == pieces[20:]
    assert store.output(execution.id, 1, 4, 3) == pieces[25:28]
    assert store.output(execution.id, 1, 19, 3) == []
    assert store.output(execution.id, 2, -1, 3) == []


# --------------------------------------------------------------------------------------------- threads


def test_all_methods_are_safe_to_call_from_several_threads(store: SqlStore, term: Term) -> None:
    """Readers see whole transactions, and their answers only grow, while a writer writes."""
    report = job()
    put(store, term, report)
    stop = threading.Event()

    def read() -> int:
        seen = rounds = 0
        while not stop.is_set():
            count = len(store.executions(ExecutionQuery(limit=10_000)))
            assert count >= seen
            assert count % 5 == 0
            seen = count
            store.open_executions(None, 10)
            store.due(START + timedelta(days=1), None, 10)
            store.probe()
            rounds += 1
        return rounds

    with ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read) for _ in range(6)]
        try:
            for number in range(40):
                batch = [fire(report, START + (5 * number + n) * SECOND) for n in range(5)]
                put(store, term, *batch)
        finally:
            stop.set()
        assert all(reader.result(60) for reader in readers)
    assert len(store.open_executions(None, 1000)) == 200
