"""What leaves, leaves when its record is committed: seen from an executor while the store takes its time."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from jobstore.changes import Change
from jobstore.model import Term
from jobstore.sql.store import SqlStore
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome
from tests.scheduler.stage import MINUTELY, Stage


@dataclass
class Hold:
    """Commits wait while it is shut; `begun` when one does."""

    open: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def hold(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hold]:
    """An open one."""
    made = Hold()
    made.open.set()
    commit = store.commit

    def slow(term: Term, changes: Sequence[Change]) -> None:
        if not made.open.is_set():
            made.begun.set()
            assert made.open.wait(20)
        commit(term, changes)

    monkeypatch.setattr(store, "commit", slow)
    yield made
    made.open.set()


async def heard(executor: ScriptedExecutor) -> None:
    """Wait until all that was sent to an executor has arrived: a stream keeps the order."""
    await executor.say(lease=pb.LeaseQuestion(asked=len(executor.grants) + 1))
    count = len(executor.grants) + 1
    await until(lambda: len(executor.grants) == count)


async def test_no_fire_is_sent_before_its_record_is_committed(stage: Stage, hold: Hold) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY)
    hold.open.clear()
    await stage.clock.advance(60)
    await until(hold.begun.is_set)
    await heard(executor)
    assert executor.dispatches == []
    hold.open.set()
    (dispatch,) = await stage.dispatched(executor)
    assert stage.row(dispatch.key.execution_id).state is State.DISPATCHED


async def test_no_run_by_hand_is_sent_before_its_record_is_committed(stage: Stage, hold: Hold) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    hold.open.clear()
    asked = asyncio.create_task(stage.run_job())
    await until(hold.begun.is_set)
    await heard(executor)
    assert executor.dispatches == []
    hold.open.set()
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.key.execution_id == str((await asked).id)


async def test_no_outcome_is_acknowledged_before_it_is_committed(stage: Stage, hold: Hold) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    key = executor.dispatches[0].key
    hold.open.clear()
    await executor.say(outcome(key))
    await until(hold.begun.is_set)
    await heard(executor)
    assert executor.acknowledged == []
    hold.open.set()
    await until(lambda: executor.acknowledged == [key])
    assert stage.row(row.id).state is State.SUCCEEDED


async def test_one_that_drains_is_told_when_all_that_was_decided_for_it_has_been_sent(
    stage: Stage, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.leader.outgoing.LARGEST_BATCH", 1)
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(concurrency={"policy": "allow"})
    hold.open.clear()
    runs = [asyncio.create_task(stage.run_job()) for _ in range(3)]
    await until(hold.begun.is_set)
    await until(lambda: len(stage.leader.ledger) == 3)
    await executor.say(capacity=pb.CapacityChange(slots=4, draining=True))
    await heard(executor)
    assert (executor.dispatches, executor.farewells) == ([], [])
    hold.open.set()
    await asyncio.gather(*runs)
    await until(lambda: executor.farewells)
    assert executor.farewells == [3], "dispatches before the farewell"
    waits = await stage.run_job()
    assert stage.row(waits.id).state is State.PENDING


async def test_one_that_drains_already_is_told_behind_what_is_sent_to_it_again(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    await stage.run_job()
    await stage.dispatched(executor)
    executor.draining = True
    await stage.reign.end()
    await stage.lead()
    await stage.attached(executor)
    await until(lambda: executor.farewells)
    assert executor.farewells == [2], "the same again, and then the farewell"


async def test_one_of_an_earlier_release_is_told_nothing_that_it_does_not_know(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(features=[pb.FEATURE_REACH])
    await executor.say(capacity=pb.CapacityChange(slots=4, draining=True))
    await heard(executor)
    await stage.quiet()
    assert executor.farewells == []
