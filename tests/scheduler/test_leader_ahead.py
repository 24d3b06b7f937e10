"""Fires that are recorded ahead of their time, and executions in line for a slot: nothing of them has left."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobstore.model import Execution
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader import ahead as module
from tests.scheduler.building import cron
from tests.scheduler.fake_clock import START, until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome, report
from tests.scheduler.stage import MINUTELY, Stage

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
BEFORE = 59.5
"""Seconds past the first instant: what is due at the minute is recorded, and not sent."""


async def recorded_ahead(stage: Stage, name: str = "report", **manifest: Any) -> tuple[ScriptedExecutor, Execution]:
    """A job's fire, half a second before its time."""
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(name, **{"triggers": MINUTELY, **manifest})
    await stage.pass_time(BEFORE)
    (row,) = stage.rows(name)
    assert (row.state, row.executor_id, row.scheduled_time) == (State.DISPATCHED, executor.name, START + MINUTE)
    assert executor.dispatches == []
    return executor, row


async def test_it_is_sent_at_its_time_and_the_next_one_is_recorded_when_that_is_near(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.pass_time(0.499)
    assert executor.dispatches == []
    await stage.pass_time(0.001)
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.key.execution_id == str(row.id)
    await executor.say(outcome(dispatch.key))
    await stage.becomes(row, State.SUCCEEDED)
    await stage.pass_time(59)
    assert len(stage.rows()) == 1
    await stage.pass_time(0.5)
    assert [each.state for each in stage.rows()] == [State.SUCCEEDED, State.DISPATCHED]


async def test_a_hundred_times_as_many_as_there_are_slots_are_sent_as_slots_come_free(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=3)
    names = [f"job-{number}" for number in range(300)]
    await stage.apply_all([stage.proposal(name, triggers=MINUTELY) for name in names])
    await stage.pass_time(60)
    assert sum(len(stage.rows(name)) for name in names) == 300
    done = 0
    while done < 300:
        dispatches = await stage.dispatched(executor, min(300, done + 3))
        assert len(dispatches) <= done + 3, "never more than it has slots"
        await executor.say(*[outcome(dispatch.key) for dispatch in dispatches[done : done + 3]])
        done += 3
    await until(lambda: all(stage.rows(name)[0].state is State.SUCCEEDED for name in names))
    assert all(stage.rows(name)[0].placement == 1 for name in names), "each was placed once"


@pytest.mark.parametrize(
    "manifest",
    [
        {"triggers": [cron("a"), cron("b", "30 * * * * ?")]},
        {"triggers": [cron("main", jitter="1s")]},
        {"triggers": MINUTELY, "routing": {"selector": "zone=nowhere"}},
    ],
    ids=["another trigger could make them overlap", "jitter", "nobody to run it"],
)
async def test_what_could_still_be_decided_otherwise_is_not_recorded_ahead(
    stage: Stage, manifest: dict[str, Any]
) -> None:
    await stage.lead()
    await stage.executor()
    await stage.apply(**manifest)
    await stage.pass_time(BEFORE)
    assert [row for row in stage.rows() if row.scheduled_time >= START + MINUTE] == []


async def test_of_jobs_that_may_overlap_each_trigger_is_recorded_ahead(stage: Stage) -> None:
    await stage.lead()
    await stage.executor()
    await stage.apply(concurrency={"policy": "allow"}, triggers=[cron("a"), cron("b", "1 * * * * ?")])
    await stage.pass_time(60.5)
    assert [row.scheduled_time for row in stage.rows()] == [START + SECOND, START + MINUTE, START + MINUTE + SECOND]


async def test_while_its_last_run_is_open_a_fire_waits_for_its_time(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY)
    run = await stage.run_job()
    (first,) = await stage.dispatched(executor)
    await stage.pass_time(59.6)
    assert stage.rows() == [stage.row(run.id)]
    await executor.say(outcome(first.key))
    await stage.becomes(run, State.SUCCEEDED)
    await stage.pass_time(0.2)
    assert len(stage.rows()) == 2, "it was looked at again, a quarter of a second before"
    await stage.pass_time(0.2)
    assert len(await stage.dispatched(executor, 2)) == 2


async def test_one_whose_last_run_is_still_open_at_its_time_is_an_overlap(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.run_job()
    await stage.dispatched(executor)
    await stage.pass_time(60)
    assert stage.states()[1:] == [("60", "skipped overlap")]


# ------------------------------------------------------------------------------------------- taken back


async def taken_back(stage: Stage, row: Execution) -> None:
    """It is as if it had never been recorded."""
    assert stage.store.execution(row.id) is None
    assert stage.leader.ledger.get(row.id) is None
    assert len(stage.leader.ahead) == 0


async def test_an_edit_takes_it_back_and_its_own_definition_holds(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.apply(triggers=MINUTELY, description="another")
    await stage.quiet()
    again = stage.row(row.id)
    assert (again.revision, again.state) == (2, State.DISPATCHED), "recorded again, under the new definition"
    await stage.pass_time(0.5)
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.key.execution_id == str(row.id)
    await executor.say(outcome(dispatch.key))
    await stage.becomes(row, State.SUCCEEDED)
    (trigger,) = stage.job().triggers
    assert (trigger.fires, trigger.previous_fire, trigger.next_fire) == (1, START + MINUTE, START + 2 * MINUTE)


async def test_another_schedule_leaves_nothing_of_it(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.apply(triggers=[cron("main", "0 0 * * * ?")])
    await taken_back(stage, row)
    (trigger,) = stage.job().triggers
    assert (trigger.fires, trigger.previous_fire) == (0, None)
    await stage.pass_time(5)
    assert (executor.dispatches, stage.rows()) == ([], [])


async def test_a_pause_takes_it_back_and_resuming_brings_it_again(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.pause()
    await taken_back(stage, row)
    await stage.pause(False)
    await stage.pass_time(0.5)
    assert len(await stage.dispatched(executor)) == 1
    assert stage.job().triggers[0].fires == 1


async def test_nothing_of_a_paused_job_is_sent(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.pause()
    await stage.pass_time(5)
    await taken_back(stage, row)
    assert executor.dispatches == []


async def test_a_delete_takes_it_back(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    _, cancelled = await stage.delete()
    assert cancelled == 0, "there was nothing yet"
    await taken_back(stage, row)
    await stage.pass_time(5)
    assert executor.dispatches == []


async def test_a_calendar_that_leaves_its_time_out_takes_it_back(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply_calendar("busy", exclude=[{"dates": ["2027-01-01"]}])
    await stage.apply(triggers=[cron("main", calendars=["busy"])])
    await stage.pass_time(BEFORE)
    (row,) = stage.rows()
    await stage.apply_calendar("busy", exclude=[{"dates": ["2026-03-02"]}])
    await taken_back(stage, row)
    await stage.pass_time(5)
    assert executor.dispatches == []


async def test_a_run_that_is_asked_for_is_no_overlap_of_what_is_to_come(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    run = await stage.run_job()
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.key.execution_id == str(run.id)
    await stage.pass_time(0.5)
    assert stage.row(row.id).state is State.SKIPPED, "the run is open: now that one would overlap"
    assert stage.job().triggers[0].fires == 1


async def test_a_run_that_is_over_by_then_leaves_the_fire_alone(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    run = await stage.run_job()
    (dispatch,) = await stage.dispatched(executor)
    await executor.say(outcome(dispatch.key))
    await stage.becomes(run, State.SUCCEEDED)
    await stage.pass_time(0.5)
    _, second = await stage.dispatched(executor, 2)
    assert second.key.execution_id == str(row.id)


async def test_a_leader_that_stops_takes_all_of_it_back(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.leader.stop(5)
    await taken_back(stage, row)
    (trigger,) = stage.job().triggers
    assert (trigger.next_fire, trigger.fires, trigger.previous_fire) == (START + MINUTE, 0, None)
    await stage.reign.end()
    await stage.lead()
    await stage.attached_again(executor)
    await stage.pass_time(5)
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.key.execution_id == str(row.id)


async def test_what_the_trigger_was_before_is_restored_whole(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.pass_time(0.5)
    (dispatch,) = await stage.dispatched(executor)
    await executor.say(outcome(dispatch.key))
    await stage.becomes(row, State.SUCCEEDED)
    await stage.pass_time(59.5)
    assert stage.job().triggers[0].fires == 2
    await stage.leader.stop(5)
    (trigger,) = stage.job().triggers
    assert (trigger.next_fire, trigger.fires, trigger.previous_fire) == (START + 2 * MINUTE, 1, START + MINUTE)


async def test_one_that_is_cancelled_ends_at_once(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    after = await stage.cancel(row)
    assert (after.state, after.placement) == (State.CANCELLED, 1)
    await stage.pass_time(5)
    assert (executor.dispatches, executor.cancels) == ([], [])
    assert stage.row(row.id) == after


# ------------------------------------------------------------------------------------------- other leaders


async def test_a_new_leader_sends_at_its_time_what_another_one_recorded_ahead(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.reign.end()
    await stage.lead()
    await stage.attached(executor)
    assert executor.dispatches == []
    await stage.pass_time(0.5)
    (dispatch,) = await stage.dispatched(executor)
    assert (dispatch.key.execution_id, dispatch.key.placement) == (str(row.id), 1)


async def test_an_edit_under_a_new_leader_takes_back_what_another_one_recorded_ahead(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.reign.end()
    await stage.lead()
    await stage.attached(executor)
    await stage.pause()
    await taken_back(stage, row)
    assert stage.job().triggers[0].fires == 0
    await stage.pass_time(5)
    assert executor.dispatches == []


async def test_what_was_recorded_ahead_and_is_late_by_a_gap_is_sent_at_once(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.reign.end()
    await stage.clock.advance(20)
    await stage.lead()
    await stage.attached_again(executor)
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.key.execution_id == str(row.id)


# ------------------------------------------------------------------------------------------- executors


async def test_when_its_executor_goes_another_one_gets_it_in_time(stage: Stage) -> None:
    first, row = await recorded_ahead(stage)
    second = await stage.executor("executor-2")
    await stage.hung_up(first)
    await first.stop()
    await stage.pass_time(0.5)
    (dispatch,) = await stage.dispatched(second)
    assert (dispatch.key.execution_id, dispatch.key.placement) == (str(row.id), 2)


async def test_when_its_executor_drains_another_one_gets_it(stage: Stage) -> None:
    first, row = await recorded_ahead(stage)
    second = await stage.executor("executor-2")
    await first.say(capacity=pb.CapacityChange(slots=4, draining=True))
    await until(lambda: first.farewells)
    await stage.pass_time(0.5)
    (dispatch,) = await stage.dispatched(second)
    assert dispatch.key.execution_id == str(row.id)
    assert first.dispatches == []


async def test_a_stream_that_breaks_before_its_time_sends_it_once(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    await stage.hung_up(executor)
    await stage.attached_again(executor)
    await stage.pass_time(1)
    (dispatch,) = await stage.dispatched(executor)
    assert dispatch.key.execution_id == str(row.id)


async def test_what_nobody_was_told_of_cannot_be_reported(stage: Stage) -> None:
    executor, row = await recorded_ahead(stage)
    key = pb.AttemptKey(
        execution_id=str(row.id), attempt=1, placement=row.placement, part=0, incarnation=executor.incarnation
    )
    await executor.say(outcome(key))
    await until(lambda: stage.evidence() == 1 and executor.acknowledged)
    executor.wrong.clear()  # that a lie is taken in, and what it names goes on, is no mistake of the leader's
    assert stage.row(row.id).state is State.DISPATCHED
    await stage.pass_time(0.5)
    assert len(await stage.dispatched(executor)) == 1


async def test_what_is_in_line_for_an_executor_that_ends_nothing_waits_for_any(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=1)
    for name in ("one", "two"):
        await stage.apply(name, triggers=MINUTELY)
    await stage.pass_time(60)
    (first,) = await stage.dispatched(executor)
    waits = next(name for name in ("one", "two") if str(stage.rows(name)[0].id) != first.key.execution_id)
    assert stage.rows(waits)[0].state is State.DISPATCHED
    await stage.pass_time(module.LONGEST_STANDSTILL + 0.5)
    (row,) = stage.rows(waits)
    assert (row.state, row.reason, row.executor_id) == (State.PENDING, "no free slot on 1 executors", "")
    await executor.say(outcome(first.key))
    _, second = await stage.dispatched(executor, 2)
    assert (second.key.execution_id, second.key.placement) == (str(row.id), 2)


async def test_what_is_in_line_goes_to_whoever_has_a_free_slot(stage: Stage) -> None:
    await stage.lead()
    busy = await stage.executor(slots=1)
    for name in ("one", "two"):
        await stage.apply(name, triggers=MINUTELY)
    await stage.pass_time(60)
    (first,) = await stage.dispatched(busy)
    await executor_comes(stage, first)


async def executor_comes(stage: Stage, first: pb.Dispatch) -> None:
    idle = await stage.executor("executor-2")
    await stage.pass_time(0.3)
    (second,) = await stage.dispatched(idle)
    assert second.key.execution_id != first.key.execution_id
    assert second.key.placement == 2


async def test_one_whose_slots_are_taken_by_what_runs_long_gets_nothing_in_line(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=1)
    await stage.apply("long", triggers=[])
    run = await stage.run_job("long")
    (dispatch,) = await stage.dispatched(executor)
    await executor.say(report(dispatch.key, started=pb.Started()))
    await stage.becomes(run, State.RUNNING)
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(61)
    assert stage.rows() == [], "it waits unrecorded"


async def test_embedded_nothing_is_recorded_ahead(stage: Stage) -> None:
    stage.policy = replace(stage.policy, ahead=timedelta(0))
    await stage.lead()
    await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(59.999)
    assert stage.rows() == []
