"""A leader and its executors: what they say, when they go, and what they get wrong."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import duration_pb2, struct_pb2

from cronquorum.coordination import Member
from cronquorum.coordination.protocols import EXECUTORS
from jobstore.model import Execution
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import settle
from scheduler.leader import link as link_module
from scheduler.leader import reports as reports_module
from scheduler.leader.link import Link, SupersededByExecutor
from scheduler.leader.placement import Limits
from scheduler.leader.sweep import LEASE_MARGIN
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import ScriptedExecutor, outcome, refusal, report
from tests.scheduler.stage import MINUTELY, Stage

LEASE = 15.0
LOST_AFTER = LEASE_MARGIN * LEASE

RERUN: dict[str, Any] = {"idempotent": True}


async def started(stage: Stage, executor: ScriptedExecutor, name: str = "report", **manifest: Any) -> Execution:
    """An execution that runs on an executor."""
    await stage.apply(name, **manifest)
    row = await stage.run_job(name)
    await until(lambda: any(d.key.execution_id == str(row.id) for d in executor.dispatches))
    await executor.say(report(executor.dispatches[-1].key, started=pb.Started()))
    return await stage.becomes(row, State.RUNNING)


async def gone(stage: Stage, executor: ScriptedExecutor) -> None:
    """Its host is gone; the leader has seen it."""
    await executor.stop()
    await stage.unregister(executor)
    await until(lambda: not stage.leader.roster.is_attached((executor.name, executor.incarnation)))
    await stage.pass_time(0.25)


# ------------------------------------------------------------------------------------------ executors that go


async def test_what_a_lost_executor_ran_is_run_again_after_its_lease_and_not_before(stage: Stage) -> None:
    await stage.lead()
    first = await stage.executor("executor-1")
    row = await started(stage, first, **RERUN)
    second = await stage.executor("executor-2")
    await gone(stage, first)
    await stage.pass_time(LOST_AFTER - 0.5)
    assert stage.row(row.id) == row
    await stage.pass_time(1.25)
    (dispatch,) = await stage.dispatched(second)
    assert (dispatch.key.execution_id, dispatch.key.attempt, dispatch.key.placement) == (str(row.id), 2, 1)
    assert stage.row(row.id).reruns == 1
    (kept,) = stage.store.attempts(row.id)
    assert (kept.outcome, kept.reason, kept.executor_id) == (State.LOST, "executorLost", "executor-1")


async def test_what_may_not_be_run_again_is_lost(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    await gone(stage, executor)
    await stage.pass_time(LOST_AFTER - 0.5)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    lost = await stage.becomes(row, State.LOST)
    assert (lost.reason, lost.attempt, stage.store.attempts(row.id)) == ("executorLost", 1, [])


async def test_a_lease_is_counted_from_the_last_answer(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    await stage.unregister(executor)  # ZooKeeper lost it, and the stream is still up
    await stage.pass_time(3 * LOST_AFTER)
    assert stage.row(row.id).state is State.RUNNING
    await executor.say(lease=pb.LeaseQuestion(asked=17))
    await until(lambda: executor.grants == [17])
    await executor.stop()
    await stage.pass_time(LOST_AFTER - 0.5)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    await stage.becomes(row, State.LOST)


@pytest.mark.parametrize("lease", ["60s", "1m30s"])
async def test_a_longer_lease_of_its_own_is_waited_for(stage: Stage, lease: str) -> None:
    await stage.lead()
    executor = await stage.executor(lease=lease)
    row = await started(stage, executor)
    await gone(stage, executor)
    seconds = 60 if lease == "60s" else 90
    await stage.pass_time(LEASE_MARGIN * seconds - 0.5)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    await stage.becomes(row, State.LOST)


async def test_an_executor_that_nobody_in_this_term_has_met_gets_a_whole_lease(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor, **RERUN)
    await gone(stage, executor)
    await stage.pass_time(LOST_AFTER - 1)
    await stage.reign.end()
    await stage.lead()
    await stage.pass_time(LOST_AFTER)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    await until(lambda: stage.row(row.id).attempt == 2)


async def test_an_executor_that_comes_back_within_its_lease_goes_on(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor, **RERUN)
    executor.held = [executor.dispatches[0].key]
    await stage.hung_up(executor)
    await stage.unregister(executor)
    await stage.pass_time(LOST_AFTER - 2)
    await stage.register(executor)
    await stage.attached_again(executor)
    await stage.pass_time(LOST_AFTER + 5)
    await executor.say(outcome(executor.dispatches[0].key))
    done = await stage.becomes(row, State.SUCCEEDED)
    assert (done.attempt, len(executor.dispatches), executor.cancels) == (1, 1, [])


async def test_another_incarnation_says_nothing_about_the_one_before(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor, **RERUN)
    before = executor.incarnation
    await stage.unregister(executor)
    executor.restart()
    await stage.register(executor)
    await stage.attached_again(executor)
    assert stage.row(row.id).incarnation == before
    await stage.pass_time(LOST_AFTER - 4)
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(8)
    await until(lambda: len(executor.dispatches) == 2)
    again = executor.dispatches[1]
    assert (again.key.attempt, again.key.incarnation) == (2, executor.incarnation)


async def test_a_slot_that_a_lost_executor_gives_back_to_a_limit_is_used(stage: Stage) -> None:
    stage.policy = type(stage.policy)(limits=Limits(running=1))
    await stage.lead()
    first = await stage.executor("executor-1")
    await started(stage, first)
    second = await stage.executor("executor-2")
    await stage.apply("other")
    waiting = await stage.run_job("other")
    assert waiting.reason == "limit of 1 running in the cluster"
    await gone(stage, first)
    await stage.pass_time(LOST_AFTER + 0.5)
    (dispatch,) = await stage.dispatched(second)
    assert dispatch.key.execution_id == str(waiting.id)


# ------------------------------------------------------------------------------------- Hello and what is held


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
    row = await started(stage, executor)
    await stage.hung_up(executor)
    await stage.attached_again(executor)
    lost = await stage.becomes(row, State.LOST)
    assert lost.reason == "executorForgot"


async def test_what_it_holds_and_nobody_waits_for_is_cancelled(stage: Stage) -> None:
    await stage.lead()
    key = pb.AttemptKey(execution_id=str(uuid4()), attempt=1, placement=1, incarnation="x")
    executor = await stage.executor(attached=False)
    executor.held = [key]
    await stage.attached_again(executor)
    await until(lambda: executor.cancels == [key])


async def test_outcomes_that_wait_for_a_leader_come_with_the_welcome(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    await stage.reign.end()
    key = executor.dispatches[0].key
    executor.held, executor.offers = [key], [outcome(key, exit_code=0)]
    await stage.lead()
    done = await stage.becomes(row, State.SUCCEEDED)
    assert done.exit_code == 0
    await until(lambda: executor.acknowledged == [key])
    assert stage.evidence() == 0


# ------------------------------------------------------------------------------------------------ what they say


async def test_progress_and_output_are_on_the_record(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    key = executor.dispatches[0].key

    def progress(fraction: float, note: str) -> pb.Report:
        message = pb.ProgressReport()
        message.progress.fraction, message.progress.note = fraction, note
        return report(key, progress=message)

    await executor.say(
        progress(0.4, "half\x00way"),
        report(key, output=pb.OutputChunk(seq=0, stream="stdout", data=b"line\n")),
        report(key, output=pb.OutputChunk(seq=0, stream="stdout", data=b"again\n")),
        report(key, output=pb.OutputChunk(seq=1, stream="stderr", data=b"\xff\x00")),
        report(key, output=pb.OutputChunk(seq=-1, stream="stdout", data=b"no")),
        report(key, output=pb.OutputChunk(seq=2, stream="stdin", data=b"no")),
        progress(1.5, "no"),
        progress(float("nan"), "no"),
    )
    await executor.say(outcome(key))
    done = await stage.becomes(row, State.SUCCEEDED)
    assert (done.progress, done.progress_note) == (0.4, "half\ufffdway")
    assert [(o.seq, o.data) for o in stage.store.output(row.id, 1, -1, 100)] == [(0, b"line\n"), (1, b"\xff\x00")]


async def test_a_refused_one_goes_to_the_next_and_waits_with_the_reason_when_all_refuse(stage: Stage) -> None:
    await stage.lead()
    executors = [await stage.executor(f"executor-{n}") for n in (1, 2)]
    await stage.apply(retry={"maxAttempts": 1})
    row = await stage.run_job()
    for count in (1, 2):
        await until(lambda count=count: sum(len(e.dispatches) for e in executors) == count)  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        holder = stage.executors[stage.row(row.id).executor_id]
        await until(lambda holder=holder: holder.dispatches)  # type: ignore[misc]  # as above
        await holder.say(refusal(holder.dispatches[-1].key, "noSlot", f"{holder.name} is full"))
        await until(lambda holder=holder: holder.acknowledged)  # type: ignore[misc]  # as above
    waiting = stage.row(row.id)
    assert waiting.state is State.PENDING
    assert waiting.reason == (
        "refused by executor-1 (noSlot: executor-1 is full), executor-2 (noSlot: executor-2 is full)"
    )
    assert (waiting.attempt, waiting.placement) == (1, 2)
    await stage.pass_time(9.5)
    assert stage.row(row.id).state is State.PENDING
    await stage.pass_time(1)
    await until(lambda: sum(len(e.dispatches) for e in executors) == 3)
    assert stage.row(row.id).placement == 3


async def test_an_outcome_offered_again_is_acknowledged_without_evidence(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    key = executor.dispatches[0].key
    await executor.say(outcome(key), outcome(key))  # the second on the heels of the first
    await until(lambda: executor.acknowledged == [key, key])
    executor.held, executor.offers = [key], [outcome(key)]  # and the acknowledgement was lost
    await stage.hung_up(executor)
    await stage.attached_again(executor)
    await until(lambda: executor.acknowledged == [key, key, key])
    assert stage.row(row.id).state is State.SUCCEEDED
    assert stage.evidence() == 0


async def test_a_failure_offered_again_while_it_is_being_retried_changes_nothing(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor, retry={"maxAttempts": 3, "delay": "30s"})
    key = executor.dispatches[0].key
    await executor.say(outcome(key, "failed"))
    retrying = await stage.becomes(row, State.RETRYING)
    await until(lambda: executor.acknowledged == [key])
    await stage.pass_time(10)
    await executor.say(outcome(key, "failed"))
    await until(lambda: executor.acknowledged == [key, key])
    assert stage.row(row.id) == retrying
    await executor.say(outcome(key, "succeeded"))  # another end of the same attempt is a lie
    await until(lambda: executor.acknowledged == [key, key, key])
    assert stage.row(row.id) == retrying
    assert stage.evidence() == 1
    await stage.pass_time(20.25)
    _, second = await stage.dispatched(executor, 2)
    assert second.key.attempt == 2
    assert len(stage.store.attempts(row.id)) == 1


async def test_a_stray_outcome_is_kept_as_evidence_and_acknowledged(stage: Stage) -> None:
    await stage.lead()
    first, second = [await stage.executor(f"executor-{n}") for n in (1, 2)]
    await stage.apply(routing={"selector": "!none"})
    row = await stage.run_job()
    await until(lambda: first.dispatches or second.dispatches)
    mine, other = (first, second) if first.dispatches else (second, first)
    key = mine.dispatches[0].key

    def variant(**changes: Any) -> pb.AttemptKey:
        made = pb.AttemptKey()
        made.CopyFrom(key)
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    strays = [
        variant(attempt=2),
        variant(placement=2),
        variant(part=1),
        variant(incarnation="another"),
        variant(execution_id=str(uuid4())),
        variant(attempt=-(2**31), placement=2**31 - 1),
    ]
    await mine.say(*(outcome(stray) for stray in strays))
    await until(lambda: mine.acknowledged == strays)
    await other.say(outcome(key))  # of somebody else's attempt
    await until(lambda: other.acknowledged == [key])
    assert stage.evidence() == 7
    assert stage.row(row.id).state is State.DISPATCHED
    assert stage.metrics.refused._value.get() == 7
    await mine.say(outcome(key))
    await stage.becomes(row, State.SUCCEEDED)
    await mine.say(outcome(key, "failed"))  # late, and another one
    await until(lambda: len(mine.acknowledged) == 8)
    assert stage.evidence() == 8
    assert stage.row(row.id).state is State.SUCCEEDED


async def test_a_flood_of_strays_is_acknowledged_and_mostly_dropped(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    keys = [pb.AttemptKey(execution_id=str(uuid4()), attempt=1) for _ in range(40)]
    keys.append(pb.AttemptKey(execution_id="not an id"))
    await executor.say(*(outcome(key) for key in keys))
    await until(lambda: len(executor.acknowledged) == 41)
    assert stage.evidence() == reports_module.EVIDENCE_PER_SECOND


def _value(**fields: Any) -> struct_pb2.Value:
    return struct_pb2.Value(**fields)


NONSENSE: dict[str, dict[str, Any]] = {
    "no state": {"state": "", "ran": None},
    "another state": {"state": "running"},
    "NaN": {"result": _value(number_value=float("nan"))},
    "NaN within": {"result": _value(struct_value={"a": float("inf")})},
    "too much": {"result": _value(string_value="x" * 200_000)},
    "ages ago": {"ended_age": duration_pb2.Duration(seconds=2**62)},
    "in the future": {"ended_age": duration_pb2.Duration(seconds=-(2**62), nanos=-5)},
    "texts": {"state": "failed", "reason": "\x00" * 9000},
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=list(NONSENSE))
async def test_nonsense_ends_its_own_execution_and_nothing_else(stage: Stage, said: dict[str, Any]) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    key = executor.dispatches[0].key
    ages = report(key, started=pb.Started(age=duration_pb2.Duration(seconds=2**62)))
    await executor.say(ages, pb.Report(key=key), pb.Report(), outcome(key, **said))
    await until(lambda: stage.row(row.id).state.final)
    done = stage.row(row.id)
    assert done.state in (State.FAILED, State.SUCCEEDED)
    assert done.started is not None
    assert done.ended is not None
    assert done.dispatched is not None
    assert done.dispatched <= done.started <= done.ended
    await until(lambda: key in executor.acknowledged)
    assert not stage.reign.run.done()
    await started(stage, executor, "another")


async def test_reports_wait_while_the_writer_has_enough_to_do(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    monkeypatch.setattr("scheduler.leader.writer.LONGEST_QUEUE", 0)
    await executor.say(outcome(executor.dispatches[0].key))
    await stage.clock.advance(5)
    assert stage.row(row.id).state is State.RUNNING
    monkeypatch.setattr("scheduler.leader.writer.LONGEST_QUEUE", 10)
    await stage.clock.advance(1)
    await stage.becomes(row, State.SUCCEEDED)


async def test_an_executor_may_change_what_it_takes(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(slots=1)
    await stage.apply(concurrency={"policy": "allow"})
    for _ in range(4):
        await stage.run_job()
    await stage.dispatched(executor, 1)
    await executor.say(capacity=pb.CapacityChange(slots=2))
    await stage.dispatched(executor, 2)
    await executor.say(capacity=pb.CapacityChange(slots=10, draining=True))
    await executor.say(outcome(executor.dispatches[0].key))
    await until(lambda: executor.acknowledged)
    await stage.quiet()
    assert len(executor.dispatches) == 2
    await executor.say(capacity=pb.CapacityChange(slots=10))
    await stage.dispatched(executor, 4)


# ------------------------------------------------------------------------------------------------------ leases


async def test_a_lease_question_is_answered_and_not_while_the_leader_may_not_act(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    stage.reign.may_act = False
    await executor.say(lease=pb.LeaseQuestion(asked=1))
    await stage.clock.advance(30)
    assert executor.grants == []
    await executor.say(lease=pb.LeaseQuestion(asked=2))
    await stage.clock.advance(1)
    stage.reign.may_act = True
    await stage.clock.advance(1)
    await until(lambda: executor.grants)
    assert executor.grants in ([2], [1, 2])


# ------------------------------------------------------------------------------------------------------ cancels


async def test_a_running_one_is_cancelled_when_its_executor_confirms(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor, retry={"maxAttempts": 5})
    after = await stage.cancel(row, "no \x00 more")
    assert (after.state, after.cancelling) == (State.RUNNING, True)
    key = executor.dispatches[0].key
    await until(lambda: executor.cancels == [key])
    assert stage.row(row.id).cancelling
    await executor.say(outcome(key, "cancelled"))
    done = await stage.becomes(row, State.CANCELLED)
    assert (done.reason, done.cancelling) == ("no \ufffd more", False)


async def test_one_that_waits_is_cancelled_at_once(stage: Stage) -> None:
    await stage.lead()
    await stage.apply()
    row = await stage.run_job()
    after = await stage.cancel(row)
    assert after.state is State.CANCELLED
    assert stage.row(row.id) == after
    executor = await stage.executor()
    await stage.pass_time(1)
    assert executor.dispatches == []


async def test_a_cancel_reaches_an_executor_that_was_away(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor)
    key = executor.dispatches[0].key
    executor.held = [key]
    await stage.hung_up(executor)
    await stage.cancel(row)
    await stage.attached_again(executor)
    await until(lambda: executor.cancels == [key])


async def test_one_that_was_refused_while_it_was_cancelled_is_cancelled(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    await stage.apply()
    row = await stage.run_job()
    (dispatch,) = await stage.dispatched(executor)
    await stage.cancel(row, "enough")
    await executor.say(refusal(dispatch.key))
    done = await stage.becomes(row, State.CANCELLED)
    assert done.reason == "enough"
    await until(lambda: executor.acknowledged == [dispatch.key])


async def test_a_cancelled_one_whose_executor_is_lost_is_cancelled(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await started(stage, executor, **RERUN)
    await stage.cancel(row)
    await gone(stage, executor)
    await stage.pass_time(LOST_AFTER + 0.5)
    await stage.becomes(row, State.CANCELLED)


# ------------------------------------------------------------------------------------------ links that go wrong


async def test_an_executor_that_has_seen_a_higher_epoch_ends_the_term(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor(attached=False)
    executor.highest_epoch = "41"
    executor.hang_up()
    for _ in range(20):
        await stage.clock.advance(0.5)
        if stage.reign.run.done():
            break
    await until(stage.reign.run.done)
    with pytest.raises(SupersededByExecutor) as ended:
        stage.reign.run.result()
    assert ended.value.highest == 41


@pytest.mark.parametrize("highest", ["0", "1", "many", "-3"])
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


async def test_an_executor_that_takes_the_call_and_says_nothing_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "HELLO_TIMEOUT", 0.05)
    await stage.lead()
    executor = ScriptedExecutor("executor-1")
    stage.executors[executor.name] = executor
    executor.answers = False
    await executor.start()
    await stage.register(executor)
    await until(lambda: executor.hellos)
    executor.answers = True
    monkeypatch.setattr(link_module, "HELLO_TIMEOUT", 20.0)
    await stage.attached_again(executor)


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


async def test_dispatches_of_many_go_out_in_batches_and_none_is_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "LARGEST_BATCH", 7)
    monkeypatch.setattr(link_module, "LARGEST_MESSAGE", 600)
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
