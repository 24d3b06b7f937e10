"""What clients change and ask for: apply, pause, resume, delete, run, cancel, wait."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobstore.model import Execution
from jobstore.protocols import JobQuery
from jobstore.sql.store import SqlStore
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.errors import Conflict, InvalidJob, NotFound, Overloaded
from tests.scheduler.building import cron, request
from tests.scheduler.fake_clock import START, FakeClock, turns, until
from tests.scheduler.scripted_executor import outcome, report
from tests.scheduler.stage import MINUTELY, Stage

MINUTE = timedelta(minutes=1)
NAME = ("default", "report")
HOURLY = [cron("main", "0 0 * * * ?")]
ALLOW = {"policy": "allow"}


async def pause(stage: Stage, paused: bool = True) -> None:
    await stage.leader.edits.set_paused(request(), NAME, paused)


async def delete(stage: Stage) -> tuple[str, int]:
    return await stage.leader.edits.delete(request(), NAME, 0)


# ------------------------------------------------------------------------------------------------------- apply


async def test_applying_creates_changes_and_leaves_as_it_is(stage: Stage) -> None:
    await stage.lead()
    created = await stage.apply(triggers=MINUTELY)
    assert created == {"namespace": "default", "name": "report", "outcome": "created", "revision": 1}
    first = stage.job()
    assert first.triggers[0].next_fire == START + MINUTE
    await stage.clock.advance(5)
    assert (await stage.apply(triggers=MINUTELY))["outcome"] == "unchanged"
    assert stage.job() == first
    assert await stage.apply(triggers=HOURLY) == {**created, "outcome": "updated", "revision": 2}
    second = stage.job()
    assert (second.uid, second.created) == (first.uid, first.created)
    assert second.triggers[0].uid == first.triggers[0].uid
    assert second.triggers[0].next_fire == START + 60 * MINUTE
    assert second.updated > first.updated


async def test_a_dry_run_says_what_would_be_and_changes_nothing(stage: Stage) -> None:
    await stage.lead()
    (facts,) = await stage.leader.edits.apply(request(), [stage.proposal(triggers=MINUTELY)], True, 0)
    assert facts["outcome"] == "created"
    assert stage.store.jobs(JobQuery()) == []
    await stage.pass_time(60)
    assert stage.rows() == []


async def test_several_are_applied_whole_or_not_at_all(stage: Stage) -> None:
    await stage.lead()
    over = [cron("old", "0 0 0 1 1 ? 2020")]
    proposals = [stage.proposal("a", triggers=MINUTELY), stage.proposal("b", triggers=over)]
    with pytest.raises(InvalidJob) as refused:
        await stage.leader.edits.apply(request(), proposals, False, 0)
    (violation,) = refused.value.violations
    assert violation.field == "jobs[1].spec.triggers[0].cron"
    assert violation.message == "'0 0 0 1 1 ? 2020' has no fire left"
    assert stage.store.jobs(JobQuery()) == []
    await stage.leader.edits.apply(request(), proposals[:1], False, 0)
    await stage.pass_time(60)
    await until(lambda: stage.rows("a"))


async def test_an_expected_revision_that_is_another_one_changes_nothing(stage: Stage) -> None:
    await stage.lead()
    edits = stage.leader.edits
    await stage.apply(triggers=MINUTELY)
    for expected in (2, 7):
        with pytest.raises(Conflict, match=f"expected revision {expected}, and it is 1") as refused:
            await edits.apply(request(), [stage.proposal(triggers=HOURLY)], False, expected)
        assert refused.value.facts == {"current_revision": "1"}
        with pytest.raises(Conflict):
            await edits.delete(request(), NAME, expected)
    assert stage.job().revision == 1
    await edits.apply(request(), [stage.proposal(triggers=HOURLY)], False, 1)
    assert stage.job().revision == 2


async def test_edits_come_one_after_the_other(stage: Stage) -> None:
    await stage.lead()
    edits = [stage.apply(description=f"number {number}", triggers=MINUTELY) for number in range(6)]
    facts = await asyncio.gather(*edits)
    assert sorted(fact["revision"] for fact in facts) == [1, 2, 3, 4, 5, 6]
    assert [fact["outcome"] for fact in facts].count("created") == 1


async def test_triggers_that_come_and_go_fire_from_then_on_and_no_more(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=[cron("a", "0/10 * * * * ?"), cron("b", "5/10 * * * * ?")], concurrency=ALLOW)
    await stage.pass_time(12)
    await stage.apply(triggers=[cron("b", "5/10 * * * * ?"), cron("c", "1/10 * * * * ?")], concurrency=ALLOW)
    await stage.pass_time(13)
    await until(lambda: len(stage.rows()) == 5)
    fired = [(row.trigger, (row.scheduled_time - START).seconds) for row in stage.rows()]
    assert fired == [("b", 5), ("a", 10), ("b", 15), ("c", 21), ("b", 25)]


async def test_what_was_due_before_an_edit_fires_under_the_old_revision(stage: Stage) -> None:
    await stage.lead()
    await stage.executor()
    await stage.apply(triggers=MINUTELY, params={"old": True}, concurrency=ALLOW)
    await stage.pass_time(59)
    stage.clock.jump(1.5)  # due, and nobody has noticed
    await stage.apply(triggers=MINUTELY, params={"new": True}, concurrency=ALLOW)
    await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 2)
    assert [(row.scheduled_time, row.revision) for row in stage.rows()] == [
        (START + MINUTE, 1),
        (START + 2 * MINUTE, 2),
    ]
    (executor,) = stage.executors.values()
    sent = await stage.dispatched(executor, 2)
    assert [list(dispatch.params.keys()) for dispatch in sent] == [["old"], ["new"]]


async def test_what_was_due_before_a_pause_fires_and_nothing_after(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    await stage.pass_time(59)
    stage.clock.jump(1)
    await pause(stage)
    assert [row.scheduled_time for row in stage.rows()] == [START + MINUTE]
    await stage.pass_time(300)
    assert len(stage.rows()) == 1
    assert (stage.job().state, stage.job().triggers[0].next_fire) == ("paused", None)


async def test_resuming_goes_on_from_now(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    await pause(stage)
    await pause(stage)
    await stage.pass_time(150)
    await pause(stage, False)
    assert stage.job().triggers[0].next_fire == START + 3 * MINUTE
    await stage.pass_time(90)
    await until(lambda: len(stage.rows()) == 2)
    assert [row.scheduled_time for row in stage.rows()] == [START + 3 * MINUTE, START + 4 * MINUTE]


async def test_a_job_may_be_applied_as_paused_and_stays_so_until_told(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY, paused=True)
    await stage.pass_time(61)
    await stage.apply(triggers=MINUTELY, description="other")
    await stage.pass_time(60)
    assert stage.rows() == []
    row = await stage.run_job()
    assert row.state is State.PENDING
    await stage.apply(triggers=MINUTELY, paused=False, concurrency=ALLOW)
    await stage.pass_time(60)
    assert len(stage.rows()) == 2


async def test_a_fire_is_not_recorded_again_by_a_node_whose_clock_is_slower(store: SqlStore) -> None:
    stage = Stage(store, FakeClock())
    await stage.open()
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(60)
    await until(stage.rows)
    await stage.close()

    slow = Stage(store, FakeClock(START + timedelta(seconds=59.6)))
    slow._orders = 5
    await slow.open()
    try:
        await slow.lead()
        await slow.apply(triggers=MINUTELY, description="edited")
        assert slow.job().triggers[0].next_fire == START + 2 * MINUTE
        await pause(slow)
        await pause(slow, False)
        assert slow.job().triggers[0].next_fire == START + 2 * MINUTE
        (row,) = slow.rows()
        await slow.pass_time(1)
        assert slow.leader.ledger.get(row.id) == slow.row(row.id)
    finally:
        await slow.close()


# ------------------------------------------------------------------------------------------------------ delete


async def test_a_delete_cancels_what_has_not_started_and_lets_the_rest_finish(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=2)
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    running, sent, waiting = [await stage.run_job() for _ in range(3)]
    await stage.dispatched(executor, 2)
    await executor.say(report(executor.dispatches[0].key, started=pb.Started()))
    await stage.becomes(running, State.RUNNING)
    uid = stage.job().uid
    assert await delete(stage) == (str(uid), 2)
    assert stage.store.jobs(JobQuery()) == []
    assert stage.row(waiting.id).state is State.CANCELLED
    assert stage.row(waiting.id).reason == "jobDeleted"
    assert stage.row(sent.id).cancelling
    await until(lambda: executor.cancels == [executor.dispatches[1].key])
    await executor.say(outcome(executor.dispatches[1].key, "cancelled"), outcome(executor.dispatches[0].key))
    await stage.becomes(sent, State.CANCELLED)
    await stage.becomes(running, State.SUCCEEDED)
    await stage.pass_time(120)
    assert len(stage.rows()) == 3
    with pytest.raises(NotFound, match="there is no job"):
        await stage.run_job()
    with pytest.raises(NotFound, match="there is no job default/report"):
        await delete(stage)
    with pytest.raises(NotFound):
        await pause(stage)


async def test_what_was_due_before_a_delete_is_on_record(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(59)
    stage.clock.jump(1)
    assert (await delete(stage))[1] == 1
    assert stage.states() == [("60", "cancelled")]


async def test_a_deleted_name_made_again_is_another_job(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    before = stage.job()
    await delete(stage)
    assert (await stage.apply(triggers=MINUTELY))["outcome"] == "created"
    after = stage.job()
    assert after.uid != before.uid
    assert after.triggers[0].uid != before.triggers[0].uid
    assert after.revision == 1
    await stage.pass_time(60)
    await until(stage.rows)
    assert [row.job_uid for row in stage.rows()] == [after.uid]


async def test_a_run_and_a_delete_at_the_same_time_leave_nothing_open(stage: Stage) -> None:
    await stage.lead()
    for _ in range(10):
        await stage.apply()
        runs = [asyncio.ensure_future(stage.run_job()) for _ in range(2)]
        deleted = asyncio.ensure_future(delete(stage))
        runs += [asyncio.ensure_future(stage.run_job()) for _ in range(2)]
        await asyncio.gather(*runs, return_exceptions=True)
        await deleted
        for run in runs:
            assert run.exception() is None or isinstance(run.exception(), NotFound)
        await stage.quiet()
        assert stage.leader.ledger.all() == []
        assert {row.state for row in stage.rows()} <= {State.CANCELLED, State.SKIPPED}


# --------------------------------------------------------------------------------------------- the same request


async def test_the_same_request_again_gets_the_first_answer_and_changes_nothing(stage: Stage) -> None:
    await stage.lead()
    edits, runs = stage.leader.edits, stage.leader.runs
    ids = {what: request(f"{what}-1") for what in ("apply", "pause", "resume", "run", "cancel", "delete")}
    applied = await edits.apply(ids["apply"], [stage.proposal(triggers=MINUTELY)], False, 0)
    await edits.set_paused(ids["pause"], NAME, True)
    await edits.set_paused(ids["resume"], NAME, False)
    row = await runs.run(ids["run"], *NAME, {"x": 1})
    cancelled = await runs.cancel(ids["cancel"], row.id, "enough")
    await stage.pass_time(10)
    before = stage.job()
    assert await edits.apply(ids["apply"], [stage.proposal(triggers=HOURLY)], False, 0) == applied
    await edits.set_paused(ids["pause"], NAME, True)
    assert (await runs.run(ids["run"], *NAME, {"x": 1})).id == row.id
    assert await runs.cancel(ids["cancel"], row.id, "enough") == cancelled
    assert stage.job() == before
    assert len(stage.rows()) == 1
    deleted = await edits.delete(ids["delete"], NAME, 0)
    await stage.apply(triggers=MINUTELY)
    assert await edits.delete(ids["delete"], NAME, 0) == deleted
    assert stage.job().uid != before.uid


async def test_the_first_answer_outlives_the_term(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    asked = request("run-1")
    row = await stage.leader.runs.run(asked, *NAME, {})
    await stage.lead()
    assert (await stage.leader.runs.run(asked, *NAME, {})).id == row.id
    with pytest.raises(Conflict, match="was used for something else"):
        await stage.leader.runs.run(replace(asked, digest="other"), *NAME, {})
    assert len(stage.rows()) == 1


async def test_the_same_request_twice_at_once_is_done_once(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(concurrency=ALLOW)
    asked = request("run-1")
    rows = await asyncio.gather(*(stage.leader.runs.run(asked, *NAME, {}) for _ in range(5)))
    assert len({row.id for row in rows}) == 1
    assert len(stage.rows()) == 1


# ----------------------------------------------------------------------------------- clients who do not wait


Call = Callable[[Stage], Awaitable[Any]]
CALLS: dict[str, Call] = {
    "apply": lambda stage: stage.apply(triggers=HOURLY),
    "pause": pause,
    "delete": delete,
}


@pytest.mark.parametrize("name", list(CALLS))
async def test_an_edit_whose_client_goes_away_is_brought_to_its_end(stage: Stage, name: str) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    for patience in range(60):
        call = asyncio.ensure_future(CALLS[name](stage))
        await turns(patience)
        if call.done():
            break
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        await stage.quiet()
        for _ in range(5):
            await stage.leader.write()
            await turns()
        # whether it took effect or not, the leader and the store agree on it
        jobs = stage.store.jobs(JobQuery())
        expected = [(t.uid, t.next_fire) for job in jobs for t in job.triggers if t.next_fire]
        now = stage.clock.now()
        known = [(t.uid, t.next_fire) for t in stage.leader.timetable.upcoming(100)]
        horizon = stage.leader.timetable.horizon[0]
        assert known == [(uid, at) for uid, at in expected if at < horizon], now
        for job in jobs:
            assert stage.leader.catalog.job(job.uid) in (None, job)
    await asyncio.gather(call, return_exceptions=True)
    await stage.pass_time(120)
    assert stage.rows() == []


async def test_a_run_whose_client_goes_away_is_sent_all_the_same(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=100)
    await stage.apply(concurrency=ALLOW)
    for patience in range(40):
        call = asyncio.ensure_future(stage.run_job())
        await turns(patience)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await stage.quiet()
    rows = stage.rows()
    assert rows
    await stage.dispatched(executor, len(rows))
    assert all(stage.leader.ledger.get(row.id) == row for row in rows)


# ------------------------------------------------------------------------------------------------- too much


async def test_what_cannot_be_written_now_changes_nothing_in_memory(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    await stage.apply("waits", routing={"selector": "zone=mars"})
    row = await stage.run_job()
    await stage.dispatched(executor)
    waiting = await stage.run_job("waits")
    before = sorted(stage.leader.ledger.all(), key=lambda each: each.id)
    jobs = stage.store.jobs(JobQuery())
    monkeypatch.setattr("scheduler.leader.writer.LONGEST_QUEUE", 0)
    edits = stage.leader.edits
    calls: list[Awaitable[Any]] = [
        stage.run_job(),
        stage.cancel(row),
        stage.cancel(waiting),
        delete(stage),
        edits.delete(request(), ("default", "waits"), 0),
        pause(stage),
        stage.apply(triggers=HOURLY),
    ]
    for call in calls:
        with pytest.raises(Overloaded, match="0 writes are waiting"):
            await call
    monkeypatch.undo()
    assert sorted(stage.leader.ledger.all(), key=lambda each: each.id) == before
    assert stage.store.jobs(JobQuery()) == jobs
    await stage.pass_time(60)
    await until(lambda: len(stage.rows()) == 2)
    assert (await edits.delete(request(), ("default", "waits"), 0))[1] == 1


# ------------------------------------------------------------------------------------------------ runs and waits


async def test_a_run_is_recorded_with_its_parameters_and_waited_for(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(params={"a": 1, "b": 1})
    row = await stage.run_job(b=2)
    assert (row.origin.value, row.params, row.trigger_uid, row.scheduled_time) == ("manual", {"b": 2}, None, START)
    waiting = asyncio.create_task(stage.leader.runs.final(row))
    (dispatch,) = await stage.dispatched(executor)
    assert dict(dispatch.params) == {"a": 1.0, "b": 2.0}
    await turns()
    assert not waiting.done()
    await executor.say(outcome(dispatch.key))
    done = await waiting
    assert done.state is State.SUCCEEDED
    assert await stage.leader.runs.final(row) == done


async def test_a_run_while_another_is_open_is_skipped_and_that_is_its_end(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    await stage.run_job()
    second = await stage.run_job()
    assert (second.state, second.reason) == (State.SKIPPED, "overlap")
    assert await stage.leader.runs.final(second) == second


async def test_waiting_goes_on_over_retries_and_ends_with_the_last(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply(retry={"maxAttempts": 2, "delay": "1s"})
    waiting = asyncio.create_task(stage.leader.runs.final(await stage.run_job()))
    for count in (1, 2):
        dispatches = await stage.dispatched(executor, count)
        assert not waiting.done()
        await executor.say(outcome(dispatches[-1].key, "failed"))
        await until(lambda count=count: len(executor.acknowledged) == count)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        await stage.pass_time(2)
    assert (await waiting).state is State.FAILED


async def test_what_is_over_cannot_be_cancelled(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    row = await stage.run_job()
    await stage.cancel(row)
    with pytest.raises(Conflict, match=f"execution {row.id} is cancelled already") as refused:
        await stage.cancel(row)
    assert refused.value.reason == "FINAL"
    with pytest.raises(NotFound, match="there is no execution"):
        await stage.cancel(replace(row, id=stage.job().uid))


async def test_watchers_see_each_committed_state_in_order(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    seen: list[Execution] = []
    with stage.leader.hub.watch(lambda row: row.job == "report") as watcher:
        row = await stage.run_job()
        (dispatch,) = await stage.dispatched(executor)
        await executor.say(report(dispatch.key, started=pb.Started()), outcome(dispatch.key))
        while not seen or not seen[-1].state.final:
            seen.append(await watcher.next())
    assert [each.state for each in seen] == [State.DISPATCHED, State.RUNNING, State.SUCCEEDED]
    assert seen[-1] == stage.row(row.id)
