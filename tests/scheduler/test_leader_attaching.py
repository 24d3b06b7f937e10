"""Hello and what is held; streams that break, and executors that are not what they should be."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from cronquorum.coordination import Member
from cronquorum.coordination.protocols import EXECUTORS
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import settle
from scheduler.leader import outgoing as outgoing_module
from scheduler.leader.link import HELLO_TIMEOUT, Link, SupersededByExecutor
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome
from tests.scheduler.stage import LEASE, MINUTELY, Stage


@pytest.mark.parametrize("again", ["same term", "next term"])
async def test_what_was_never_received_is_sent_again(stage: Stage, again: str) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    row = await stage.run_job()
    await stage.dispatched(executor)
    if again == "next term":
        await stage.reign.end()
        await stage.lead()
        await stage.attached(executor)
    else:
        await stage.hung_up(executor)
        await stage.attached_again(executor)
    first, second = await stage.dispatched(executor, 2)
    assert first == second
    assert stage.row(row.id).state is State.DISPATCHED
    await executor.say(outcome(second.key))
    await stage.becomes(row, State.SUCCEEDED)


async def test_what_it_holds_is_not_sent_again(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    row = await stage.run_job()
    (dispatch,) = await stage.dispatched(executor)
    executor.held = [dispatch.key]
    await stage.reign.end()
    await stage.lead()
    await stage.attached(executor)
    await stage.pass_time(1)
    assert len(executor.dispatches) == 1
    await executor.say(outcome(dispatch.key))
    await stage.becomes(row, State.SUCCEEDED)


async def test_looking_at_it_again_after_minutes_sends_it_to_nobody(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    row = await stage.run_job()
    await stage.dispatched(executor)
    assert row.check_at is not None
    await stage.pass_time(settle.CHECK_PLACED.total_seconds() + 1)
    later = stage.row(row.id).check_at
    assert later is not None
    assert later > row.check_at
    assert len(executor.dispatches) == 1


async def test_what_it_ran_and_forgot_is_lost(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    await stage.hung_up(executor)
    await stage.attached_again(executor)
    lost = await stage.becomes(row, State.LOST)
    assert lost.reason == "executorForgot"


async def test_what_it_holds_and_nobody_waits_for_is_cancelled(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(attached=False)
    key = pb.AttemptKey(execution_id=str(uuid4()), attempt=1, placement=1, incarnation=executor.incarnation)
    earlier = pb.AttemptKey(execution_id=str(uuid4()), attempt=1, placement=1, incarnation="earlier")
    executor.held = [earlier, key]  # the earlier one has ended: there is nothing to cancel
    await stage.attached_again(executor)
    await until(lambda: executor.cancels == [key])


async def test_outcomes_that_wait_for_a_leader_come_with_the_welcome(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    await stage.reign.end()
    key = executor.dispatches[0].key
    executor.held, executor.offers = [key], [outcome(key, exit_code=0)]
    await stage.lead()
    done = await stage.becomes(row, State.SUCCEEDED)
    assert done.exit_code == 0
    await until(lambda: executor.acknowledged == [key])
    assert stage.evidence() == 0


@pytest.mark.parametrize("highest", [41, 1])
async def test_an_executor_that_has_seen_a_higher_epoch_or_ours_of_another_ends_the_term(
    stage: Stage, highest: int
) -> None:
    await stage.lead()
    executor = await stage.executor(attached=False)
    executor.highest_epoch = str(highest)
    executor.hang_up()
    for _ in range(20):
        await stage.clock.advance(0.5)
        if stage.reign.run.done():
            break
    await until(stage.reign.run.done)
    with pytest.raises(SupersededByExecutor) as ended:
        stage.reign.run.result()
    assert ended.value.highest == highest


@pytest.mark.parametrize("highest", ["0", "many", "-3", str(2**62), "9" * 30])
async def test_an_executor_that_names_no_higher_epoch_ends_nothing(stage: Stage, highest: str) -> None:
    await stage.lead()
    executor = await stage.executor()
    executor.highest_epoch = highest
    executor.hang_up()
    for _ in range(10):
        await stage.pass_time(0.5)
    assert not stage.reign.run.done()
    executor.highest_epoch = ""
    await stage.attached_again(executor)


async def test_another_executor_at_the_address_gets_nothing_and_is_not_asked_all_the_time(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    executor.restart()  # and the registration still names the incarnation before
    await stage.apply()
    for _ in range(80):
        await stage.pass_time(0.25)
    assert not stage.leader.roster.is_attached((executor.name, executor.incarnation))
    assert executor.dispatches == []
    assert 2 < len(executor.hellos) < 25
    await stage.unregister(executor)
    await stage.register(executor)
    await stage.attached_again(executor)


async def test_an_executor_that_takes_the_call_and_says_nothing_is_tried_again(stage: Stage) -> None:
    await stage.lead()
    executor = ScriptedExecutor("executor-1")
    stage.executors[executor.name] = executor
    executor.answers = False
    await executor.start()
    await stage.register(executor)
    await until(lambda: executor.hellos)
    await stage.clock.advance(HELLO_TIMEOUT - 0.1)
    assert len(executor.hellos) == 1
    await stage.clock.advance(0.2)
    executor.answers = True
    await stage.attached_again(executor)
    assert len(executor.hellos) == 2


async def test_an_executor_that_cannot_be_reached_ends_nothing_and_is_reached_later(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await executor.stop()
    stage.reign.may_act = False  # contact is away as well
    await stage.clock.advance(5)
    stage.reign.may_act = True
    for _ in range(8):
        await stage.pass_time(0.5)
    assert not stage.reign.run.done()
    await executor.start()
    await stage.attached_again(executor)


async def test_why_there_is_no_stream_is_said_once_and_then_every_minute(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.lead()
    executor = stage.executors["executor-1"] = ScriptedExecutor("executor-1")
    await executor.start()
    await executor.stop()
    await stage.register(executor)
    for _ in range(130):
        await stage.pass_time(1)
    said = [each.getMessage() for each in caplog.records if "no stream to executor" in each.getMessage()]
    assert len(said) == 3
    assert all(executor.address in each for each in said)


async def test_a_link_whose_sender_fails_ends_the_term(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Link) -> pb.LeaderMessage:
        raise ZeroDivisionError("a mistake of ours")

    await stage.lead()
    executor = await stage.executor()
    monkeypatch.setattr(Link, "_batch", broken)
    await executor.say(lease=pb.LeaseQuestion(asked=1))
    await until(stage.reign.run.done)
    with pytest.raises(ZeroDivisionError):
        stage.reign.run.result()


async def test_a_call_that_was_cancelled_from_within_is_made_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hung_up(self: Link) -> pb.LeaderMessage:
        monkeypatch.undo()
        raise asyncio.InvalidStateError("the call is over")

    await stage.lead()
    executor = await stage.executor()
    monkeypatch.setattr(Link, "_batch", hung_up)
    await executor.say(lease=pb.LeaseQuestion(asked=1))
    await until(lambda: not executor.attached)
    await stage.attached_again(executor)
    assert not stage.reign.run.done()


async def test_an_executor_whose_facts_are_no_lease_gets_the_longest(stage: Stage) -> None:
    await stage.lead()
    odd = Member(id="odd", incarnation="x", address="127.0.0.1:1", facts={"lease": "soon"})
    await stage.coordinator.announce(EXECUTORS, odd)
    await stage.quiet()
    link = stage.leader.roster.link(("odd", "x"))
    assert link is not None
    assert link.lease == LEASE
    assert not link.open_for_work


async def test_an_executor_on_another_host_is_not_dialled_in_plain_text(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.lead()
    remote = Member(id="remote", incarnation="x", address="worker.example:7500", facts={})
    await stage.coordinator.announce(EXECUTORS, remote)
    await until(lambda: "executor is not dialled" in caplog.text)
    assert "worker.example is not loopback, and the traffic is plain text: set tls.cert" in caplog.text
    assert "allow it with --insecure" in caplog.text
    link = stage.leader.roster.link(("remote", "x"))
    assert link is not None and link.tried.is_set() and not link.attached


async def test_dispatches_of_many_go_out_in_batches_and_none_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing_module, "LARGEST_BATCH", 7)
    monkeypatch.setattr(outgoing_module, "LARGEST_MESSAGE", 600)
    await stage.lead()
    executor = await stage.executor(slots=100)
    for number in range(30):
        await stage.apply(f"job-{number:02}", triggers=MINUTELY)
    await stage.pass_time(60)
    dispatches = await stage.dispatched(executor, 30)
    assert len({d.key.execution_id for d in dispatches}) == 30
    await executor.say(*(outcome(d.key) for d in dispatches))
    await until(lambda: len(executor.acknowledged) == 30)
    assert timedelta(0) == stage.clock.now() - stage.row(dispatches[0].key.execution_id).scheduled_time


async def test_while_the_coordinator_is_away_the_store_vouches_for_a_lease_and_for_nothing_else(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    stage.reign.may_act = False  # no proof of contact
    await executor.say(lease=pb.LeaseQuestion(asked=17))
    for _ in range(20):
        await stage.clock.advance(0.05)
    await until(lambda: executor.grants == [17])
    asked = asyncio.create_task(stage.run_job())
    for _ in range(20):
        await stage.clock.advance(0.05)
    assert executor.dispatches == []
    stage.reign.may_act = True
    for _ in range(20):
        await stage.clock.advance(0.05)
    await asked
    await stage.dispatched(executor)


async def test_an_older_term_vouches_for_no_lease(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    stage.reign.may_act = False
    stage.store.begin_term(50, "e", "node-50")
    await executor.say(lease=pb.LeaseQuestion(asked=17))
    for _ in range(40):
        await stage.clock.advance(0.05)
    assert executor.grants == []
