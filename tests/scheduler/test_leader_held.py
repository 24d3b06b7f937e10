"""A term that is held: it reads, says what it would run, and does nothing until it is released."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from jobstore.changes import MoveExecution, MoveTrigger, NewExecution, PutJob
from jobstore.model import Execution
from jobstore.protocols import ExecutionQuery
from jobstore.states import State
from scheduler import settle
from scheduler.calendars.library import Library
from scheduler.errors import Conflict, Held
from scheduler.leader import hold
from scheduler.leader.applying import Request
from scheduler.leader.hold import Overdue, count_overdue
from scheduler.leader.link import SupersededByExecutor
from tests.scheduler.building import cron, execution, job, request
from tests.scheduler.fake_clock import START, turns, until
from tests.scheduler.stage import MINUTELY, Stage

SECOND = timedelta(seconds=1)


async def held(stage: Stage) -> None:
    """A term that began with an epoch that the store had never given out."""
    await stage.lead(at_least=50)
    assert "has seen epoch 50" in stage.leader.term.held


def all_rows(stage: Stage) -> list[Execution]:
    return stage.store.executions(ExecutionQuery(limit=1000))


async def before(stage: Stage) -> None:
    """A job whose trigger is due every minute; and of another one an execution that waits, and two that were sent."""
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    term = stage.leader.term
    await stage.reign.end()
    other = job(name="other", concurrency={"policy": "allow"})
    waits, sent, runs = (execution(job="other", trigger_uid=None, check_at=START + SECOND) for _ in range(3))
    sent, runs = (settle.place(each, "executor-1", "life-x", term.epoch, START) for each in (sent, runs))
    new = [NewExecution(each) for each in (waits, sent, runs)]
    stage.store.commit(term, [PutJob(other), *new, MoveExecution(settle.start(runs, START))])


async def test_nothing_is_fired_sent_or_even_attached(stage: Stage) -> None:
    await before(stage)
    await held(stage)
    executor = await stage.executor(attached=False)
    rows = all_rows(stage)
    await stage.clock.advance(120)
    await turns()
    assert not stage.reign.run.done()
    assert all_rows(stage) == rows
    assert (executor.hellos, executor.dispatches) == ([], [])
    assert stage.leader.ledger.counts() == {State.PENDING: 1, State.DISPATCHED: 1, State.RUNNING: 1}
    assert [member.id for member in stage.leader.registered()] == ["executor-1"]


async def test_every_write_is_refused_and_says_what_to_do(stage: Stage) -> None:
    await before(stage)
    await held(stage)
    leader = stage.leader
    (row, *_) = leader.ledger.all()
    calls = [
        leader.edits.apply(request(), Request(jobs=[stage.proposal("third")])),
        leader.edits.apply(request(), Request(jobs=[stage.proposal("other")], dry_run=True)),
        leader.edits.set_paused(request(), ("default", "report"), True),
        leader.edits.delete(request(), ("default", "report"), 0),
        leader.edits.delete_calendar(request(), ("default", "holidays"), 0),
        leader.runs.run(request(), "default", "report", {}),
        leader.runs.cancel(request(), row.id, ""),
    ]
    for call in calls:
        with pytest.raises(Held, match=r"has seen epoch 50.*schedctl cluster release"):
            await call
    assert not stage.job().paused


async def test_it_is_held_through_a_change_of_leader_until_released_and_then_goes_on(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.reign.end()
    await held(stage)
    await stage.clock.advance(90)
    await stage.reign.end()
    await stage.lead()
    assert stage.leader.term.held
    await stage.clock.advance(90)
    assert stage.rows() == []
    assert await stage.leader.hold.overdue() == Overdue(triggers=1, times=3)
    told = request()
    await stage.leader.hold.release(told)
    await until(stage.reign.run.done)
    stage.reign.run.result()

    executor = await stage.executor(attached=False)
    await stage.lead()
    assert not stage.leader.term.held
    await stage.leader.hold.release(told)  # the same request again: the same answer
    with pytest.raises(Conflict, match="not held") as refused:
        await stage.leader.hold.release(request())
    assert refused.value.reason == "NOT_HELD"
    await stage.attached(executor)
    (dispatch,) = await stage.dispatched(executor)
    row = stage.row(dispatch.key.execution_id)
    assert row.missed is not None
    assert row.missed.count == 3
    assert row.epoch == stage.leader.term.epoch > 50


async def test_a_release_of_a_leader_that_was_superseded_releases_nothing(stage: Stage) -> None:
    await held(stage)
    old = stage.reign
    await stage.lead()
    with pytest.raises(Exception, match="stopped leading"):
        await old.leader.hold.release(request())
    await until(old.run.done)
    await stage.lead()
    assert stage.leader.term.held


async def test_the_log_says_so_again_and_again(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    await held(stage)
    for _ in range(3):
        await until(lambda: "schedctl cluster release" in caplog.text)
        caplog.clear()
        await stage.clock.advance(hold.REMINDER)


# ------------------------------------------------------------------------------------------ the roll call


async def test_nothing_is_decided_before_the_executors_could_tell_of_a_higher_epoch(stage: Stage) -> None:
    """The store went back: what is overdue stays so, and an executor that knows nothing gets nothing."""
    await before(stage)
    rows = all_rows(stage)
    stage.clock.jump(600)
    knows, knows_more = [await stage.executor(name, attached=False) for name in ("executor-2", "executor-3")]
    knows.highest_epoch, knows_more.highest_epoch = "41", "44"
    new = await stage.executor("executor-1", attached=False)
    await stage.lead()
    await until(stage.reign.run.done)
    with pytest.raises(SupersededByExecutor) as ended:
        stage.reign.run.result()
    assert ended.value.highest == 44
    assert all_rows(stage) == rows
    assert new.dispatches == []


async def test_an_executor_that_does_not_answer_holds_nobody_up(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.reign.end()
    silent = await stage.executor("executor-1", attached=False)
    silent.answers = False
    gone = await stage.executor("executor-2", attached=False)
    await gone.stop()
    present = await stage.executor("executor-3", attached=False)
    await stage.lead()
    await stage.attached(present)
    await stage.clock.advance(61)
    (dispatch,) = await stage.dispatched(present)
    assert stage.row(dispatch.key.execution_id).missed is None


# -------------------------------------------------------------------------------------- what it would run


async def test_due_times_are_counted_exactly_as_far_as_they_are_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "PAGE", 2)
    monkeypatch.setattr(hold, "MOST_LOOKED_AT", 4)
    term = stage.store.begin_term(1, "e", "n")
    for number in range(5):
        made = job(uid=UUID(int=number + 1), name=f"job-{number}", triggers=[cron("main", "* * * * * ?")])
        due = replace(made.triggers[0], next_fire=START - (10 - number) * SECOND)
        stage.store.commit(term, [PutJob(replace(made, triggers=(due,)))])
    # 11, 10, 9 and 8 per-second times up to now, and one for the trigger that is not looked at
    assert count_overdue(stage.store, stage.store, Library({}), START) == Overdue(triggers=5, times=39)
    monkeypatch.setattr(hold, "MOST_COUNTED", 3)
    assert count_overdue(stage.store, stage.store, Library({}), START).triggers == 4


async def test_what_cannot_be_read_counts_as_one(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    trigger = stage.job().triggers[0]
    await stage.leader.write(MoveTrigger(trigger.uid, START - SECOND, None, 0))
    stage.store.database.write(lambda c: c.exec_driver_sql("UPDATE job_revisions SET spec = '[]'"))
    assert count_overdue(stage.store, stage.store, Library({}), START) == Overdue(triggers=1, times=1)
