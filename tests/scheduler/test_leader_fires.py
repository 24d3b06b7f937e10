"""The way of a fire, through a leader as a whole."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from jobstore.changes import PutJob
from jobstore.errors import StoreError
from jobstore.model import Missed
from jobstore.sql.store import SqlStore
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader import fires as module
from tests.scheduler.building import cron, job
from tests.scheduler.fake_clock import START, FakeClock, turns, until
from tests.scheduler.scripted_executor import outcome, report
from tests.scheduler.stage import MINUTELY, Stage

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


async def test_a_trigger_fires_on_time_and_is_recorded_once(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(59)
    assert stage.rows() == []
    await stage.pass_time(0.5)
    (ahead,) = stage.rows()
    await stage.pass_time(0.5)
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.scheduled_time_ms == (START + MINUTE).timestamp() * 1000
    row = stage.row(dispatch.key.execution_id)
    assert row.state is State.DISPATCHED
    assert row == ahead, "at its time it only had to be sent"
    assert (row.scheduled_time, row.dispatched) == (START + MINUTE,) * 2
    assert START + 59 * SECOND < row.recorded < START + MINUTE
    await executor.say(report(dispatch.key, started=pb.Started()))
    await stage.becomes(dispatch, State.RUNNING)
    await stage.pass_time(5)
    await executor.say(outcome(dispatch.key, ran=5, exit_code=0))
    row = await stage.becomes(dispatch, State.SUCCEEDED)
    assert (row.started, row.ended) == (START + MINUTE, START + MINUTE + 5 * SECOND)
    await until(lambda: executor.acknowledged)
    assert executor.acknowledged == [dispatch.key]
    assert len(stage.rows()) == 1
    (trigger,) = stage.job().triggers
    assert (trigger.previous_fire, trigger.next_fire) == (START + MINUTE, START + 2 * MINUTE)


async def test_start_and_end_may_come_in_one_message(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(60)
    (dispatch,) = await stage.dispatched(executor)
    await stage.pass_time(2)
    end = outcome(dispatch.key, "failed", ran=1.5, exit_code=3)
    end.outcome.ended_age.FromTimedelta(0.25 * SECOND)
    end.outcome.error.message = "no"
    await executor.say(report(dispatch.key, started=pb.Started()), end)
    row = await stage.becomes(dispatch, State.FAILED)
    assert (row.started, row.ended) == (START + 62 * SECOND, START + 62 * SECOND)
    assert (row.exit_code, row.error and row.error.message, row.check_at) == (3, "no", None)


@pytest.mark.parametrize("step", [0.25, 5, 10, 50])
async def test_no_due_time_is_lost_where_one_look_ahead_ends_and_the_next_begins(stage: Stage, step: float) -> None:
    # each due time is the very end of a look-ahead
    await stage.lead()
    await stage.apply(triggers=[cron(expression="0/5 * * * * ?")], concurrency={"policy": "allow"})
    for _ in range(int(50 / step)):
        await stage.pass_time(step)
    assert [row.scheduled_time for row in stage.rows()] == [START + 5 * n * SECOND for n in range(1, 11)]


async def test_many_triggers_at_one_instant_all_fire_and_none_twice(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_READ", 4)
    monkeypatch.setattr(module, "LARGEST_TAKE", 3)
    await stage.lead()
    await stage.executor(slots=100)
    names = [f"job-{number:02}" for number in range(21)]
    for name in names:
        await stage.apply(name, triggers=MINUTELY)
    # long before the instant there is plenty to decide, and nothing to do but to wait for it
    for _ in range(240):
        await stage.pass_time(0.25)
    await until(lambda: sum(len(stage.rows(name)) for name in names) == 21)
    assert {name: stage.states(name)[0][0] for name in names} == dict.fromkeys(names, "60")
    await stage.pass_time(60)
    await until(lambda: sum(len(stage.rows(name)) for name in names) == 42)


class Ticking(FakeClock):
    """A clock by which each look at it takes a while."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return super().monotonic() + 0.02 * self.looks


async def test_a_long_pass_lets_others_run_and_loses_nothing(store: SqlStore) -> None:
    stage = Stage(store, Ticking())
    await stage.open()
    try:
        await stage.lead()
        names = [f"job-{number:02}" for number in range(20)]
        for name in names:
            await stage.apply(name, triggers=MINUTELY)
        await stage.pass_time(60)
        await until(lambda: sum(len(stage.rows(name)) for name in names) == 20)
    finally:
        await stage.close()


