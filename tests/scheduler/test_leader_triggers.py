"""Triggers of all kinds, through a leader as a whole."""

from datetime import timedelta
from typing import Any

import pytest

from jobstore.model import Execution, Missed
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.errors import InvalidJob
from scheduler.jitter import jitter_of
from tests.scheduler.building import cron, request
from tests.scheduler.fake_clock import START, until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome, report
from tests.scheduler.stage import Stage

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ALLOW = {"policy": "allow"}


def offsets(stage: Stage) -> list[float]:
    """Seconds past the start of each execution."""
    return [(row.scheduled_time - START).total_seconds() for row in stage.rows()]


async def ended(stage: Stage, executor: ScriptedExecutor, ran: float = 0) -> Execution:
    """The latest dispatch starts and succeeds."""
    dispatch = executor.dispatches[-1]
    await executor.say(report(dispatch.key, started=pb.Started()), outcome(dispatch.key, ran=ran))
    return await stage.becomes(dispatch, State.SUCCEEDED)


# ------------------------------------------------------------------------------------------------ kinds


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"interval": {"every": "90s"}}, [90, 180, 270]),
        ({"interval": {"every": "90s", "offset": "10s"}}, [10, 100, 190, 280]),
        ({"interval": {"every": "90s"}, "start": "2026-03-02T12:00:15Z"}, [15, 105, 195, 285]),
        ({"daily": {"every": "2m", "from": "12:00", "to": "12:04"}}, [120, 240]),
        ({"at": "2026-03-02T12:02:30Z"}, [150]),
        ({"calendarInterval": {"unit": "days", "from": "2026-02-01T12:03"}}, [180]),
        ({"cron": "0 * * * * ?", "end": "2026-03-02T12:02:00Z"}, [60, 120]),
        ({"cron": "0 * * * * ?", "maxFires": 3}, [60, 120, 180]),
        ({"manual": True}, []),
    ],
)
async def test_each_kind_fires_at_its_times(stage: Stage, trigger: dict[str, Any], expected: list[float]) -> None:
    await stage.lead()
    await stage.apply(triggers=[{"name": "main", **trigger}], concurrency=ALLOW)
    for _ in range(60):
        await stage.pass_time(5)
    await until(lambda: len(stage.rows()) == len(expected))
    assert offsets(stage) == expected


async def test_two_triggers_of_one_instant_both_fire_in_the_order_of_their_names(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=[cron("zulu"), cron("alpha"), cron("mike")], concurrency=ALLOW)
    await stage.pass_time(60)
    dispatches = await stage.dispatched(executor, 3)
    assert [dispatch.trigger for dispatch in dispatches] == ["alpha", "mike", "zulu"]


async def test_hashed_minutes_stay_put_from_term_to_term(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(expression="0 H * * * ?")])
    first = stage.job().triggers[0].next_fire
    await stage.lead()
    await stage.apply(triggers=[cron(expression="0 H * * * ?")], description="the same again")
    assert stage.job().triggers[0].next_fire == first
    await stage.apply("another", triggers=[cron(expression="0 H * * * ?")])
    assert stage.job("another").triggers[0].next_fire != first


# ------------------------------------------------------------------------------------------------ how many


async def test_a_trigger_that_had_all_its_fires_is_over_and_stays_so(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(maxFires=2)], concurrency=ALLOW)
    await stage.pass_time(60)
    await stage.lead()  # the count is in the store
    await stage.pass_time(180)
    assert offsets(stage) == [60, 120]
    job = stage.job()
    assert (job.state, job.triggers[0].fires) == ("completed", 2)
    await stage.apply(triggers=[cron(maxFires=2)], concurrency=ALLOW, description="something else changed")
    assert stage.job().triggers[0].next_fire is None
    with pytest.raises(InvalidJob, match="maxFires: 1: it was due 2 times already"):
        await stage.apply(triggers=[cron(maxFires=1)])
    await stage.apply(triggers=[cron(maxFires=3)], concurrency=ALLOW)
    await stage.pass_time(180)
    assert len(offsets(stage)) == 3


# ------------------------------------------------------------------------------------------------ jitter


