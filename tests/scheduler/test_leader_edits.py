"""What clients change: apply, pause, resume, delete."""

import asyncio
from datetime import timedelta

import pytest

from jobstore.protocols import JobQuery
from jobstore.sql.store import SqlStore
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.errors import Conflict, InvalidJob, NotFound
from tests.scheduler.building import cron, request
from tests.scheduler.fake_clock import START, FakeClock, until
from tests.scheduler.scripted_executor import outcome, report
from tests.scheduler.stage import MINUTELY, Stage

MINUTE = timedelta(minutes=1)
NAME = ("default", "report")
HOURLY = [cron("main", "0 0 * * * ?")]
ALLOW = {"policy": "allow"}


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
    (facts,) = await stage.apply_all([stage.proposal(triggers=MINUTELY)], dry_run=True)
    assert facts["outcome"] == "created"
    assert stage.store.jobs(JobQuery()) == []
    await stage.pass_time(60)
    assert stage.rows() == []


async def test_several_are_applied_whole_or_not_at_all(stage: Stage) -> None:
    await stage.lead()
    over = [cron("old", "0 0 0 1 1 ? 2020")]
    proposals = [stage.proposal("a", triggers=MINUTELY), stage.proposal("b", triggers=over)]
    with pytest.raises(InvalidJob) as refused:
        await stage.apply_all(proposals)
    (violation,) = refused.value.violations
    assert violation.field == "jobs[1].spec.triggers[0].cron"
    assert violation.message == "'0 0 0 1 1 ? 2020' has no fire left"
    assert stage.store.jobs(JobQuery()) == []
    await stage.apply_all(proposals[:1])
    await stage.pass_time(60)
    await until(lambda: stage.rows("a"))


async def test_an_expected_revision_that_is_another_one_changes_nothing(stage: Stage) -> None:
    await stage.lead()
    edits = stage.leader.edits
    await stage.apply(triggers=MINUTELY)
    for expected in (2, 7):
        with pytest.raises(Conflict, match=f"expected revision {expected}, and it is 1") as refused:
            await stage.apply_all([stage.proposal(triggers=HOURLY)], expected_revision=expected)
        assert refused.value.facts == {"current_revision": "1"}
        with pytest.raises(Conflict):
            await edits.delete(request(), NAME, expected)
    assert stage.job().revision == 1
    await stage.apply_all([stage.proposal(triggers=HOURLY)], expected_revision=1)
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
    await stage.pause()
    assert [row.scheduled_time for row in stage.rows()] == [START + MINUTE]
    await stage.pass_time(300)
    assert len(stage.rows()) == 1
    assert (stage.job().state, stage.job().triggers[0].next_fire) == ("paused", None)


async def test_resuming_goes_on_from_now(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    await stage.pause()
    await stage.pause()
    await stage.pass_time(150)
    await stage.pause(False)
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
        await slow.pause()
        await slow.pause(False)
        assert slow.job().triggers[0].next_fire == START + 2 * MINUTE
        (row,) = slow.rows()
        await slow.pass_time(1)
        assert slow.leader.ledger.get(row.id) == slow.row(row.id)
    finally:
        await slow.close()


async def test_a_delete_cancels_what_has_not_started_and_lets_the_rest_finish(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=2)
    await stage.apply(triggers=MINUTELY, concurrency=ALLOW)
    running, sent, waiting = [await stage.run_job() for _ in range(3)]
    await stage.dispatched(executor, 2)
    await executor.say(report(executor.dispatches[0].key, started=pb.Started()))
    await stage.becomes(running, State.RUNNING)
    uid = stage.job().uid
    assert await stage.delete() == (str(uid), 2)
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
        await stage.delete()
    with pytest.raises(NotFound):
        await stage.pause()


async def test_what_was_due_before_a_delete_is_on_record(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    await stage.pass_time(59)
    stage.clock.jump(1)
    assert (await stage.delete())[1] == 1
    assert stage.states() == [("60", "cancelled")]


async def test_a_deleted_name_made_again_is_another_job(stage: Stage) -> None:
    await stage.lead()
    await stage.apply(triggers=MINUTELY)
    before = stage.job()
    await stage.delete()
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
        deleted = asyncio.ensure_future(stage.delete())
        runs += [asyncio.ensure_future(stage.run_job()) for _ in range(2)]
        await asyncio.gather(*runs, return_exceptions=True)
        await deleted
        for run in runs:
            assert run.exception() is None or isinstance(run.exception(), NotFound)
        await stage.quiet()
        assert stage.leader.ledger.all() == []
        assert {row.state for row in stage.rows()} <= {State.CANCELLED, State.SKIPPED}


async def test_a_trigger_that_clock_changes_leave_no_fire_says_so(stage: Stage) -> None:
    await stage.lead()
    trigger = cron(expression="0 30 2 14 3 ? 2027", timeZone="America/New_York", gap="skip")
    with pytest.raises(InvalidJob, match="no fire left: 02:30 does not exist on 2027-03-14") as refused:
        await stage.apply(triggers=[trigger])
    assert refused.value.violations[0].field == "jobs[0].spec.triggers[0].cron"
