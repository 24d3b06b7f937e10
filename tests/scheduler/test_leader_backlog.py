"""Fires that find no free slot: for a moment they wait unrecorded, and nothing of what is promised changes by that."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobstore.protocols import JobQuery
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader import backlog as module
from scheduler.leader.chains import BEHIND
from scheduler.leader.outbox import Outbox
from tests.scheduler.building import cron
from tests.scheduler.fake_clock import START, until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome
from tests.scheduler.stage import MINUTELY, Stage

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
NAMES = ("one", "three", "two")


async def full(stage: Stage, slots: int = 1, **manifest: object) -> tuple[ScriptedExecutor, pb.Dispatch]:
    """Three jobs due at one instant; the first of them has the only slot."""
    stage.policy = replace(stage.policy, ahead=timedelta(0))
    await stage.lead()
    executor = await stage.executor(slots=slots)
    for name in NAMES:
        await stage.apply(name, **{"triggers": MINUTELY, **manifest})
    await stage.pass_time(60)
    (first,) = await stage.dispatched(executor)
    return executor, first


def recorded(stage: Stage) -> dict[str, int]:
    """How many rows each job has."""
    return {name: len(stage.rows(name)) for name in NAMES}


async def test_one_that_gets_a_slot_within_the_moment_is_written_once_and_is_neither_late_nor_missed(
    stage: Stage,
) -> None:
    executor, first = await full(stage, triggers=[cron("every", misfire={"threshold": "1s"})])
    assert sum(recorded(stage).values()) == 1
    await stage.pass_time(3)
    await executor.say(outcome(first.key))
    _, second = await stage.dispatched(executor, 2)
    row = stage.row(second.key.execution_id)
    assert (row.state, row.reason, row.placement, row.missed) == (State.DISPATCHED, "", 1, None)
    assert (row.scheduled_time, row.recorded) == (START + MINUTE, START + MINUTE), "as when it was looked at"
    assert row.dispatched == START + MINUTE + 3 * SECOND
    assert sum(recorded(stage).values()) == 3, "one has come free, so the last is in line for the next"


async def test_after_the_moment_they_are_recorded_as_waiting(stage: Stage) -> None:
    executor, first = await full(stage)
    await stage.pass_time(module.MOMENT.total_seconds())
    await until(lambda: sum(recorded(stage).values()) == 3)
    waiting = [row for name in NAMES for row in stage.rows(name) if row.state is State.PENDING]
    assert [row.reason for row in waiting] == ["no free slot on 1 executors"] * 2
    await executor.say(outcome(first.key))
    _, second = await stage.dispatched(executor, 2)
    assert second.scheduled_time_ms == first.scheduled_time_ms


async def test_it_waits_no_longer_than_until_its_next_due_time(stage: Stage) -> None:
    await full(stage, triggers=[cron("every", "0/2 * * * * ?")], concurrency={"policy": "skip"})
    before = recorded(stage)
    await stage.pass_time(4)
    await until(lambda: min(recorded(stage).values()) >= 2)
    assert all(recorded(stage)[name] > before[name] for name in NAMES)
    states = {(row.state, row.reason) for name in NAMES for row in stage.rows(name)[:-1]}
    assert (State.SKIPPED, "overlap") in states, "what is due next is compared with the one that waits"


@pytest.mark.parametrize("edit", ["apply", "pause", "delete"])
async def test_an_edit_records_it_under_the_old_revision(stage: Stage, edit: str) -> None:
    await full(stage)
    (name, _) = (name for name in NAMES if not stage.rows(name))
    if edit == "apply":
        await stage.apply(name, triggers=[cron("every", "0 0 12 * * ?")])
    elif edit == "pause":
        await stage.pause(name=name)
    else:
        await stage.delete(name)
    (row,) = stage.rows(name)
    assert (row.scheduled_time, row.revision) == (START + MINUTE, 1)
    assert row.state is (State.CANCELLED if edit == "delete" else State.PENDING)
    await stage.pass_time(10)
    assert len(stage.rows(name)) == 1


async def test_a_term_that_ends_leaves_it_due_for_the_next_one(stage: Stage) -> None:
    await full(stage)
    await stage.reign.end()
    await stage.clock.advance(5)
    await stage.lead()
    await stage.pass_time(1)
    await until(lambda: recorded(stage) == dict.fromkeys(NAMES, 1))


async def test_without_anybody_who_could_take_it_it_is_recorded_at_once(stage: Stage) -> None:
    await stage.lead()
    await stage.executor(slots=1)
    await stage.apply("other", triggers=MINUTELY, routing={"selector": "zone=b"})
    await stage.pass_time(60)
    await until(lambda: len(stage.rows("other")) == 1)
    (row,) = stage.rows("other")
    assert (row.state, row.reason) == (State.PENDING, "no executor matches the selector 'zone=b'")


async def test_the_oldest_goes_first_whatever_it_needs(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=1)
    await stage.apply("a", triggers=MINUTELY)
    await stage.apply("b", triggers=[cron("every", "1 1 * * * ?")], routing={"selector": "!gone"})
    await stage.apply("c", triggers=[cron("every", "2 1 * * * ?")])
    await stage.pass_time(62)
    (first,) = await stage.dispatched(executor)
    await executor.say(outcome(first.key))
    _, second = await stage.dispatched(executor, 2)
    await executor.say(outcome(second.key))
    *_, third = await stage.dispatched(executor, 3)
    assert [each.job for each in (first, second, third)] == ["a", "b", "c"]


async def test_of_too_many_the_rest_is_recorded_at_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.leader.decisions.MOST", 1)
    await full(stage)
    await until(lambda: sum(recorded(stage).values()) == 2)


@pytest.mark.parametrize("edit", ["apply", "pause", "delete"])
async def test_what_an_edit_has_recorded_is_not_recorded_again_when_a_slot_is_free(stage: Stage, edit: str) -> None:
    executor, _ = await full(stage)
    name = next(name for name in NAMES if not stage.rows(name))
    if edit == "apply":
        await stage.apply(name, triggers=[cron("every", "0 0 12 * * ?")])
    elif edit == "pause":
        await stage.pause(name=name)
    else:
        await stage.delete(name)
    for _ in range(3):
        for dispatch in executor.dispatches:
            await executor.say(outcome(dispatch.key))
        await stage.pass_time(1)
    (row,) = stage.rows(name)
    assert row.scheduled_time == START + MINUTE
    triggers = [trigger for job in stage.store.jobs(JobQuery(limit=10)) for trigger in job.triggers]
    assert not any(trigger.error for trigger in triggers)


async def test_nothing_of_a_job_that_is_being_edited_is_recorded_beside_the_edit(stage: Stage) -> None:
    executor, first = await full(stage)
    name = next(name for name in NAMES if not stage.rows(name))
    uid = stage.job(name).uid
    stage.leader.timetable.freeze(uid)
    await executor.say(outcome(first.key))
    await stage.pass_time(1)
    assert not stage.rows(name)
    stage.leader.timetable.thaw(uid)
    await stage.pass_time(5)
    assert len(stage.rows(name)) == 1


async def test_what_a_gap_delayed_is_late_also_when_it_waits_for_a_slot(stage: Stage) -> None:
    """The second of a job waits behind the first, and is not skipped as an overlap."""
    await stage.lead()
    await stage.apply("blocker", triggers=[cron("every", "59 0 * * * ?")])
    await stage.apply(triggers=[cron("a", "0 1 * * * ?"), cron("b", "1 1 * * * ?")])
    executor = await stage.executor(slots=1)
    await stage.pass_time(59)
    (blocking,) = await stage.dispatched(executor)
    await stage.reign.end()
    await stage.clock.advance(4)
    await stage.lead()
    await stage.attached_again(executor)
    await stage.pass_time(1)
    assert stage.rows() == [], "there is no slot"
    await executor.say(outcome(blocking.key))
    await until(lambda: len(executor.dispatches) == 2)
    await stage.pass_time(5)
    first, second = stage.rows()
    assert (first.state, first.recorded - first.scheduled_time > SECOND) == (State.DISPATCHED, True)
    assert (second.state, second.reason) == (State.PENDING, BEHIND)


async def test_a_cancelled_one_lets_nobody_pass_while_that_is_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.lead()
    executor = await stage.executor(slots=10)
    await stage.apply(triggers=[cron("every", "* * * * * ?")])
    await stage.reign.end()
    await stage.clock.advance(4)
    await stage.lead()
    await stage.attached_again(executor)
    await stage.pass_time(2)
    waiting = [row for row in stage.rows() if row.reason == BEHIND]
    running = [row for row in stage.rows() if row.state is State.DISPATCHED]
    assert len(waiting) >= 2
    assert len(running) == 1
    written = Outbox.written

    async def slowly(self: Outbox, *changes: Any) -> None:
        await stage.clock.advance(0.5)  # so long that what must be looked at is looked at
        await written(self, *changes)

    monkeypatch.setattr(Outbox, "written", slowly)
    await stage.cancel(sorted(waiting, key=lambda row: row.scheduled_time)[1])
    await stage.pass_time(1)
    assert [row.id for row in stage.rows() if row.state is State.DISPATCHED] == [running[0].id]


async def test_one_that_waits_is_not_taken_for_one_that_catches_up(stage: Stage) -> None:
    await full(stage, triggers=[cron("every", misfire={"policy": "fireAll", "threshold": "1s"})])
    name = next(name for name in NAMES if not stage.rows(name))
    await stage.pass_time(2)
    await stage.pause(name=name)
    (row,) = stage.rows(name)
    assert (row.state, row.missed, row.reason) == (State.PENDING, None, "no free slot on 1 executors")


async def test_a_pass_that_took_long_goes_on_where_it_stopped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    executor, first = await full(stage)
    monkeypatch.setattr("scheduler.leader.fires.LONGEST_STRETCH", 0.0)  # it ends after each, also after the last
    await executor.say(outcome(first.key))
    _, second = await stage.dispatched(executor, 2)
    await executor.say(outcome(second.key))
    await stage.dispatched(executor, 3)
    await until(lambda: recorded(stage) == dict.fromkeys(NAMES, 1))
    await stage.pass_time(1)
    assert not stage.reign.run.done()
