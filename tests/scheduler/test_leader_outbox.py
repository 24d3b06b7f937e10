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
from scheduler.leader.leader import TICK
from tests.scheduler.building import cron
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


async def test_a_leader_that_is_behind_with_recording_takes_in_what_has_ended_at_once(stage: Stage, hold: Hold) -> None:
    await stage.lead()
    executor = await stage.executor(slots=1)
    for name in ("one", "two", "three"):
        await stage.apply(name, triggers=MINUTELY)
    await stage.apply("often", triggers=[cron("main", "59,0 * * * * ?")])  # the last to be recorded for the minute
    await stage.pass_time(59)
    (earlier,) = await stage.dispatched(executor)
    await executor.say(outcome(earlier.key))
    await stage.becomes(earlier, State.SUCCEEDED)
    await stage.pass_time(0.3)
    hold.open.clear()
    await stage.clock.advance(0.7)
    _, first = await stage.dispatched(executor, 2)
    await executor.say(outcome(first.key))
    assert len(await stage.dispatched(executor, 3)) == 3
    hold.open.set()
    await stage.becomes(first, State.SUCCEEDED)
    assert len(executor.dispatches) == 3, "others are still in line"


async def test_to_one_that_drains_nothing_is_sent_any_more(stage: Stage, hold: Hold) -> None:
    await stage.lead()
    draining = await stage.executor("draining")
    await stage.apply(concurrency={"policy": "allow"})
    sent = await stage.run_job()
    await stage.dispatched(draining)
    hold.open.clear()
    runs = [asyncio.create_task(stage.run_job()) for _ in range(3)]
    await until(hold.begun.is_set)
    await until(lambda: len(stage.leader.ledger) == 4)
    await draining.say(capacity=pb.CapacityChange(slots=4, draining=True))
    await until(lambda: draining.farewells)
    assert draining.farewells == [1], "behind the one that was sent"
    hold.open.set()
    rows = await asyncio.gather(*runs)
    assert {row.executor_id for row in rows} == {"draining"}, "it was placed there, and recorded"
    other = await stage.executor("other")
    await stage.pass_time(TICK)
    await until(lambda: len(other.dispatches) == 3)
    assert len(draining.dispatches) == 1
    assert [stage.row(row.id).executor_id for row in (sent, *rows)] == ["draining", "other", "other", "other"]


async def test_one_that_drains_at_the_hello_is_told_at_once_and_is_sent_nothing_again(stage: Stage) -> None:
    await stage.lead()
    draining = await stage.executor("draining")
    await stage.apply()
    row = await stage.run_job()
    await stage.dispatched(draining)  # which has not received it, as it says at the next Hello
    draining.draining = True
    await stage.executor("other", attached=False)
    await stage.reign.end()
    await stage.lead()
    await stage.attached(draining)
    await until(lambda: draining.farewells)
    await stage.pass_time(TICK)
    await until(lambda: stage.executors["other"].dispatches)
    assert len(draining.dispatches) == 1
    assert (stage.row(row.id).executor_id, stage.row(row.id).placement) == ("other", 2)


async def test_one_of_an_earlier_release_is_told_nothing_that_it_does_not_know(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(features=[pb.FEATURE_REACH])
    await executor.say(capacity=pb.CapacityChange(slots=4, draining=True))
    await heard(executor)
    await stage.quiet()
    assert executor.farewells == []
