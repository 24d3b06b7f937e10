"""Executors that go: what becomes of what they ran, and when."""

import pytest

from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader.placement import Limits
from scheduler.leader.sweep import LEASE_MARGIN
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome
from tests.scheduler.stage import LEASE, LOST_AFTER, RERUN, Stage


async def test_what_a_lost_executor_ran_is_run_again_after_its_lease_and_not_before(stage: Stage) -> None:
    await stage.lead()
    first = await stage.executor("executor-1")
    row = await stage.started(first, **RERUN)
    second = await stage.executor("executor-2")
    await stage.gone(first)
    await stage.pass_time(LOST_AFTER - 0.5)
    assert stage.row(row.id) == row
    await stage.pass_time(1.25)
    (dispatch,) = await stage.dispatched(second)
    assert (dispatch.key.execution_id, dispatch.key.attempt, dispatch.key.placement) == (str(row.id), 2, 1)
    assert stage.row(row.id).reruns == 1
    (kept,) = stage.store.attempts(row.id)
    assert (kept.outcome, kept.reason, kept.executor_id) == (State.LOST, "executorLost", "executor-1")


async def test_no_margin_makes_the_wait_shorter_than_a_lease(stage: Stage) -> None:
    assert LOST_AFTER > LEASE
    await stage.lead()
    executor = await stage.executor(lease=f"{LEASE:g}s")
    row = await stage.started(executor, **RERUN)
    await stage.gone(executor)
    await stage.pass_time(LEASE)
    assert stage.row(row.id) == row


