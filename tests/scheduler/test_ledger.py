"""The open executions in memory."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from jobstore.model import Execution
from jobstore.states import PLACED, State
from scheduler.leader.ledger import SLACK, Holder, Ledger
from tests.scheduler.building import NOW, execution

SECOND = timedelta(seconds=1)
HOLDERS: list[Holder] = [("executor-1", "i-1"), ("executor-1", "i-2"), ("executor-2", "i-1")]


def placed(holder: Holder = HOLDERS[0], **changes: Any) -> Execution:
    return execution(**{"state": State.DISPATCHED, "executor_id": holder[0], "incarnation": holder[1], **changes})


def test_what_is_put_is_found_by_id_job_and_holder() -> None:
    ledger = Ledger()
    first, second = placed(), execution(job_uid=UUID(int=9))
    ledger.put(first)
    assert ledger.put(second) is second
    assert ledger.get(first.id) is first
    assert ledger.of_job(UUID(int=9)) == [second]
    assert ledger.open_count(first.job_uid) == 1
    assert ledger.held_by(HOLDERS[0]) == [first]
    assert ledger.holders() == [HOLDERS[0]]
    assert (len(ledger), ledger.placed(), ledger.placed("default"), ledger.placed("other")) == (2, 1, 1, 0)


def test_a_final_one_is_forgotten() -> None:
    ledger = Ledger()
    row = ledger.put(placed())
    done = replace(row, state=State.SUCCEEDED, check_at=None)
    assert ledger.put(done) is done
    assert ledger.get(row.id) is None
    assert (len(ledger), ledger.counts(), ledger.holders(), ledger.of_job(row.job_uid)) == (0, {}, [], [])


def test_what_was_refused_can_be_let_go_of_twice() -> None:
    ledger = Ledger()
    row = ledger.put(placed())
    ledger.forget(row.id)
    ledger.forget(row.id)
    assert len(ledger) == 0
    assert ledger.placed() == 0


def test_each_is_looked_at_when_its_last_time_has_come() -> None:
    ledger = Ledger()
    early, late = execution(check_at=NOW), execution(check_at=NOW + 2 * SECOND)
    for row in (late, early):
        ledger.put(row)
    assert ledger.next_check() == NOW
    assert list(ledger.to_check(NOW + SECOND)) == [early]
    ledger.put(replace(early, check_at=NOW + 5 * SECOND))
    ledger.put(replace(late, check_at=NOW + SECOND))  # sooner than it was to be
    assert [row.id for row in ledger.to_check(NOW + SECOND)] == [late.id]
    ledger.forget(late.id)
    assert [row.id for row in ledger.to_check(NOW + 9 * SECOND)] == [early.id]
    assert ledger.next_check() is None


def test_times_of_what_has_ended_do_not_pile_up() -> None:
    ledger = Ledger()
    kept = [ledger.put(execution(check_at=NOW + timedelta(days=1))) for _ in range(10)]
    for _ in range(5 * SLACK):
        row = ledger.put(execution(check_at=NOW + timedelta(minutes=5)))
        ledger.put(replace(row, state=State.SUCCEEDED, check_at=None))
    assert len(ledger._checks) <= SLACK + 2 * len(ledger) + 2
    assert {row.id for row in ledger.to_check(NOW + timedelta(days=2))} == {row.id for row in kept}


class Model(RuleBasedStateMachine):
    """A ledger beside a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.rows: dict[UUID, Execution] = {}
        self.freed: set[UUID] = set()
        self.now = NOW

    ids = st.integers(1, 12)

    @rule(
        number=ids,
        state=st.sampled_from(list(State)),
        job=st.integers(1, 3),
        holder=st.sampled_from(HOLDERS),
        namespace=st.sampled_from(["a", "b"]),
        wait=st.integers(0, 20),
    )
    def put(self, number: int, state: State, job: int, holder: Holder, namespace: str, wait: int) -> None:
        before = self.rows.get(UUID(int=number))
        held = state in PLACED
        row = execution(
            id=UUID(int=number),
            job_uid=UUID(int=100 + job) if before is None else before.job_uid,
            namespace=namespace if before is None else before.namespace,
            state=state,
            executor_id=holder[0] if held else "",
            incarnation=holder[1] if held else "",
            check_at=None if state.final else self.now + wait * SECOND,
        )
        assert self.ledger.put(row) is row
        self.rows.pop(row.id, None)
        self.freed.discard(row.id)
        if not state.final:
            self.rows[row.id] = row

    @rule(number=ids)
    def free(self, number: int) -> None:
        row = self.rows.get(UUID(int=number))
        if row is not None:
            assert self.ledger.free(row) is (row.state in PLACED and row.id not in self.freed)
            self.freed |= {row.id} if row.state in PLACED else set()

    @rule(number=ids)
    def forget(self, number: int) -> None:
        self.ledger.forget(UUID(int=number))
        self.rows.pop(UUID(int=number), None)
        self.freed.discard(UUID(int=number))

    @rule(seconds=st.integers(0, 10))
    def look(self, seconds: int) -> None:
        self.now += seconds * SECOND
        due = list(self.ledger.to_check(self.now))
        assert due == sorted(due, key=lambda row: row.check_at or NOW)
        expected = [row for row in self.rows.values() if row.check_at and row.check_at <= self.now]
        assert Counter(row.id for row in due) == Counter(row.id for row in expected)
        for row in due:
            later = replace(row, check_at=self.now + 5 * SECOND)
            self.rows[row.id] = self.ledger.put(later)
            self.freed.discard(row.id)

    @invariant()
    def agrees(self) -> None:
        rows = list(self.rows.values())
        by_id = {row.id: row for row in rows}
        assert {row.id: row for row in self.ledger.all()} == by_id
        assert self.ledger.counts() == Counter(row.state for row in rows)
        for job in range(101, 104):
            of_job = {row.id for row in rows if row.job_uid == UUID(int=job)}
            assert {row.id for row in self.ledger.of_job(UUID(int=job))} == of_job
            assert self.ledger.open_count(UUID(int=job)) == len(of_job)
        held = [row for row in rows if row.state in PLACED]
        for holder in HOLDERS:
            mine = {row.id for row in held if (row.executor_id, row.incarnation) == holder}
            assert {row.id for row in self.ledger.held_by(holder)} == mine
            assert self.ledger.used_slots(holder) == len(mine - self.freed)
        assert self.ledger.freed == len(self.freed)
        assert set(self.ledger.holders()) == {(row.executor_id, row.incarnation) for row in held}
        assert self.ledger.placed() == len(held)
        for namespace in ("a", "b"):
            assert self.ledger.placed(namespace) == sum(row.namespace == namespace for row in held)
        upcoming: list[datetime] = [row.check_at for row in rows if row.check_at is not None]
        if upcoming:
            first = self.ledger.next_check()
            assert first is not None
            assert first <= min(upcoming)


TestModel = Model.TestCase
TestModel.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
