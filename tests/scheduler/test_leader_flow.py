"""An executor whose process hangs: its stream stays open, and takes no more than the wire holds."""

from typing import Any

from jobstore.states import State
from scheduler.leader.link import Link
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome
from tests.scheduler.stage import LOST_AFTER, MINUTELY, Stage

MINUTES = 3
JOBS = 20
LARGE = {"shell": {"command": f"true {'x' * 50_000}"}}
"""Two of these are more than what lies between the two ends of a stream."""
EACH_MINUTE: dict[str, Any] = {"task": LARGE, "triggers": MINUTELY, "concurrency": {"policy": "allow"}}


def link_to(stage: Stage, executor: ScriptedExecutor) -> Link:
    link = stage.leader.roster.link((executor.name, executor.incarnation))
    assert link is not None
    return link


async def test_one_that_hangs_delays_no_fire_of_the_others_and_keeps_what_it_was_given(stage: Stage) -> None:
    await stage.lead()
    hanging = await stage.executor("executor-1", slots=100, labels={"zone": "a"})
    other = await stage.executor("executor-2", slots=100, labels={"zone": "b"})
    for zone in "ab":
        for number in range(JOBS):
            manifest = {**EACH_MINUTE, "routing": {"selector": f"zone={zone}"}}
            await stage.apply(f"{zone}-{number:02}", **manifest)
    hanging.awake.clear()
    for minute in range(1, MINUTES + 1):
        await stage.pass_time(60)
        fired = (await stage.dispatched(other, minute * JOBS))[-JOBS:]
        rows = [stage.row(dispatch.key.execution_id) for dispatch in fired]
        assert sorted(row.job for row in rows) == [f"b-{number:02}" for number in range(JOBS)]
        assert {row.scheduled_time for row in rows} == {stage.clock.now()}, "all went out at their very time"
        await other.say(*(outcome(dispatch.key) for dispatch in fired))
        await until(lambda: len(other.acknowledged) == minute * JOBS)  # noqa: B023

    assert MINUTES * 60 > LOST_AFTER
    assert link_to(stage, hanging)._outgoing.something.is_set(), "its stream is full"
    assert hanging.dispatches == []
    given = [row for number in range(JOBS) for row in stage.rows(f"a-{number:02}")]
    assert len(given) == MINUTES * JOBS
    assert {row.state for row in given} == {State.DISPATCHED}
    assert {(row.executor_id, row.incarnation) for row in given} == {(hanging.name, hanging.incarnation)}
    assert {row.placement for row in given} == {1}

    hanging.awake.set()
    await stage.dispatched(hanging, len(given))
    await hanging.say(*(outcome(dispatch.key) for dispatch in hanging.dispatches))
    await until(lambda: len(hanging.acknowledged) == len(given))
    assert sorted(dispatch.key.execution_id for dispatch in hanging.dispatches) == sorted(str(r.id) for r in given)
    assert {stage.row(row.id).state for row in given} == {State.SUCCEEDED}