async def test_a_fire_waits_for_its_own_part_of_the_jitter(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(jitter="40s")], concurrency=ALLOW)
    (trigger,) = stage.job().triggers
    waits = [jitter_of(trigger.uid, START + n * MINUTE, 40 * SECOND) for n in (1, 2, 3)]
    assert len(set(waits)) == 3
    for n, wait in enumerate(waits, 1):
        await stage.pass_time((START + n * MINUTE + wait - stage.clock.now()).total_seconds() - 0.01)
        assert len(stage.rows()) == n - 1
        await stage.pass_time(0.01)
        await until(lambda n=n: len(stage.rows()) == n)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    for n, row in enumerate(stage.rows(), 1):
        assert (row.scheduled_time, row.recorded) == (START + n * MINUTE, START + n * MINUTE + waits[n - 1])
        assert row.missed is None


async def test_what_waits_for_its_jitter_is_not_lost_with_the_leader(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(jitter="50s")])
    (trigger,) = stage.job().triggers
    wait = jitter_of(trigger.uid, START + MINUTE, 50 * SECOND)
    await stage.pass_time(60)
    await stage.lead()
    await stage.pass_time(wait.total_seconds())
    await until(lambda: stage.rows())
    assert [row.recorded for row in stage.rows()] == [START + MINUTE + wait]


async def test_an_edit_of_something_else_lets_a_fire_wait_for_its_jitter(stage: Stage) -> None:
    await stage.lead()
    trigger = cron(jitter="50s")
    await stage.apply(triggers=[trigger])
    wait = jitter_of(stage.job().triggers[0].uid, START + MINUTE, 50 * SECOND)
    await stage.pass_time(60)
    await stage.apply_all([stage.proposal(triggers=[trigger])], dry_run=True)
    await stage.apply(triggers=[trigger], description="another text")
    assert stage.rows() == []
    await stage.pass_time(wait.total_seconds())
    await until(lambda: stage.rows())
    assert [row.recorded for row in stage.rows()] == [START + MINUTE + wait]


@pytest.mark.parametrize("edit", ["pause", "delete"])
async def test_what_waits_for_its_jitter_is_not_started_by_a_pause(stage: Stage, edit: str) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(jitter="50s")])
    await stage.pass_time(60)
    await (stage.pause() if edit == "pause" else stage.delete())
    (row,) = stage.rows()
    assert (row.scheduled_time, row.state) == (START + MINUTE, State.SKIPPED)
    assert row.reason == ("paused" if edit == "pause" else "jobDeleted")


async def test_another_schedule_sends_what_waits_for_its_jitter_under_the_old_one(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron(jitter="50s")])
    await stage.pass_time(60)
    await stage.apply(triggers=[cron(expression="0 0 * * * ?")])
    (row,) = stage.rows()
    assert (row.scheduled_time, row.revision, row.state) == (START + MINUTE, 1, State.PENDING)


async def test_a_long_jitter_makes_no_misfires(stage: Stage) -> None:
    """A fire never overtakes the one before it, and those that come late for that are not missed."""
    await stage.lead()
    trigger = cron(expression="0/10 * * * * ?", jitter="5m")
    await stage.apply(triggers=[trigger], concurrency=ALLOW)
    for _ in range(90):
        await stage.pass_time(10)
    rows = stage.rows()
    assert len(rows) >= 40
    assert all(row.missed is None for row in rows)
    assert [row.scheduled_time for row in rows] == [START + 10 * n * SECOND for n in range(1, len(rows) + 1)]
    assert [row.recorded for row in rows] == sorted(row.recorded for row in rows)


# ------------------------------------------------------------------------------------------------ after


AFTER = [{"name": "main", "after": "5m"}]


async def test_after_counts_from_the_end_of_the_last_execution(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=AFTER)
    await stage.pass_time(0)
    await stage.dispatched(executor)
    await stage.pass_time(100)
    row = await ended(stage, executor, ran=100)
    assert (row.scheduled_time, row.ended) == (START, START + 100 * SECOND)
    await until(lambda: stage.job().triggers[0].next_fire == START + 400 * SECOND)
    await stage.pass_time(299)
    assert len(executor.dispatches) == 1
    await stage.pass_time(1)
    await stage.dispatched(executor, 2)
    await stage.pass_time(1000)  # longer than the delay
    assert len(executor.dispatches) == 2
    await ended(stage, executor, ran=1000)
    await stage.pass_time(300)
    await stage.dispatched(executor, 3)
    assert offsets(stage) == [0, 400, 1700]
    assert stage.job().triggers[0].fires == 3