async def test_triggers_of_one_job_at_one_instant_fire_by_name(stage: Stage) -> None:
    await stage.lead()
    await stage.executor()
    await stage.apply(triggers=[cron("b"), cron("a"), cron("c")])
    await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 3)
    found = {row.trigger: (row.state, row.reason) for row in stage.rows()}
    assert found == {
        "a": (State.DISPATCHED, ""),
        "b": (State.SKIPPED, "overlap"),
        "c": (State.SKIPPED, "overlap"),
    }


async def test_a_fire_is_skipped_while_another_execution_is_open_and_recorded_with_the_reason(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(120)
    (dispatch,) = await stage.dispatched(executor)
    assert stage.states() == [("60", "dispatched"), ("120", "skipped overlap")]
    await executor.say(outcome(dispatch.key))
    await stage.becomes(dispatch, State.SUCCEEDED)
    await stage.pass_time(60)
    await stage.dispatched(executor, 2)
    assert stage.states()[2] == ("180", "dispatched")


async def test_with_allow_they_run_beside_each_other(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY, concurrency={"policy": "allow"})
    await stage.pass_time(180)
    await stage.dispatched(executor, 3)
    assert stage.states() == [("60", "dispatched"), ("120", "dispatched"), ("180", "dispatched")]


async def test_a_failure_is_tried_again_after_its_delay_and_not_before(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY, retry={"maxAttempts": 2, "delay": "30s"})
    await stage.pass_time(60)
    (first,) = await stage.dispatched(executor)
    await executor.say(outcome(first.key, "failed"))
    row = await stage.becomes(first, State.RETRYING)
    assert (row.reason, row.check_at) == ("retry", START + 90 * SECOND)
    await stage.pass_time(29.75)
    assert stage.row(row.id).state is State.RETRYING
    await stage.pass_time(0.5)
    _, second = await stage.dispatched(executor, 2)
    assert (second.key.execution_id, second.key.attempt) == (first.key.execution_id, 2)
    await executor.say(outcome(second.key, "timedOut"))
    row = await stage.becomes(second, State.TIMED_OUT)
    assert row.retry_count == 1
    (kept,) = stage.store.attempts(row.id)
    assert (kept.attempt, kept.outcome, kept.executor_id) == (1, State.FAILED, executor.name)


async def test_without_an_executor_it_waits_with_the_reason_and_goes_when_one_comes(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(60)
    (row,) = stage.rows()
    assert (row.state, row.reason) == (State.PENDING, "no executor is attached")
    executor = await stage.executor()
    (dispatch,) = await stage.dispatched(executor)
    row = stage.row(row.id)
    assert (row.state, row.reason, row.executor_id) == (State.DISPATCHED, "", executor.name)
    assert dispatch.key.placement == 1


async def test_what_could_not_start_by_its_deadline_is_skipped(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(expression="0 1 12 * * ?")], startDeadline="30s")
    await stage.pass_time(90)
    assert stage.states() == [("60", "pending")]
    await stage.pass_time(0.5)
    assert stage.states() == [("60", "skipped startDeadline")]


async def test_more_than_there_are_slots_wait_for_one_in_order(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=1)
    await stage.apply(triggers=MINUTELY, concurrency={"policy": "allow"})
    await stage.pass_time(180)
    assert [state for _, state in stage.states()] == ["dispatched", "pending", "pending"]
    assert stage.rows()[1].reason == "no free slot on 1 executors"
    for count in (1, 2, 3):
        dispatches = await stage.dispatched(executor, count)
        await executor.say(outcome(dispatches[-1].key))
        await stage.becomes(dispatches[-1], State.SUCCEEDED)
    assert [d.scheduled_time_ms for d in executor.dispatches] == sorted(
        d.scheduled_time_ms for d in executor.dispatches
    )


@pytest.mark.parametrize("policy", ["fireOnce", "skip"])
async def test_due_times_without_a_leader_are_a_misfire_and_one_record_names_them(stage: Stage, policy: str) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(misfire={"policy": policy, "threshold": "30s"})])
    await stage.reign.end()
    stage.clock.jump(330)
    await stage.lead()
    executor = await stage.executor()
    await until(stage.rows)
    (row,) = stage.rows()
    assert row.scheduled_time == START + 5 * MINUTE
    assert row.missed == Missed(count=5, first=START + MINUTE, last=START + 5 * MINUTE)
    if policy == "fireOnce":
        await stage.dispatched(executor)
    else:
        assert (row.state, row.reason) == (State.SKIPPED, "misfire")
    assert stage.job().triggers[0].next_fire == START + 6 * MINUTE


