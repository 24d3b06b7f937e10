"""Reports that wait to be taken in, since what has come due at the same instant is sent before."""

from jobstore.states import State
from scheduler.leader.ahead import LONGEST_RUSH
from tests.scheduler.fake_clock import turns, until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome
from tests.scheduler.stage import MINUTELY, Stage


async def three_at_once(stage: Stage) -> tuple[ScriptedExecutor, list[str]]:
    """One slot, of which the first has been told to be free again, so that the second was sent."""
    await stage.lead()
    executor = await stage.executor(slots=1)
    names = ["one", "two", "three"]
    await stage.apply_all([stage.proposal(name, triggers=MINUTELY) for name in names])
    await stage.pass_time(60)
    (first,) = await stage.dispatched(executor)
    await executor.say(outcome(first.key))
    await stage.dispatched(executor, 2)
    await turns(50)
    assert [stage.rows(name)[0].state for name in names] == [State.DISPATCHED] * 3
    assert stage.leader.figures().used == 1
    return executor, names


async def test_what_came_due_at_one_instant_is_sent_before_what_has_ended_is_taken_in(stage: Stage) -> None:
    executor, names = await three_at_once(stage)
    for sent in (2, 3):
        await executor.say(outcome(executor.dispatches[-1].key))
        await stage.dispatched(executor, min(3, sent + 1))
    await until(lambda: all(stage.rows(name)[0].state is State.SUCCEEDED for name in names))
    assert len(executor.dispatches) == 3


async def test_what_has_ended_is_taken_in_after_a_while_though_others_are_still_in_line(stage: Stage) -> None:
    executor, _ = await three_at_once(stage)
    await stage.clock.advance(LONGEST_RUSH)
    await stage.becomes(executor.dispatches[0], State.SUCCEEDED)
    await executor.say(outcome(executor.dispatches[1].key))
    await stage.becomes(executor.dispatches[1], State.SUCCEEDED)
    assert len(await stage.dispatched(executor, 3)) == 3


async def test_an_outcome_that_is_said_twice_gives_one_slot_back(stage: Stage) -> None:
    executor, _ = await three_at_once(stage)
    await executor.say(*[outcome(executor.dispatches[0].key)] * 2)
    await turns(50)
    assert len(executor.dispatches) == 2


async def test_what_was_said_over_an_earlier_stream_is_taken_in_before_what_a_new_one_says(stage: Stage) -> None:
    executor, _ = await three_at_once(stage)
    first, second = executor.dispatches
    executor.held = [second.key]  # as if the first had been acknowledged
    await stage.hung_up(executor)
    await stage.attached_again(executor)
    await stage.becomes(first, State.SUCCEEDED)
    assert [d.key.execution_id for d in executor.dispatches].count(first.key.execution_id) == 1
