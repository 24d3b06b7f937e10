"""One term after the other: what the first left, the second goes on with; and how a term ends."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from jobstore.changes import EndAttempt, MoveExecution, NewExecution, PutJob
from jobstore.errors import StaleTerm, StoreError
from jobstore.model import Execution
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import settle
from scheduler.errors import NotLeading
from scheduler.leader import leader as leader_module
from scheduler.leader import take_over as module
from scheduler.leader.applying import Request
from scheduler.leader.leader import Leader
from tests.scheduler.building import cron, definition, execution, job, request
from tests.scheduler.fake_clock import START, turns, until
from tests.scheduler.scripted_executor import outcome, report
from tests.scheduler.stage import MINUTELY, Stage

SECOND = timedelta(seconds=1)


async def test_the_next_term_goes_on_with_what_the_first_left(stage: Stage) -> None:
    """Pending, dispatched and not received, dispatched and held, running, ended, retrying: one of each."""
    await stage.lead()
    executor = await stage.executor(slots=5)
    names = ["unreceived", "queued", "running", "ended", "retrying"]
    rows: dict[str, Execution] = {}
    for name in names:
        await stage.apply(name, retry={"maxAttempts": 2, "delay": "30s"})
        rows[name] = await stage.run_job(name)
    keys = {d.job: d.key for d in await stage.dispatched(executor, 5)}
    await executor.say(
        *(report(keys[name], started=pb.Started()) for name in ("running", "ended", "retrying")),
        outcome(keys["retrying"], "failed"),
    )
    await stage.becomes(rows["retrying"], State.RETRYING)
    await stage.becomes(rows["ended"], State.RUNNING)
    await stage.apply("pending", routing={"selector": "zone=b"})
    rows["pending"] = await stage.run_job("pending")
    await stage.reign.end()

    await stage.clock.advance(20)
    executor.held = [keys[name] for name in ("queued", "running", "ended", "retrying")]
    executor.offers = [outcome(keys["ended"]), outcome(keys["retrying"], "failed")]
    executor.labels = {"zone": "b"}
    executor.dispatches.clear()
    await stage.lead()
    await stage.becomes(rows["ended"], State.SUCCEEDED)
    await until(lambda: len(executor.dispatches) == 2)
    sent = {d.job: d.key for d in executor.dispatches}
    assert sent["unreceived"] == keys["unreceived"]
    assert (sent["pending"].attempt, sent["pending"].placement) == (1, 1)
    assert stage.row(rows["queued"].id).state is State.DISPATCHED
    assert stage.row(rows["running"].id).state is State.RUNNING
    await until(lambda: len(executor.acknowledged) == 3)  # the outcome, and the failure twice
    assert stage.evidence() == 0
    assert [message.epoch for message in executor.hellos] == [1, 2]

    await stage.pass_time(10)
    await until(lambda: len(executor.dispatches) == 3)
    again = executor.dispatches[2]
    assert (again.job, again.key.attempt) == ("retrying", 2)
    await executor.say(
        *(outcome(keys[name]) for name in ("queued", "running", "unreceived")),
        outcome(sent["pending"]),
        outcome(again.key),
    )
    for row in rows.values():
        await stage.becomes(row, State.SUCCEEDED)
    assert stage.row(rows["pending"].id).epoch == 2


async def test_a_superseded_leader_changes_nothing_and_tells_whoever_waits(stage: Stage) -> None:
    old = await stage.lead()
    await stage.executor()
    await stage.apply(triggers=MINUTELY)
    waiting = asyncio.create_task(old.runs.final(await stage.run_job()))
    await turns()
    first = stage.reign
    await stage.lead()
    calls = [
        asyncio.create_task(old.runs.run(request(), "default", "report", {})),
        asyncio.create_task(old.edits.apply(request(), Request(jobs=[stage.proposal("late")]))),
        asyncio.create_task(old.edits.set_paused(request(), ("default", "report"), True)),
        asyncio.create_task(old.write()),
    ]
    await until(first.run.done)
    with pytest.raises(StaleTerm, match="epoch 1 is over: the present one is 2"):
        first.run.result()
    for call in (*calls, waiting):
        with pytest.raises(NotLeading):
            await asyncio.wait_for(call, 10)
    await stage.quiet()
    assert [row.epoch for row in stage.rows()] == [1]
    assert not stage.job().paused
    assert stage.rows("late") == []
    await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 2)
    assert stage.rows()[1].epoch == 2


async def test_a_term_that_is_ended_leaves_no_task_behind(stage: Stage) -> None:
    before = asyncio.all_tasks()
    await stage.lead()
    await stage.executor()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(61)
    executor_side = {task for task in asyncio.all_tasks() if "Attach" in repr(task) or "grpc" in repr(task)}
    await stage.reign.end()
    await turns()
    left = {t for t in asyncio.all_tasks() - before - executor_side if "grpc" not in repr(t)}
    assert not {t for t in left if "scheduler/leader" in repr(t)}, left


async def test_a_term_that_ends_while_it_takes_over_tells_everybody(stage: Stage) -> None:
    stage.store.database.write(lambda c: c.exec_driver_sql("ALTER TABLE executions RENAME TO gone"))
    await stage.lead()
    await until(stage.reign.run.done)
    with pytest.raises(StoreError):
        stage.reign.run.result()
    assert not stage.leader.took_over.is_set()
    with pytest.raises(NotLeading):
        await stage.leader.write()
    stage.store.database.write(lambda c: c.exec_driver_sql("ALTER TABLE gone RENAME TO executions"))


async def test_a_term_that_is_cancelled_while_it_takes_over_leaves_no_task_behind(stage: Stage) -> None:
    leader = await stage.lead(ready=False)
    stage.reign.may_act = False
    await turns()
    await stage.reign.end()
    await turns()
    assert not {t for t in asyncio.all_tasks() if t.get_name() in ("writer", "take-over", "fires", "sweep")}
    assert not leader.took_over.is_set()


async def test_a_term_takes_over_page_by_page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 4)
    term = stage.store.begin_term(0, "e", "node-0")
    mine = job(concurrency={"policy": "allow"})
    rows = [execution(scheduled_time=START - n * SECOND, check_at=START) for n in range(10)]
    stage.store.commit(term, [PutJob(mine), *(NewExecution(row) for row in rows)])
    leader = await stage.lead()
    assert len(leader.ledger) == 10
    executor = await stage.executor(slots=100)
    dispatches = await stage.dispatched(executor, 10)
    assert [d.key.execution_id for d in dispatches] == [str(row.id) for row in sorted(rows, key=lambda r: r.id)]


async def test_what_can_be_read_by_nobody_any_more_is_ended_at_its_time(stage: Stage) -> None:
    term = stage.store.begin_term(0, "e", "node-0")
    gone = job(uid=UUID(int=5), triggers=[cron()], routing={"strategy": "ofAPluginThatIsGone"})
    waiting, failed = (execution(job_uid=gone.uid, trigger_uid=None, check_at=START + SECOND) for _ in range(2))
    ended = settle.settle(
        settle.start(settle.place(failed, "executor-1", "i-1", term.epoch, START), START),
        settle.Outcome(state=State.FAILED, ended=START),
        definition(retry={"maxAttempts": 2, "delay": "1s"}),
        START,
    )
    assert ended.ended is not None
    stage.store.commit(term, [PutJob(gone), NewExecution(waiting), NewExecution(failed)])
    await stage.lead()
    await stage.reign.end()
    later = replace(ended.execution, check_at=START + SECOND)
    present = stage.store.begin_term(5, "e", "node-5")
    stage.store.commit(present, [MoveExecution(later), EndAttempt(ended.ended)])
    stage._orders = 10
    await stage.lead()
    await stage.pass_time(2)
    done = await stage.becomes(waiting, State.SKIPPED)
    assert done.reason == "definitionUnreadable"
    # there is no way from retrying to skipped
    done = await stage.becomes(failed, State.CANCELLED)
    assert done.reason == "definitionUnreadable"


async def test_stopping_writes_what_is_decided(stage: Stage) -> None:
    leader = await stage.lead()
    await stage.apply()
    asked = asyncio.create_task(leader.runs.run(request(), "default", "report", {}))
    await until(lambda: len(leader.ledger) == 1)
    await leader.stop(5)
    row = await asked
    assert stage.row(row.id).state is State.PENDING


async def test_stopping_does_not_wait_for_ever(stage: Stage) -> None:
    leader: Leader = await stage.lead()
    stage.reign.may_act = False
    await leader.stop(0.01)


async def test_no_term_of_a_row_is_lower_than_that_of_one_before_it(stage: Stage) -> None:
    for number in range(5):
        await stage.lead()
        if not number:
            await stage.apply(triggers=MINUTELY, concurrency={"policy": "allow"})
        await stage.pass_time(60)
        await until(lambda number=number: len(stage.rows()) == number + 1)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    epochs = [row.epoch for row in stage.rows()]
    assert epochs == sorted(epochs)
    assert [row.scheduled_time for row in stage.rows()] == [START + 60 * n * SECOND for n in range(1, 6)]


async def test_a_change_of_the_zone_data_fires_nothing(stage: Stage) -> None:
    """The store has a time that was due by the data of before, and is none now: the trigger goes on to one that is."""
    term = stage.store.begin_term(0, "e", "node-0")
    made = job(triggers=[cron(expression="0 * * * * ?", timeZone="Europe/Berlin")])
    (trigger,) = made.triggers
    made = replace(made, triggers=(replace(trigger, next_fire=START + 30 * SECOND, fires=3),))
    stage.store.commit(term, [PutJob(made)])
    await stage.lead()
    await stage.pass_time(45)
    await until(lambda: stage.job().triggers[0].next_fire == START + 60 * SECOND)
    assert stage.rows() == []
    assert stage.job().triggers[0].fires == 3
    await stage.pass_time(15)
    await until(lambda: [row.scheduled_time for row in stage.rows()] == [START + 60 * SECOND])


async def test_what_nothing_has_looked_at_by_its_time_is_counted(stage: Stage) -> None:
    leader = await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(60)
    await stage.pass_time(leader_module.AUDIT)
    assert leader.figures().overdue == 0
    (row,) = leader.ledger.all()
    # as a mistake would leave it: nothing will look at it by itself
    leader.ledger._open[row.id.int] = replace(row, check_at=START)
    await stage.pass_time(leader_module.AUDIT)
    assert leader.figures().overdue == 1