async def test_within_the_threshold_a_gap_without_a_leader_loses_no_fire(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(expression="0/10 * * * * ?")], concurrency={"policy": "allow"})
    await stage.reign.end()
    stage.clock.jump(45)
    await stage.lead()
    await until(lambda: len(stage.rows()) == 4)
    assert [row.scheduled_time for row in stage.rows()] == [START + 10 * n * SECOND for n in (1, 2, 3, 4)]
    assert not any(row.missed for row in stage.rows())


async def test_a_poisoned_trigger_is_set_aside_with_its_error_while_others_fire(stage: Stage) -> None:
    poisoned = job(uid=UUID(int=5), name="poisoned", triggers=[cron("bad", timeZone="Mars/Olympus")])
    bad = replace(poisoned.triggers[0], next_fire=START + MINUTE)
    term = stage.store.begin_term(0, "e", "node-0")
    stage.store.commit(term, [PutJob(replace(poisoned, triggers=(bad,)))])
    await stage.lead()
    await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(60)
    await until(lambda: stage.rows() and stage.job("poisoned").triggers[0].error)
    assert stage.rows("poisoned") == []
    (trigger,) = stage.job("poisoned").triggers
    assert trigger.next_fire is None
    assert "Mars/Olympus" in trigger.error
    assert stage.metrics.set_aside[""] == 1
    # applied anew, it fires
    await stage.apply("poisoned", triggers=[cron("bad")])
    await stage.pass_time(60)
    await until(lambda: stage.rows("poisoned"))
    assert stage.job("poisoned").triggers[0].error == ""


async def test_a_job_whose_row_cannot_be_read_is_set_aside_while_others_fire(stage: Stage) -> None:
    term = stage.store.begin_term(0, "e", "node-0")
    broken = job(uid=UUID(int=5), name="broken", triggers=[cron()])
    due = replace(broken.triggers[0], next_fire=START + MINUTE)
    stage.store.commit(term, [PutJob(replace(broken, triggers=(due,)))])
    stage.store.database.write(lambda c: c.exec_driver_sql("UPDATE job_revisions SET spec = '{' "))
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(60)
    await until(stage.rows)

    def error() -> str:
        asked = "SELECT max(error) FROM triggers"
        return str(stage.store.database.read(lambda c: c.exec_driver_sql(asked).scalar_one()))

    await until(error)
    assert error() == "the job's definition cannot be read"


async def test_while_the_leader_may_not_act_nothing_is_written_and_nothing_leaves(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(59)
    stage.reign.may_act = False
    await stage.clock.advance(10)
    assert stage.rows() == []
    stage.reign.may_act = True
    await stage.pass_time(1)
    (dispatch,) = await stage.dispatched(executor)
    assert stage.row(dispatch.key.execution_id).scheduled_time == START + MINUTE


async def test_a_lost_store_ends_the_term(stage: Stage) -> None:
    leader = await stage.lead()
    await stage.apply(triggers=MINUTELY)
    waiting = asyncio.create_task(leader.runs.final(await stage.run_job()))
    await turns()
    stage.store.close()
    await stage.clock.advance(60)
    await until(stage.reign.run.done)
    with pytest.raises(StoreError):
        stage.reign.run.result()
    with pytest.raises(Exception, match="stopped leading"):
        await waiting


async def test_all_that_fires_is_accounted_for(stage: Stage) -> None:
    """Several rhythms over several minutes, with executions that end, fail and overlap."""
    await stage.lead()
    executor = await stage.executor(slots=3)
    rhythms = {"a": 2, "b": 3, "c": 7, "d": 30}
    for name, seconds in rhythms.items():
        await stage.apply(name, triggers=[cron(expression=f"0/{seconds} * * * * ?")], retry={"maxAttempts": 2})
    answered = 0
    for step in range(240):
        await stage.pass_time(0.5)
        fresh = executor.dispatches[answered:]
        answered += len(fresh)
        if fresh:
            ends = [outcome(d.key, "failed" if (step + n) % 3 == 0 else "succeeded") for n, d in enumerate(fresh)]
            await executor.say(*ends)
    for name, seconds in rhythms.items():
        times = Counter(row.scheduled_time for row in stage.rows(name))
        assert set(times.values()) == {1}
        minutes = [START, START + MINUTE]
        expected = {m + k * SECOND for m in minutes for k in range(0, 60, seconds)} | {START + 2 * MINUTE}
        assert set(times) == expected - {START}