@pytest.mark.parametrize("away", [10, 600])
async def test_after_waits_for_the_end_under_a_new_leader_too(stage: Stage, away: float) -> None:
    """Whether it ends before or after the time at which the trigger could have been due."""
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=AFTER)
    await stage.pass_time(0)
    (dispatch,) = await stage.dispatched(executor)
    executor.held = [dispatch.key]
    await stage.reign.end()
    await stage.lead()
    await stage.attached(executor)
    await stage.pass_time(away)
    assert len(executor.dispatches) == 1
    await ended(stage, executor, ran=away)
    await stage.pass_time(299)
    assert len(executor.dispatches) == 1
    await stage.pass_time(1)
    await stage.dispatched(executor, 2)
    assert offsets(stage) == [0, away + 300]


async def test_after_goes_on_after_what_was_skipped_or_cancelled(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=AFTER, startDeadline="20s")
    await stage.pass_time(21)
    await until(lambda: stage.rows()[0].state is State.SKIPPED)
    await stage.pass_time(300)
    await until(lambda: len(stage.rows()) == 2)
    row = await stage.cancel(stage.rows()[1])
    assert row.state is State.CANCELLED
    await stage.pass_time(300)
    await until(lambda: len(stage.rows()) == 3)


async def test_an_edit_while_after_waits_changes_the_delay_and_nothing_else(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=AFTER)
    await stage.pass_time(0)
    await stage.dispatched(executor)
    await stage.pass_time(400)
    await stage.apply(triggers=AFTER, description="only the text")
    await stage.pass_time(10)
    assert len(executor.dispatches) == 1
    await ended(stage, executor)
    await until(lambda: stage.job().triggers[0].next_fire == START + 710 * SECOND)
    await stage.apply(triggers=[{"name": "main", "after": "1m"}])
    assert stage.job().triggers[0].next_fire == START + 470 * SECOND


async def test_a_pause_while_after_waits_holds_and_resuming_counts_from_then(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=AFTER)
    await stage.pass_time(0)
    await stage.dispatched(executor)
    await stage.pause()
    await ended(stage, executor)
    await stage.pass_time(1000)
    assert len(executor.dispatches) == 1
    await stage.pause(False)
    assert stage.job().triggers[0].next_fire == START + 1300 * SECOND


async def test_after_begins_at_its_start_and_ends_at_its_end(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    bounds = {"start": "2026-03-02T12:01:00Z", "end": "2026-03-02T12:06:00Z"}
    await stage.apply(triggers=[{**AFTER[0], **bounds}])
    await stage.pass_time(59)
    assert stage.rows() == []
    await stage.pass_time(1)
    await stage.dispatched(executor)
    await stage.pass_time(30)
    await ended(stage, executor)
    await until(lambda: stage.job().state == "completed")


@pytest.mark.parametrize(("policy", "state"), [("fireOnce", State.DISPATCHED), ("skip", State.SKIPPED)])
async def test_after_can_miss_one_due_time_only(stage: Stage, policy: str, state: State) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=[{**AFTER[0], "misfire": {"policy": policy}}])
    await stage.pass_time(0)
    await stage.dispatched(executor)
    await ended(stage, executor)
    await stage.reign.end()
    await stage.clock.advance(3600)
    await stage.lead()
    await stage.attached(executor)
    await until(lambda: len(stage.rows()) == 2 and stage.rows()[1].state is state)
    row = stage.rows()[1]
    assert row.missed == Missed(count=1, first=START + 300 * SECOND, last=START + 300 * SECOND)
    if policy == "fireOnce":
        await ended(stage, executor)
    await until(lambda: stage.job().triggers[0].next_fire == START + 3900 * SECOND)


# ------------------------------------------------------------------------------------------------ manual


async def test_a_run_takes_the_parameters_of_the_trigger_that_it_names(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(
        triggers=[{"name": "full", "manual": True, "params": {"mode": "full", "deep": True}}],
        params={"mode": "short", "region": "eu"},
    )
    assert stage.job().state == "active"
    row = await stage.leader.runs.run(request(), "default", "report", {"deep": False}, "full")
    (dispatch,) = await stage.dispatched(executor)
    assert dict(dispatch.params.items()) == {"mode": "full", "deep": False, "region": "eu"}
    assert (row.trigger, row.trigger_uid) == ("full", None)
