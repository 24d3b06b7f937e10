"""Misfires and pauses, through a leader as a whole."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from jobstore.model import Execution, Missed
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from tests.scheduler.building import cron
from tests.scheduler.fake_clock import START, until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome, report
from tests.scheduler.stage import MINUTELY, Stage

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ALLOW = {"policy": "allow"}


def minutely(policy: str, **more: Any) -> list[dict[str, Any]]:
    return [cron(misfire={"policy": policy, **more})]


async def away(stage: Stage, seconds: float) -> None:
    """No leader for so long, then a new one."""
    await stage.reign.end()
    await stage.clock.advance(seconds)
    await stage.lead()
    await stage.quiet()


def accounted(rows: list[Execution]) -> list[float]:
    """The seconds past the start of all due times that the rows stand for; nothing may be named twice."""
    found: list[float] = []
    for row in rows:
        if row.missed is None:
            found.append((row.scheduled_time - START).total_seconds())
        else:
            step = (row.missed.last - row.missed.first) / max(1, row.missed.count - 1)
            found += [(row.missed.first + n * step - START).total_seconds() for n in range(row.missed.count)]
    assert len(found) == len(set(found))
    return sorted(found)


def minutes(count: int) -> list[float]:
    return [60.0 * n for n in range(1, count + 1)]


async def succeed(stage: Stage, executor: ScriptedExecutor, number: int) -> None:
    """The dispatch of that number, from 0, succeeds."""
    dispatch = (await stage.dispatched(executor, number + 1))[number]
    await executor.say(report(dispatch.key, started=pb.Started()), outcome(dispatch.key))
    await stage.becomes(dispatch, State.SUCCEEDED)


# -------------------------------------------------------------------------------------------- fireOnce


async def test_fire_once_stands_for_all_and_for_what_was_recorded_and_never_sent(stage: Stage) -> None:
    await stage.lead()  # and no executor
    await stage.apply(triggers=minutely("fireOnce"), concurrency=ALLOW)
    await stage.pass_time(60)
    await stage.pass_time(60)
    waiting = stage.rows()
    assert [row.state for row in waiting] == [State.PENDING] * 2
    await away(stage, 600)
    await until(lambda: len(stage.rows()) == 1)
    (row,) = stage.rows()
    assert row.missed == Missed(count=12, first=START + MINUTE, last=START + 12 * MINUTE)
    assert (row.scheduled_time, row.state) == (START + 12 * MINUTE, State.PENDING)
    assert all(stage.store.execution(each.id) is None for each in waiting)
    executor = await stage.executor()
    await succeed(stage, executor, 0)
    await stage.pass_time(60)
    await stage.dispatched(executor, 2)
    assert accounted(stage.rows()) == minutes(13)


async def test_fire_once_leaves_what_was_sent_alone(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=minutely("fireOnce"), concurrency=ALLOW)
    await stage.pass_time(60)
    (dispatch,) = await stage.dispatched(executor)
    executor.held = [dispatch.key]
    await away(stage, 600)
    await until(lambda: len(stage.rows()) == 2)
    first, second = stage.rows()
    assert (first.state, first.missed) == (State.DISPATCHED, None)
    assert second.missed == Missed(count=10, first=START + 2 * MINUTE, last=START + 11 * MINUTE)


async def test_a_folded_range_folds_again(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=minutely("fireOnce"), concurrency=ALLOW)
    await away(stage, 600)
    await away(stage, 600)
    (row,) = stage.rows()
    assert row.missed == Missed(count=20, first=START + MINUTE, last=START + 20 * MINUTE)


# --------------------------------------------------------------------------------------------- fireAll


async def test_fire_all_runs_each_in_order_at_its_rate(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=minutely("fireAll", rate=4), concurrency=ALLOW)
    await away(stage, 600)
    executor = await stage.executor(slots=100)
    for quarter in range(1, 20):
        await stage.pass_time(0.25)
        assert len(stage.rows()) <= quarter + 1
    await until(lambda: len(stage.rows()) == 10)
    dispatches = await stage.dispatched(executor, 10)
    times = [dispatch.scheduled_time_ms for dispatch in dispatches]
    assert times == sorted(times)
    assert accounted(stage.rows()) == minutes(10)
    assert stage.job().triggers[0].fires == 10


async def test_fire_all_lets_one_end_before_the_next_where_none_may_overlap(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=minutely("fireAll"))  # concurrency: skip
    await away(stage, 300)
    executor = await stage.executor()
    for number in range(4):
        await stage.dispatched(executor, number + 1)
        await stage.pass_time(1)
        assert len(executor.dispatches) == number + 1
        await succeed(stage, executor, number)
        await stage.pass_time(0.2)
    await stage.dispatched(executor, 5)
    assert [row.state for row in stage.rows()] == [State.SUCCEEDED] * 4 + [State.DISPATCHED]
    assert accounted(stage.rows()) == minutes(5)


async def test_fire_all_of_too_many_is_none_with_the_reason(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=minutely("fireAll", limit=5))
    await away(stage, 600)
    (row,) = stage.rows()
    assert (row.state, row.missed) == (
        State.SKIPPED,
        Missed(count=10, first=START + MINUTE, last=START + 10 * MINUTE),
    )
    assert row.reason == "misfire: 10 due times were missed, and fireAll has a limit of 5"
    await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 2)
    assert accounted(stage.rows()) == minutes(11)


async def test_fire_all_goes_on_under_the_next_leader(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=minutely("fireAll", rate=1), concurrency=ALLOW)
    await away(stage, 600)
    await stage.pass_time(3)
    assert 3 <= len(stage.rows()) <= 5
    await away(stage, 10)
    for _ in range(10):
        await stage.pass_time(1)
    await until(lambda: len(stage.rows()) == 10)
    assert accounted(stage.rows()) == minutes(10)


CATCHING_UP = minutely("fireAll", rate=1)


@pytest.mark.parametrize("edit", ["pause", "schedule", "removed", "delete"])
async def test_an_edit_that_ends_the_catching_up_leaves_one_record_for_the_rest(stage: Stage, edit: str) -> None:
    await stage.lead()
    await stage.apply(triggers=CATCHING_UP, concurrency=ALLOW)
    await away(stage, 600)
    await stage.pass_time(2)
    done = len(stage.rows())
    assert 2 <= done <= 4
    match edit:
        case "pause":
            await stage.pause()
        case "schedule":
            await stage.apply(triggers=[cron(expression="0 0 * * * ?")])
        case "removed":
            await stage.apply(triggers=[cron("other", expression="0 0 * * * ?")])
        case "delete":
            await stage.delete()
    await stage.pass_time(30)
    rows = stage.rows()
    assert len(rows) == done + 1
    assert rows[-1].state is State.SKIPPED
    assert rows[-1].reason == "misfire: the job was edited before it was caught up"
    assert accounted(rows) == minutes(10)


async def test_an_edit_of_something_else_lets_the_catching_up_go_on(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=CATCHING_UP, concurrency=ALLOW)
    await away(stage, 600)
    await stage.pass_time(2)
    await stage.apply(triggers=CATCHING_UP, concurrency=ALLOW, description="a better one")
    for _ in range(10):
        await stage.pass_time(1)
    await until(lambda: len(stage.rows()) == 10)
    assert accounted(stage.rows()) == minutes(10)
    assert {row.revision for row in stage.rows()} == {1, 2}


# ---------------------------------------------------------------------------------------------- pauses


async def test_resuming_goes_on_from_now(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pause()
    assert stage.job().paused_since == START
    await stage.pass_time(600)
    await stage.pause(False)
    await stage.pass_time(30)
    assert stage.rows() == []
    assert stage.job().paused_since is None
    assert stage.job().triggers[0].next_fire == START + 11 * MINUTE


@pytest.mark.parametrize(
    ("misfire", "expected"),
    [
        ({"policy": "fireOnce"}, [("600", "pending", 10)]),
        ({"policy": "skip"}, [("600", "skipped", 10)]),
        ({"policy": "fireAll", "rate": 1000}, [(f"{60 * n}", "pending", None) for n in range(1, 11)]),
    ],
)
async def test_catching_up_after_a_pause_is_decided_by_the_misfire_policy(
    stage: Stage, misfire: Mapping[str, Any], expected: list[tuple[str, str, int | None]]
) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(misfire=misfire)], concurrency=ALLOW)
    await stage.pause()
    await stage.pass_time(600)
    await stage.pause(False, catch_up=True)
    await stage.pass_time(1)
    await until(lambda: len(stage.rows()) == len(expected))
    assert [
        (f"{(row.scheduled_time - START).total_seconds():g}", str(row.state), row.missed and row.missed.count)
        for row in stage.rows()
    ] == expected
    await stage.pass_time(59)
    await until(lambda: accounted(stage.rows()) == minutes(11))


async def test_a_short_pause_is_caught_up_with_as_missed_too(stage: Stage) -> None:
    """Within the threshold of a misfire, and yet: who asks for it says that it was missed."""
    await stage.lead()
    await stage.apply(triggers=[cron(expression="0/5 * * * * ?")])
    await stage.pause()
    await stage.pass_time(21)
    await stage.pause(False, catch_up=True)
    await until(lambda: stage.rows())
    (row,) = stage.rows()
    assert row.missed == Missed(count=4, first=START + 5 * SECOND, last=START + 20 * SECOND)


async def test_catching_up_begins_where_the_pause_began_not_with_an_edit_in_it(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(60)
    await stage.pause()
    await stage.pass_time(300)
    await stage.apply(triggers=MINUTELY, description="changed while it was paused")
    await stage.pause()  # again: it is paused already
    await stage.pass_time(300)
    await stage.pause(False, catch_up=True)
    await until(lambda: accounted(stage.rows()) == minutes(11))


async def test_catching_up_with_nothing_missed_runs_nothing(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[*MINUTELY, {"name": "by-hand", "manual": True}, {"name": "delay", "after": "10m"}])
    await stage.pass_time(1)
    rows = len(stage.rows())
    await stage.pause()
    await stage.pass_time(30)
    await stage.pause(False, catch_up=True)
    await stage.pass_time(1)
    assert len(stage.rows()) == rows


@pytest.mark.parametrize("then", ["crash", "edit", "pause and resume"])
async def test_catching_up_survives_whatever_comes_in_between(stage: Stage, then: str) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=minutely("fireAll", rate=1000))  # concurrency: skip
    await stage.run_job()
    await stage.dispatched(executor)
    await stage.pause()
    await stage.pass_time(300)
    await stage.pause(False, catch_up=True)
    await stage.pass_time(1)
    assert len(stage.rows()) == 1  # all of them wait for the run that is open
    assert stage.job().triggers[0].next_fire == START + MINUTE
    match then:
        case "crash":
            executor.held = [executor.dispatches[0].key]
            await away(stage, 1)
            await stage.attached(executor)
        case "edit":
            await stage.apply(triggers=minutely("fireAll", rate=1000), description="another text")
        case "pause and resume":
            await stage.pause()
            await stage.pause(False)
            rows = [row for row in stage.rows() if row.trigger]
            assert [row.state for row in rows] == [State.SKIPPED]
            assert accounted(rows) == minutes(5)
            return
    for number in range(6):
        await succeed(stage, executor, number)
        await stage.pass_time(0.1)
    await until(lambda: accounted([row for row in stage.rows() if row.trigger]) == minutes(5))
    assert {row.state for row in stage.rows()} == {State.SUCCEEDED}


async def test_what_was_missed_in_a_pause_does_not_wait_for_its_jitter(stage: Stage) -> None:
    await stage.lead()
    trigger = cron(misfire={"policy": "skip"}, jitter="50s")
    await stage.apply(triggers=[trigger], concurrency=ALLOW)
    await stage.pause()
    await stage.pass_time(185)
    await stage.pause(False, catch_up=True)
    await until(lambda: stage.rows())
    (row,) = stage.rows()
    assert (row.state, row.missed and row.missed.count) == (State.SKIPPED, 3)


async def test_catching_up_goes_back_to_where_a_schedule_came_to_be(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pause()
    await stage.pass_time(300)
    await stage.apply(triggers=[*MINUTELY, cron("new")], concurrency=ALLOW)
    await stage.pass_time(130)
    await stage.pause(False, catch_up=True)
    await until(lambda: len(stage.rows()) == 2)
    counts = {row.trigger: row.missed and row.missed.count for row in stage.rows()}
    assert counts == {"main": 7, "new": 2}
