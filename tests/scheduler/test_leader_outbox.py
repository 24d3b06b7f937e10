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
