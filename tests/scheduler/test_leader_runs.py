"""Runs that clients ask for, wait for, and watch."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from jobstore.model import Execution
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.errors import Conflict, NotFound
from tests.scheduler.building import cron, request
from tests.scheduler.fake_clock import START, turns, until
from tests.scheduler.scripted_executor import outcome, report
from tests.scheduler.stage import Stage

MINUTE = timedelta(minutes=1)
NAME = ("default", "report")
HOURLY = [cron("main", "0 0 * * * ?")]
ALLOW = {"policy": "allow"}


async def test_a_run_is_recorded_with_its_parameters_and_waited_for(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(params={"a": 1, "b": 1})
    row = await stage.run_job(b=2)
    assert (row.origin.value, row.params, row.trigger_uid, row.scheduled_time) == ("manual", {"b": 2}, None, START)
    waiting = asyncio.create_task(stage.leader.runs.final(row))
    (dispatch,) = await stage.dispatched(executor)
    assert dict(dispatch.params) == {"a": 1.0, "b": 2.0}
    await turns()
    assert not waiting.done()
    await executor.say(outcome(dispatch.key))
    done = await waiting
    assert done.state is State.SUCCEEDED
    assert await stage.leader.runs.final(row) == done


async def test_a_run_while_another_is_open_is_skipped_and_that_is_its_end(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    await stage.run_job()
    second = await stage.run_job()
    assert (second.state, second.reason) == (State.SKIPPED, "overlap")
    assert await stage.leader.runs.final(second) == second


async def test_a_run_that_is_to_be_waited_for_is_answered_with_its_end_also_when_it_is_asked_for_again(
    stage: Stage,
) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    asked, runs = request(), stage.leader.runs
    waiting = asyncio.create_task(runs.run(asked, *NAME, {}, wait=True))
    (dispatch,) = await stage.dispatched(executor)
    assert (await runs.run(asked, *NAME, {})).state is State.DISPATCHED  # nobody else has to wait for the end
    again = asyncio.create_task(runs.run(asked, *NAME, {}, wait=True))
    await turns()
    assert not waiting.done()
    await executor.say(outcome(dispatch.key))
    assert (await waiting).state is State.SUCCEEDED
    assert await again == await waiting == stage.row(dispatch.key.execution_id)
    assert await runs.run(asked, *NAME, {}, wait=True) == await waiting


async def test_waiting_goes_on_over_retries_and_ends_with_the_last(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(retry={"maxAttempts": 2, "delay": "1s"})
    waiting = asyncio.create_task(stage.leader.runs.final(await stage.run_job()))
    for count in (1, 2):
        dispatches = await stage.dispatched(executor, count)
        assert not waiting.done()
        await executor.say(outcome(dispatches[-1].key, "failed"))
        await until(lambda count=count: len(executor.acknowledged) == count)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        await stage.pass_time(2)
    assert (await waiting).state is State.FAILED


async def test_what_is_over_cannot_be_cancelled(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    row = await stage.run_job()
    await stage.cancel(row)
    with pytest.raises(Conflict, match=f"execution {row.id} is cancelled already") as refused:
        await stage.cancel(row)
    assert refused.value.reason == "FINAL"
    with pytest.raises(NotFound, match="there is no execution"):
        await stage.cancel(replace(row, id=stage.job().uid))


async def test_watchers_see_each_committed_state_in_order(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    seen: list[Execution] = []
    with stage.leader.hub.watch(lambda row: row.job == "report") as watcher:
        row = await stage.run_job()
        (dispatch,) = await stage.dispatched(executor)
        await executor.say(report(dispatch.key, started=pb.Started()), outcome(dispatch.key))
        while not seen or not seen[-1].state.final:
            seen.append(await watcher.next())
    assert [each.state for each in seen] == [State.DISPATCHED, State.RUNNING, State.SUCCEEDED]
    assert seen[-1] == stage.row(row.id)
