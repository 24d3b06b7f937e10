"""The contract in `jobstore/protocols.py`: what is due and what is open."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from jobstore.changes import MoveExecution, MoveTrigger
from jobstore.model import DueTrigger, Execution, Job, Term, TriggerRecord
from jobstore.protocols import ExecutionQuery
from jobstore.retention import Retention
from jobstore.sql.store import SqlStore
from jobstore.states import BORN, OPEN, State
from tests.jobstore.inside import plans_of
from tests.jobstore.stores import KINDS, SECOND, START, definition, ended, fire, job, put, stores, terms, uid, urls

url = urls(*KINDS)
store = stores()
term = terms()

DAY = timedelta(days=1)


def due_at(name: str, *seconds: int | None) -> Job:
    """A job with a trigger for each of these times after START, or for none."""
    triggers = tuple(
        TriggerRecord(uid=uid(), name=f"t-{n}", next_fire=None if s is None else START + s * SECOND)
        for n, s in enumerate(seconds)
    )
    spec = definition(triggers=[{"name": t.name, "cron": "0 * * * * ?"} for t in triggers])
    return job(name, triggers=triggers, spec=spec)


def in_order(*jobs: Job) -> list[DueTrigger]:
    found = [
        DueTrigger(uid=t.uid, job_uid=j.uid, next_fire=t.next_fire)
        for j in jobs
        for t in j.triggers
        if t.next_fire is not None
    ]
    return sorted(found, key=lambda t: (t.next_fire, t.uid))


def test_due_are_triggers_whose_next_fire_is_earlier_than_before(store: SqlStore, term: Term) -> None:
    one = due_at("one", 0, 1, 2)
    put(store, term, one)
    assert store.due(START, None, 10) == []
    assert [t.next_fire for t in store.due(START + 2 * SECOND, None, 10)] == [START, START + SECOND]


def test_triggers_that_do_not_fire_are_not_due(store: SqlStore, term: Term) -> None:
    one = due_at("one", 0, None)
    put(store, term, one)
    assert store.due(START + DAY, None, 10) == in_order(one)
    store.commit(term, [MoveTrigger(one.triggers[0].uid, None, START, 1, error="the zone is gone")])
    assert store.due(START + DAY, None, 10) == []


def test_due_says_how_often_a_trigger_was_due(store: SqlStore, term: Term) -> None:
    one = due_at("one", 0)
    put(store, term, one)
    assert [t.fires for t in store.due(START + DAY, None, 10)] == [0]
    store.commit(term, [MoveTrigger(one.triggers[0].uid, START + SECOND, START, 2**40)])
    assert [t.fires for t in store.due(START + DAY, None, 10)] == [2**40]


def test_due_is_by_next_fire_and_uid_beginning_behind_after(store: SqlStore, term: Term) -> None:
    jobs = [due_at(f"job-{n}", 3, 1, 3, 2, 1) for n in range(5)]
    put(store, term, *jobs)
    expected = in_order(*jobs)
    assert store.due(START + DAY, None, 1000) == expected
    for size in (1, 2, 7, 25, 26):
        found: list[DueTrigger] = []
        while page := store.due(START + DAY, (found[-1].next_fire, found[-1].uid) if found else None, size):
            assert len(page) <= size
            found += page
        assert found == expected


def test_after_need_not_be_a_trigger(store: SqlStore, term: Term) -> None:
    jobs = due_at("job", 1, 2, 3)
    put(store, term, jobs)
    last = UUID(int=2**128 - 1)
    assert [t.next_fire for t in store.due(START + DAY, (START + SECOND, last), 10)] == [
        START + 2 * SECOND,
        START + 3 * SECOND,
    ]


def test_open_executions_are_those_that_are_not_final_by_id(store: SqlStore, term: Term) -> None:
    report = job()
    fires = [fire(report, START + n * SECOND) for n in range(len(State))]
    put(store, term, *fires)
    moved = [ended(f, state) if state.final else replace(f, state=state) for f, state in zip(fires, State, strict=True)]
    store.commit(term, [MoveExecution(each) for each in moved])
    expected = sorted((e for e in moved if e.state in OPEN), key=lambda e: e.id)
    assert store.open_executions(None, 100) == expected


def test_born_skipped_is_not_open(store: SqlStore, term: Term) -> None:
    report = job()
    born = [
        fire(report, START + n * SECOND, state=state, ended=START if state.final else None)
        for n, state in enumerate(sorted(BORN))
    ]
    put(store, term, *born)
    assert {e.state for e in store.open_executions(None, 10)} == BORN - {State.SKIPPED}


def test_open_executions_begin_behind_after(store: SqlStore, term: Term) -> None:
    report = job()
    put(store, term, *(fire(report, START + n * SECOND) for n in range(20)))
    expected = store.open_executions(None, 100)
    assert len(expected) == 20
    for size in (1, 3, 20, 21):
        found: list[Execution] = []
        while page := store.open_executions(found[-1].id if found else None, size):
            assert len(page) <= size
            found += page
        assert found == expected


# ------------------------------------------------------------------------------------------- by index

MANY = 1000


@pytest.fixture
def crowded(store: SqlStore, term: Term) -> SqlStore:
    """Many triggers due later, many executions finished, and few of the others."""
    jobs = [job(f"job-{n:04}", triggers=(_later(n),)) for n in range(MANY)]
    soon = due_at("soon", 0, 1)
    fires = [fire(each, START - DAY + n * SECOND) for n, each in enumerate(jobs)]
    put(store, term, *jobs, soon, *fires)
    store.commit(term, [MoveExecution(ended(each)) for each in fires])
    put(store, term, fire(soon))
    store.database.write(lambda connection: connection.execute(text("ANALYZE")))
    return store


def _later(number: int) -> TriggerRecord:
    return TriggerRecord(uid=uid(), name="main", next_fire=START + DAY + number * SECOND)


def test_due_is_read_by_index(crowded: SqlStore) -> None:
    assert len(crowded.due(START + 2 * SECOND, None, 100)) == 2
    for after in (None, (START, UUID(int=0))):
        plan = plans_of(crowded, lambda after=after: crowded.due(START + 2 * SECOND, after, 100))  # type: ignore[misc]
        assert "triggers_due" in plan
        assert "sort" not in plan.lower()
        assert "b-tree" not in plan.lower()


def test_open_executions_are_read_by_index(crowded: SqlStore) -> None:
    assert len(crowded.open_executions(None, 100)) == 1
    for after in (None, UUID(int=0)):
        plan = plans_of(crowded, lambda after=after: crowded.open_executions(after, 100))  # type: ignore[misc]
        assert "executions_open" in plan
        assert "b-tree" not in plan.lower()


def test_pages_of_executions_are_read_by_index(crowded: SqlStore) -> None:
    uid_of_one = crowded.executions(ExecutionQuery(limit=1))[0].job_uid
    place = (START - DAY / 2, UUID(int=0))
    for query, index in (
        (ExecutionQuery(limit=20), "executions_fire"),
        (ExecutionQuery(limit=20, after=place), "executions_fire"),
        (ExecutionQuery(limit=20, job_uid=uid_of_one), "executions_job"),
        (ExecutionQuery(limit=20, namespace="default", job="job-0007"), "executions_job"),
        (ExecutionQuery(limit=20, states=OPEN), "executions_open"),
    ):
        plan = plans_of(crowded, lambda query=query: crowded.executions(query))  # type: ignore[misc]
        assert index in plan, (query, plan)
    assert "executions_job" in plans_of(crowded, lambda: crowded.latest([uid_of_one]))


def test_what_is_forgotten_is_found_by_index(crowded: SqlStore, term: Term) -> None:
    assert "executions_ended" in plans_of(crowded, lambda: list(crowded.outdated(Retention(), START + 29 * DAY)))
