"""Whether the leader's executors hear it, and are heard."""

import pytest

from jobstore.states import State
from scheduler.leader import intake as intake_module
from scheduler.leader import roster as roster_module
from scheduler.leader import writer as writer_module
from tests.scheduler.fake_clock import turns, until
from tests.scheduler.scripted_executor import outcome
from tests.scheduler.stage import Stage


async def test_a_welcome_and_each_answer_count_from_the_send_of_what_they_answer(stage: Stage) -> None:
    await stage.lead()
    begin = stage.clock.monotonic()
    executor = await stage.executor()
    assert stage.leader.reach() == (1, begin)
    executor.hears = False
    await stage.pass_time(1)
    stage.leader.ask(everybody=False)
    await until(lambda: len(executor.asked) == 1)
    await stage.pass_time(2)
    assert stage.leader.reach() == (1, begin)
    await executor.answer()
    await until(lambda: stage.leader.reach() == (1, begin + 1))


async def test_one_that_answers_is_enough(stage: Stage) -> None:
    await stage.lead()
    begin = stage.clock.monotonic()
    silent, other = await stage.executor("executor-1"), await stage.executor("executor-2")
    silent.hears = False
    await stage.pass_time(1)
    stage.leader.ask(everybody=False)
    await until(lambda: stage.leader.reach() == (2, begin + 1))
    assert other.asked


async def test_a_few_are_asked_each_time_others_or_everybody(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_module, "FEW", 2)
    await stage.lead()
    executors = [await stage.executor(f"executor-{number}") for number in range(5)]

    async def asked(everybody: bool, count: int) -> list[int]:
        """How often each was asked, when `count` questions have come in all."""
        stage.leader.ask(everybody)
        await until(lambda: sum(len(each.asked) for each in executors) >= count)
        await stage.quiet()
        return [len(each.asked) for each in executors]

    assert await asked(False, 2) == [1, 1, 0, 0, 0]
    assert await asked(False, 4) == [1, 1, 1, 1, 0]
    assert await asked(False, 6) == [2, 1, 1, 1, 1]
    assert await asked(True, 11) == [3, 2, 2, 2, 2]


async def test_an_answer_that_is_made_up_proves_nothing(stage: Stage) -> None:
    await stage.lead()
    begin = stage.clock.monotonic()
    executor = await stage.executor()
    executor.hears = False
    await stage.pass_time(1)
    stage.leader.ask(everybody=True)
    await until(lambda: executor.asked)
    await executor.answer(executor.asked[0] + 1)
    await executor.answer(2**62)
    await executor.answer()
    await until(lambda: stage.leader.reach() == (1, begin + 1))


async def test_who_may_not_act_asks_nobody_and_knows_of_nobody(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    stage.reign.may_act = False
    stage.leader.ask(everybody=True)
    await turns()
    assert stage.leader.reach()[0] == 0
    assert executor.asked == []
    stage.reign.may_act = True
    await stage.pass_time(0.25)
    await until(lambda: executor.asked)
    assert stage.leader.reach()[0] == 1


async def test_an_executor_that_is_not_attached_is_asked_nothing_later_either(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    stage.reign.may_act = False
    stage.leader.ask(everybody=True)
    await stage.hung_up(executor)
    stage.leader.ask(everybody=True)
    stage.reign.may_act = True
    await stage.attached_again(executor)
    assert executor.asked == []


async def test_before_any_was_tried_none_is_known(stage: Stage) -> None:
    executor = await stage.executor(attached=False)
    executor.answers = False
    await stage.lead(ready=False)
    assert stage.leader.reach() == (0, None)
    await stage.clock.advance(1)
    await until(stage.leader.took_over.is_set)
    assert stage.leader.reach() == (1, None)


async def test_what_waits_to_be_taken_in_hides_no_answer_behind_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.started(executor)
    monkeypatch.setattr(writer_module, "LONGEST_QUEUE", 0)
    await executor.say(outcome(executor.dispatches[0].key))
    await stage.clock.advance(6)
    asked = stage.clock.monotonic()
    stage.leader.ask(everybody=True)
    await until(lambda: stage.leader.reach() == (1, asked))


async def test_who_waits_for_the_store_to_take_in_what_was_said_is_not_deaf(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MOST_BYTES", 1)
    await stage.lead()
    begin = stage.clock.monotonic()
    executor = await stage.executor()
    row = await stage.started(executor)
    key = executor.dispatches[0].key
    with monkeypatch.context() as full:
        full.setattr(writer_module, "LONGEST_QUEUE", 0)
        await executor.say(outcome(key))
        await executor.say(outcome(key))  # for which there is no room
        (link,) = stage.leader.roster.links()
        await until(lambda: link.busy)
        stage.leader.ask(everybody=True)
        await until(lambda: executor.asked)
        await stage.clock.advance(6)
        assert stage.leader.reach() == (1, begin + 6)
    await stage.clock.advance(1)
    await stage.becomes(row, State.SUCCEEDED)
    await until(lambda: not link.busy)
    assert stage.leader.reach() == (1, begin)


async def test_one_of_an_earlier_release_is_asked_nothing_and_heard_as_long_as_its_stream_is_up(stage: Stage) -> None:
    await stage.lead()
    begin = stage.clock.monotonic()
    executor = await stage.executor(features=())
    await stage.pass_time(3)
    stage.leader.ask(everybody=True)
    await stage.quiet()
    assert stage.leader.reach() == (1, begin + 3)
    await stage.hung_up(executor)
    assert executor.asked == []
    assert stage.leader.reach() == (1, begin)


async def test_beside_one_of_an_earlier_release_the_others_are_asked(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_module, "FEW", 1)
    await stage.lead()
    await stage.executor("executor-1", features=())
    other = await stage.executor("executor-2")
    stage.leader.ask(everybody=False)
    await until(lambda: other.asked)
