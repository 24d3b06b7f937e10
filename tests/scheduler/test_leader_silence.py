"""A term whose node has no contact with the coordinator: it acts no more, and goes on for its executors' leases."""

import asyncio
from uuid import uuid4

import pytest

from jobstore.errors import StaleTerm
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader.vigil import ASK, LOOK
from tests.scheduler.building import cron
from tests.scheduler.fake_clock import turns, until
from tests.scheduler.scripted_executor import outcome
from tests.scheduler.stage import LEASE, Stage

EVERY_10 = [cron("main", "*/10 * * * * ?", misfire={"policy": "skip", "threshold": "5s"})]


async def silence(stage: Stage, seconds: float) -> None:
    """No contact for so long. Threads that ask the store come to an end in between."""
    stage.reign.may_act = False
    for _ in range(round(seconds / LOOK)):
        await stage.clock.advance(LOOK)
        await asyncio.to_thread(lambda: None)
        await turns()


async def contact(stage: Stage) -> None:
    stage.reign.may_act = True
    await stage.pass_time(1)


async def test_leases_are_answered_however_long_the_silence_is(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    for asked in range(1, 21):
        await executor.say(lease=pb.LeaseQuestion(asked=asked))
        await silence(stage, LEASE / 3)
        await until(lambda: executor.grants[-1:] == [asked])  # noqa: B023
    await contact(stage)
    await executor.say(outcome(executor.dispatches[0].key))
    await stage.becomes(row, State.SUCCEEDED)
    assert stage.row(row.id).reruns == 0


async def test_no_report_keeps_the_questions_behind_it_waiting(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    (dispatch,) = executor.dispatches
    await executor.say(outcome(dispatch.key))
    await stage.becomes(row, State.SUCCEEDED)
    await until(lambda: executor.acknowledged)
    await silence(stage, 5)
    unknown = pb.AttemptKey(execution_id=str(uuid4()), attempt=1, placement=1, incarnation=executor.incarnation)
    await executor.say(outcome(dispatch.key), outcome(unknown))  # the store must say what these are
    await executor.say(lease=pb.LeaseQuestion(asked=5))
    await silence(stage, 5)
    await until(lambda: executor.grants == [5])
    assert len(executor.acknowledged) == 1
    await contact(stage)
    await until(lambda: len(executor.acknowledged) == 3)
    assert stage.evidence() == 1


async def test_what_comes_due_in_a_silence_is_decided_after_it(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=EVERY_10)
    await silence(stage, 65)
    assert stage.rows() == []
    await contact(stage)
    assert stage.states() == [("60", "skipped misfire")]  # one record for all six
    assert executor.dispatches == []
    await stage.pass_time(5)
    assert len(await stage.dispatched(executor)) == 1


async def test_what_waits_for_a_slot_in_a_silence_is_not_placed_to_be_sent_too_late(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=1)
    first = await stage.started(executor, "long")
    await stage.apply("short", startDeadline="30s")
    waiting = await stage.run_job("short")
    await silence(stage, 10)
    await executor.say(outcome(executor.dispatches[0].key))  # the slot is free
    await silence(stage, 30)
    await contact(stage)
    await stage.becomes(first, State.SUCCEEDED)
    await stage.becomes(waiting, State.SKIPPED)
    assert len(executor.dispatches) == 1
    later = await stage.run_job("short")
    await stage.dispatched(executor, 2)
    await stage.becomes(later, State.DISPATCHED)


async def test_a_silence_ends_the_term_when_the_store_says_that_another_has_begun(stage: Stage) -> None:
    await stage.lead()
    stage.store.begin_term(50, "e", "node-50")
    await silence(stage, stage.policy.session_timeout.total_seconds() + ASK + 2 * LOOK)
    await until(stage.reign.run.done)
    with pytest.raises(StaleTerm, match="the present one is 2"):
        stage.reign.run.result()