async def test_what_may_not_be_run_again_is_lost(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    await stage.gone(executor)
    await stage.pass_time(LOST_AFTER - 0.5)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    lost = await stage.becomes(row, State.LOST)
    assert (lost.reason, lost.attempt, stage.store.attempts(row.id)) == ("executorLost", 1, [])


async def test_a_lease_is_counted_from_the_last_answer(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    await stage.unregister(executor)  # ZooKeeper lost it, and the stream is still up
    await stage.pass_time(3 * LOST_AFTER)
    assert stage.row(row.id).state is State.RUNNING
    await executor.say(lease=pb.LeaseQuestion(asked=17))
    await until(lambda: executor.grants == [17])
    await executor.stop()
    await until(lambda: not stage.leader.roster.is_attached((executor.name, executor.incarnation)))
    await stage.pass_time(LOST_AFTER - 0.5)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    await stage.becomes(row, State.LOST)


@pytest.mark.parametrize("lease", ["60s", "1m30s"])
async def test_a_longer_lease_of_its_own_is_waited_for(stage: Stage, lease: str) -> None:
    await stage.lead()
    executor = await stage.executor(lease=lease)
    row = await stage.started(executor)
    await stage.gone(executor)
    seconds = 60 if lease == "60s" else 90
    await stage.pass_time(LEASE_MARGIN * seconds - 0.5)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    await stage.becomes(row, State.LOST)


async def test_an_executor_that_nobody_in_this_term_has_met_gets_a_whole_lease(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor, **RERUN)
    await stage.gone(executor)
    await stage.pass_time(LOST_AFTER - 1)
    await stage.reign.end()
    await stage.lead()
    await stage.pass_time(LOST_AFTER)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    await until(lambda: stage.row(row.id).attempt == 2)


async def test_an_executor_that_comes_back_within_its_lease_goes_on(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor, **RERUN)
    executor.held = [executor.dispatches[0].key]
    await stage.hung_up(executor)
    await stage.unregister(executor)
    await stage.pass_time(LOST_AFTER - 2)
    await stage.register(executor)
    await stage.attached_again(executor)
    await stage.pass_time(LOST_AFTER + 5)
    await executor.say(outcome(executor.dispatches[0].key))
    done = await stage.becomes(row, State.SUCCEEDED)
    assert (done.attempt, len(executor.dispatches), executor.cancels) == (1, 1, [])


async def test_another_incarnation_says_nothing_about_the_one_before(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor, **RERUN)
    before = executor.incarnation
    await stage.unregister(executor)
    executor.restart()
    await stage.register(executor)
    await stage.attached_again(executor)
    assert stage.row(row.id).incarnation == before
    await stage.pass_time(LOST_AFTER - 4)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(8)
    await until(lambda: len(executor.dispatches) == 2)
    again = executor.dispatches[1]
    assert (again.key.attempt, again.key.incarnation) == (2, executor.incarnation)


async def test_a_slot_that_a_lost_executor_gives_back_to_a_limit_is_used(stage: Stage) -> None:
    stage.policy = type(stage.policy)(limits=Limits(running=1))
    await stage.lead()
    first = await stage.executor("executor-1")
    await stage.started(first)
    second = await stage.executor("executor-2")
    await stage.apply("other")
    waiting = await stage.run_job("other")
    assert waiting.reason == "limit of 1 running in the cluster"
    await stage.gone(first)
    await stage.pass_time(LOST_AFTER + 0.5)
    (dispatch,) = await stage.dispatched(second)
    assert dispatch.key.execution_id == str(waiting.id)


async def reborn(stage: Stage, executor: ScriptedExecutor, vouched: bool) -> None:
    """Its process dies; the next one registers and attaches."""
    await stage.gone(executor)
    executor.restart(vouched)
    await executor.start()
    await stage.register(executor)
    await stage.attached_again(executor)


async def test_what_a_guardian_vouches_for_is_lost_at_once(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    again = await stage.started(executor, "again", **RERUN)
    once = await stage.started(executor, "once")
    await reborn(stage, executor, vouched=True)
    lost = await stage.becomes(once, State.LOST)
    assert lost.reason == "executorLost"
    await stage.pass_time(0.5)
    dispatch = (await stage.dispatched(executor, 3))[2]
    assert (dispatch.key.execution_id, dispatch.key.attempt) == (str(again.id), 2)
    assert dispatch.key.incarnation == executor.incarnation


async def test_without_a_guardian_the_lease_is_waited_for(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    await reborn(stage, executor, vouched=False)
    await stage.pass_time(LOST_AFTER - 3)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(4)
    await stage.becomes(row, State.LOST)


async def test_an_outcome_that_an_earlier_incarnation_left_is_taken(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    other = await stage.started(executor, "other")
    key = executor.dispatches[0].key
    executor.vouched = [executor.incarnation]
    await stage.gone(executor)
    executor.restart()
    executor.held = [key]
    await executor.start()
    await stage.register(executor)
    await stage.attached_again(executor)
    await stage.becomes(other, State.LOST)
    assert stage.row(row.id).state is State.RUNNING
    await executor.say(outcome(key, exit_code=0))
    done = await stage.becomes(row, State.SUCCEEDED)
    assert done.incarnation == key.incarnation != executor.incarnation
    await until(lambda: executor.acknowledged == [key])
    await executor.say(outcome(key, exit_code=0))  # its acknowledgement was lost
    await until(lambda: executor.acknowledged == [key, key])
    assert stage.evidence() == 0


async def go_on(stage: Stage, executor: ScriptedExecutor, key: pb.AttemptKey, vouched: bool) -> pb.AttemptKey:
    """Its process dies; the next one holds the same attempt under its own name."""
    await stage.gone(executor)
    executor.restart(vouched)
    mine = pb.AttemptKey()
    mine.CopyFrom(key)
    mine.incarnation = executor.incarnation
    executor.held = [mine]
    await executor.start()
    await stage.register(executor)
    await stage.attached_again(executor)
    return mine


@pytest.mark.parametrize("vouched", [True, False])
async def test_what_outlived_its_incarnation_goes_on_under_the_next(stage: Stage, vouched: bool) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor, **RERUN)
    mine = await go_on(stage, executor, executor.dispatches[0].key, vouched)
    await stage.pass_time(LOST_AFTER + 1)
    kept = stage.row(row.id)
    assert (kept.state, kept.attempt, kept.incarnation) == (State.RUNNING, 1, executor.incarnation)
    assert executor.cancels == [] and len(executor.dispatches) == 1
    # the next leader finds it there
    await stage.reign.end()
    await stage.lead()
    await stage.attached(executor)
    await executor.say(outcome(mine, exit_code=0))
    done = await stage.becomes(row, State.SUCCEEDED)
    assert (done.attempt, done.placement, stage.store.attempts(row.id), stage.evidence()) == (1, 1, [], 0)


async def test_a_cancel_reaches_what_outlived_its_incarnation(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    key = executor.dispatches[0].key
    await executor.stop()
    await stage.cancel(row)
    mine = await go_on(stage, executor, key, vouched=True)
    await until(lambda: executor.cancels == [mine])


async def test_what_was_given_away_meanwhile_is_to_end(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    key = executor.dispatches[0].key
    await stage.gone(executor)
    await stage.pass_time(LOST_AFTER + 1)
    await stage.becomes(row, State.LOST)
    mine = pb.AttemptKey()
    mine.CopyFrom(key)
    executor.restart()
    mine.incarnation = executor.incarnation
    executor.held = [mine]
    await executor.start()
    await stage.register(executor)
    await stage.attached_again(executor)
    await until(lambda: executor.cancels == [mine])
    assert stage.row(row.id).state is State.LOST


@pytest.mark.parametrize("other", ["executor", "attempt", "placement", "part"])
async def test_what_is_not_the_open_attempt_of_that_executor_does_not_go_on(stage: Stage, other: str) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    mine = pb.AttemptKey()
    mine.CopyFrom(executor.dispatches[0].key)
    liar = await stage.executor("executor-2", attached=False) if other == "executor" else executor
    if other == "executor":
        mine.incarnation = liar.incarnation
        liar.held = [mine]
        await stage.attached_again(liar)
    else:
        setattr(mine, other, 7)
        mine = await go_on(stage, executor, mine, vouched=False)
    await until(lambda: liar.cancels == [mine])
    assert stage.row(row.id) == row


async def test_another_executors_word_for_it_counts_nothing(stage: Stage) -> None:
    await stage.lead()
    first = await stage.executor("executor-1")
    row = await stage.started(first)
    second = await stage.executor("executor-2", attached=False)
    second.vouched = [first.incarnation]
    await stage.attached_again(second)
    await second.say(outcome(first.dispatches[0].key))
    await until(lambda: stage.evidence() == 1)
    assert stage.row(row.id).state is State.RUNNING
