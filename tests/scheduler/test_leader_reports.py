"""What executors say, and what they get wrong."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import duration_pb2, struct_pb2

from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader import reports as reports_module
from tests.scheduler.fake_clock import until
from tests.scheduler.scripted_executor import outcome, refusal, report
from tests.scheduler.stage import Stage


async def test_progress_and_output_are_on_the_record(stage: Stage) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
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


@pytest.mark.parametrize("said, delayed", [(500.1, 0.2), (float("nan"), 0.0), (None, 0.0)])
async def test_what_is_late_to_be_taken_in_is_dated_by_when_it_was_sent(
    stage: Stage, said: float | None, delayed: float
) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
    key = executor.dispatches[0].key
    progress = pb.ProgressReport()
    progress.progress.fraction = 0.5
    await executor.say(report(key, progress=progress), clock=500.0)
    await until(lambda: stage.row(row.id).progress == 0.5)
    await stage.pass_time(0.3)
    await executor.say(outcome(key), clock=said)
    done = await stage.becomes(row, State.SUCCEEDED)
    assert done.ended == stage.clock.now() - timedelta(seconds=delayed)


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
    row = await stage.started(executor)
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
    row = await stage.started(executor, retry={"maxAttempts": 3, "delay": "30s"})
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
    assert stage.metrics.refused[""] == 7
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
    row = await stage.started(executor)
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
    await stage.started(executor, "another")


async def test_reports_wait_while_the_writer_has_enough_to_do(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.lead()
    executor = await stage.executor()
    row = await stage.started(executor)
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


async def test_a_lease_question_is_answered(stage: Stage) -> None:
    """Also while the leader may not act: tests/scheduler/test_leader_attaching.py has what that takes."""
    await stage.lead()
    executor = await stage.executor()
    await executor.say(lease=pb.LeaseQuestion(asked=1))
    await until(lambda: executor.grants == [1])
