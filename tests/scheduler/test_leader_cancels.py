"""Executions that somebody ends."""

from jobstore.states import State
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import outcome, refusal
from tests.scheduler.stage import LOST_AFTER, RERUN, Stage


async def test_a_running_one_is_cancelled_when_its_executor_confirms(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor, retry={"maxAttempts": 5})
    after = await stage.cancel(row, "no \x00 more")
    assert (after.state, after.cancelling) == (State.RUNNING, True)
    key = executor.dispatches[0].key
    await until(lambda: executor.cancels == [key])
    assert stage.row(row.id).cancelling
    await executor.say(outcome(key, "cancelled"))
    done = await stage.becomes(row, State.CANCELLED)
    assert (done.reason, done.cancelling) == ("no \ufffd more", False)


async def test_one_that_waits_is_cancelled_at_once(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    row = await stage.run_job()
    after = await stage.cancel(row)
    assert after.state is State.CANCELLED
    assert stage.row(row.id) == after
    executor = await stage.executor()
    await stage.pass_time(1)
    assert executor.dispatches == []


async def test_a_cancel_reaches_an_executor_that_was_away(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    key = executor.dispatches[0].key
    executor.held = [key]
    await stage.hung_up(executor)
    await stage.cancel(row)
    await stage.attached_again(executor)
    await until(lambda: executor.cancels == [key])


async def test_one_that_was_refused_while_it_was_cancelled_is_cancelled(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    row = await stage.run_job()
    (dispatch,) = await stage.dispatched(executor)
    await stage.cancel(row, "enough")
    await executor.say(refusal(dispatch.key))
    done = await stage.becomes(row, State.CANCELLED)
    assert done.reason == "enough"
    await until(lambda: executor.acknowledged == [dispatch.key])


async def test_a_cancelled_one_whose_executor_is_lost_is_cancelled(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor, **RERUN)
    await stage.cancel(row)
    await stage.gone(executor)
    await stage.pass_time(LOST_AFTER + 0.5)
    await stage.becomes(row, State.CANCELLED)
