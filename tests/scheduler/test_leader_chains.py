"""A gap is no overlap: late fires of a job that runs one at a time wait behind one another."""

from datetime import timedelta

import pytest

from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from tests.scheduler.building import cron
from tests.scheduler.fake_clock import START, until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome, report
from tests.scheduler.stage import Stage

SECOND = timedelta(seconds=1)
EVERY_5 = [cron(expression="0/5 * * * * ?")]


async def gap(stage: Stage, seconds: float = 16) -> None:
    """No leader for so long: less than the threshold of a misfire."""
    await stage.reign.end()
    await stage.clock.advance(seconds)
    await stage.lead()
    await stage.quiet()


async def runs(stage: Stage, executor: ScriptedExecutor, number: int, seconds: float) -> None:
    """The dispatch of that number, from 0, runs for so long and succeeds."""
    dispatch = (await stage.dispatched(executor, number + 1))[number]
    await executor.say(report(dispatch.key, started=pb.Started()))
    await stage.becomes(dispatch, State.RUNNING)
    await stage.pass_time(seconds)
    await executor.say(outcome(dispatch.key, ran=seconds))
    await stage.becomes(dispatch, State.SUCCEEDED)
    await stage.quiet()


async def test_what_a_gap_delayed_runs_one_after_the_other(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5)
    await gap(stage)
    executor = await stage.executor()
    for number in range(3):
        await stage.dispatched(executor, number + 1)
        assert len(executor.dispatches) == number + 1
        await runs(stage, executor, number, 0.5)
    assert stage.states() == [("5", "succeeded"), ("10", "succeeded"), ("15", "succeeded")]
    await stage.pass_time(3)
    await runs(stage, executor, 3, 1)
    assert stage.states()[3] == ("20", "succeeded")


async def test_one_that_takes_longer_than_its_period_overlaps_as_it_would_have(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5)
    await gap(stage, 26)
    executor = await stage.executor()
    # as if from 5 to 17
    await runs(stage, executor, 0, 12)
    await stage.dispatched(executor, 2)
    assert dict(stage.states()) == {
        "5": "succeeded",
        "10": "skipped overlap",
        "15": "skipped overlap",
        "20": "dispatched",
        "25": "pending",
        "30": "pending",
        "35": "pending",
    }


async def test_a_fire_on_time_waits_behind_those_that_are_late(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5)
    await gap(stage, 11)
    executor = await stage.executor()
    await stage.dispatched(executor)
    await stage.pass_time(4)  # 15 comes, on time, while 5 runs late
    await runs(stage, executor, 0, 0)
    await stage.dispatched(executor, 2)
    assert dict(stage.states()) == {"5": "succeeded", "10": "dispatched", "15": "pending"}
    await runs(stage, executor, 1, 0)
    await runs(stage, executor, 2, 0)
    assert dict(stage.states())["15"] == "succeeded"


async def test_what_began_before_the_gap_and_runs_on_is_an_overlap(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=EVERY_5)
    await stage.pass_time(5)
    (dispatch,) = await stage.dispatched(executor)
    executor.held = [dispatch.key]
    await gap(stage, 11)
    await stage.attached(executor)
    assert stage.states() == [("5", "dispatched"), ("10", "skipped overlap"), ("15", "skipped overlap")]


async def test_a_new_leader_keeps_them_in_line(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5)
    await gap(stage, 16)
    await gap(stage, 0.5)
    executor = await stage.executor()
    for number in range(3):
        await stage.dispatched(executor, number + 1)
        assert len(executor.dispatches) == number + 1
        await runs(stage, executor, number, 0.25)
    assert [state for _, state in stage.states()][:3] == ["succeeded"] * 3


async def test_a_failure_or_a_cancel_lets_the_next_begin(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5)
    await gap(stage, 21)
    executor = await stage.executor()
    (first,) = await stage.dispatched(executor)
    await stage.cancel(stage.rows()[1])  # it waits
    assert dict(stage.states())["10"] == "cancelled"
    await executor.say(report(first.key, started=pb.Started()), outcome(first.key, "failed"))
    await stage.dispatched(executor, 2)
    assert dict(stage.states()) == {"5": "failed", "10": "cancelled", "15": "dispatched", "20": "pending"}


async def test_who_waits_too_long_is_skipped_by_the_start_deadline(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5, startDeadline="20s")
    await gap(stage, 16)
    executor = await stage.executor()
    await stage.dispatched(executor)
    await stage.pass_time(30)
    assert dict(stage.states())["10"] == "skipped startDeadline"
    assert dict(stage.states())["15"] == "skipped startDeadline"


async def test_a_delete_ends_all_of_them(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5)
    await gap(stage, 16)
    executor = await stage.executor()
    await stage.dispatched(executor)
    await stage.delete()
    await until(lambda: [state for _, state in stage.states()][1:] == ["cancelled"] * 2)
    await stage.pass_time(30)
    assert len(executor.dispatches) == 1


@pytest.mark.parametrize("policy", ["allow", "skip"])
async def test_every_due_time_has_its_record_whatever_the_policy(stage: Stage, policy: str) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5, concurrency={"policy": policy})
    await gap(stage, 21)
    assert [row.scheduled_time for row in stage.rows()] == [START + n * SECOND for n in (5, 10, 15, 20)]


async def test_at_one_instant_they_go_by_the_names_of_their_triggers(stage: Stage) -> None:
    """As on time: the first runs, and the others would have overlapped with it."""
    await stage.lead()
    await stage.apply(triggers=[cron(name, "0/5 * * * * ?") for name in ("zulu", "alpha", "mike")])
    await gap(stage, 6)
    executor = await stage.executor()
    await runs(stage, executor, 0, 1)
    assert {row.trigger: str(row.state) for row in stage.rows()} == {
        "alpha": "succeeded",
        "mike": "skipped",
        "zulu": "skipped",
    }


async def test_nothing_on_time_waits_behind_what_waits_for_a_slot(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=EVERY_5)
    await gap(stage, 11)  # and no executor comes
    for _ in range(6):
        await stage.pass_time(5)
    states = dict(stage.states())
    assert states["5"] == states["10"] == "pending"
    assert [states[str(at)] for at in (25, 30, 35, 40)] == ["skipped overlap"] * 4
