"""Streams: who is let in, what is held, and that nothing runs twice."""

import asyncio
import functools
from pathlib import Path
from typing import Any

import grpc
import pytest

from executor.config import ExecutorConfig
from executor.service import Executor
from schedapi.errors import ApiError, from_rpc_error
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.leader import PATIENCE, Leader, Stream

SLEEP = {"shell": {"command": "echo up; exec sleep 600"}}
TRUE = {"shell": {"command": "true"}}


async def hello_error(leader: Leader, **hello: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        await leader.attach(**hello)
    return raised.value


async def test_the_welcome_says_who_this_is(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor(executor_id="worker-a", slots=3, labels={"zone": "a"}, kinds=("shell",), tasks=())
    welcome = (await (await lead(executor)).attach()).welcome
    assert (welcome.protocol, welcome.executor_id, welcome.incarnation) == (1, "worker-a", executor.incarnation)
    assert (welcome.slots, list(welcome.kinds), dict(welcome.labels)) == (3, ["shell"], {"zone": "a"})
    assert welcome.lease.seconds == 15 and not welcome.draining and not welcome.held
    assert welcome.version == "0.1.0"


async def test_another_executor_is_not_this_one(leader: Leader, executor: Executor) -> None:
    error = await hello_error(leader, executor_id="somebody")
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_EXECUTOR")
    assert error.message == f"this is executor {executor.id}, not 'somebody'"


@pytest.mark.parametrize("protocol", [0, 2, 999, -1])
async def test_an_unknown_protocol_is_refused_with_both_ranges(leader: Leader, protocol: int) -> None:
    error = await hello_error(leader, protocol=protocol)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "UNSUPPORTED_PROTOCOL")
    assert error.message == f"this executor speaks protocol 1-1, the leader {protocol}-{protocol}"


async def test_a_stale_epoch_is_refused_and_named(leader: Leader) -> None:
    await leader.attach(7)
    error = await hello_error(leader, epoch=6)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STALE_EPOCH")
    assert error.metadata == {"highest_epoch": "7"}


async def test_the_same_epoch_of_another_node_is_stale(leader: Leader) -> None:
    await leader.attach(7)
    error = await hello_error(leader, epoch=7, node_id="node-2")
    assert (error.reason, error.metadata) == ("STALE_EPOCH", {"highest_epoch": "7"})


@pytest.mark.parametrize("epoch", [0, -1])
async def test_epochs_begin_at_1(leader: Leader, epoch: int) -> None:
    assert (await hello_error(leader, epoch=epoch)).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_hello_ends_every_earlier_stream(leader: Leader) -> None:
    first = await leader.attach(1, grants=False)
    second = await leader.attach(1, grants=False)
    error = await first.wait_ended()
    assert error is not None and error.reason == "SUPERSEDED"
    third = await leader.attach(2)
    error = await second.wait_ended()
    assert error is not None and error.reason == "SUPERSEDED"
    assert (await third.outcome(await third.dispatch(TRUE))).state == "succeeded"


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([pb.LeaderMessage(epoch=1)], "BAD_MESSAGE"),
        ([pb.LeaderMessage(epoch=1, dispatches=[pb.Dispatch()])], "BAD_MESSAGE"),
    ],
)
async def test_a_stream_begins_with_a_hello(leader: Leader, messages: list[pb.LeaderMessage], reason: str) -> None:
    stream = leader.open()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        for message in messages:
            await stream._call.write(message)
        async with asyncio.timeout(PATIENCE):
            await stream._call.read()
    assert from_rpc_error(raised.value).reason == reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"epoch": 4}, "STALE_EPOCH"),
        ({"epoch": 6}, "BAD_MESSAGE"),
        ({"hello": pb.Hello(protocol=1)}, "BAD_MESSAGE"),
        ({"acknowledged": [pb.AttemptKey()]}, "BAD_MESSAGE"),
        ({"cancels": [pb.AttemptKey(execution_id="x" * 1000, attempt=1)]}, "BAD_MESSAGE"),
        ({"dispatches": [pb.Dispatch(key=pb.AttemptKey(execution_id="x"))]}, "BAD_MESSAGE"),
        ({"dispatches": [pb.Dispatch(key=pb.AttemptKey(execution_id="x", attempt=-1))]}, "BAD_MESSAGE"),
        ({"dispatches": [pb.Dispatch(key=pb.AttemptKey(execution_id="x", attempt=1, part=-1))]}, "BAD_MESSAGE"),
    ],
)
async def test_what_no_leader_says_ends_its_stream(leader: Leader, message: dict[str, Any], reason: str) -> None:
    stream = await leader.attach(5, grants=False)
    await stream.send(**message)
    error = await stream.wait_ended()
    assert error is not None and error.reason == reason
    again = await leader.attach(5)
    assert (await again.outcome(await again.dispatch(TRUE))).state == "succeeded"


async def test_garbage_ends_its_stream_and_nothing_else(stream: Stream, executor: Executor) -> None:
    async with grpc.aio.insecure_channel(executor.address) as channel:
        attach: Any = channel.stream_stream
        call = attach("/schedapi.v1.ExecutorService/Attach")()
        await call.write(b"\xff\xff\xff")
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await call.read()
    assert from_rpc_error(raised.value).reason == "BAD_MESSAGE"
    assert (await stream.outcome(await stream.dispatch(TRUE))).state == "succeeded"


async def test_a_lease_answer_to_no_question_of_ours_says_nothing(stream: Stream) -> None:
    await stream.send(lease=pb.LeaseGrant(asked=2**62))
    await stream.send(lease=pb.LeaseGrant(asked=-1))
    assert (await stream.outcome(await stream.dispatch(TRUE))).state == "succeeded"


async def test_a_question_whether_it_hears_is_given_back(stream: Stream) -> None:
    for count, asked in enumerate((5, 0, -1, 2**62), start=1):
        await stream.send(reach=pb.ReachQuestion(asked=asked))
        await stream.wait_for(functools.partial(_so_many, stream.answered, count), f"the answer to {asked}")
    assert stream.answered == [5, 0, -1, 2**62]


def _so_many(values: list[int], count: int) -> bool:
    return len(values) >= count


async def test_the_same_dispatch_many_times_is_one_run(stream: Stream, tmp_path: Path) -> None:
    key = stream.key()
    order = stream.order({"shell": {"command": f"echo ran >> {tmp_path}/runs"}}, key)
    for _ in range(25):
        await stream.send(dispatches=[order, order])
    await stream.outcome(key)
    await stream.send(dispatches=[order])
    await stream.acknowledge(key)
    await stream.send(dispatches=[order])  # late: it was acknowledged
    await stream.outcome(await stream.dispatch(TRUE))
    assert (tmp_path / "runs").read_text() == "ran\n"
    assert len(stream.find(key, "outcome")) == 1 and not stream.find(key, "refused")


async def test_what_is_unacknowledged_is_held_and_offered_again(leader: Leader) -> None:
    first = await leader.attach(1)
    ended, acknowledged, refused = await first.shell("echo done; exit 3"), await first.dispatch(TRUE), first.key()
    await first.dispatch({"python": {"callable": "no-such"}}, key=refused)
    running = await first.dispatch(SLEEP)
    await first.wait_output(running, b"up")
    for key in (ended, acknowledged):
        await first.outcome(key)
    await first.refused(refused)
    await first.acknowledge(acknowledged)
    await first.outcome(await first.dispatch(TRUE, key=(last := first.key())))

    second = await leader.attach(2)
    assert {key.execution_id for key in second.held} == {k.execution_id for k in (ended, refused, running, last)}
    outcome = await second.outcome(ended)
    assert (outcome.exit_code, second.output(ended)) == (3, b"done\n")
    assert (await second.refused(refused)).reason == "unknownTask"
    assert (await second.started(running)).HasField("age")
    assert await second.wait_output(running, b"up") == b"up\n"
    assert not second.find(acknowledged, "outcome")

    await second.acknowledge(ended, refused, last)
    await second.send(cancels=[running])
    assert (await second.outcome(running)).state == "cancelled"
    await second.acknowledge(running)
    await second.outcome(await second.dispatch(TRUE, key=(probe := second.key())))
    assert [key.execution_id for key in (await leader.attach(3)).held] == [probe.execution_id]


async def test_what_happens_while_nobody_is_attached_is_told_to_the_next(leader: Leader, tmp_path: Path) -> None:
    go = tmp_path / "go"
    first = await leader.attach(1)
    key = await first.shell(f"echo begin; until [ -e {go} ]; do sleep 0.02; done; echo end", timeout=60)
    await first.wait_output(key, b"begin")
    await first.close()
    go.touch()
    second = await leader.attach(2)
    assert (await second.outcome(key)).state == "succeeded"
    assert second.output(key) == b"begin\nend\n"


async def test_ages_are_those_of_the_sending(leader: Leader) -> None:
    first = await leader.attach(1)
    key = await first.dispatch(TRUE)
    early = await first.outcome(key)
    late = await (await leader.attach(2)).outcome(key)
    assert late.ran == early.ran
    assert late.ended_age.ToNanoseconds() > early.ended_age.ToNanoseconds() >= 0


async def test_another_incarnation_is_refused(stream: Stream, leader: Leader) -> None:
    key = await stream.dispatch(TRUE, key=stream.key(incarnation="of-yesterday"))
    refused = await stream.refused(key)
    assert refused.reason == "wrongIncarnation"
    assert (await leader.attach(2)).held == []


async def test_of_one_execution_one_attempt_runs(stream: Stream) -> None:
    first = await stream.dispatch(SLEEP, key=stream.key(execution_id="e", attempt=1, placement=2))
    await stream.started(first)
    for attempt, placement in ((1, 3), (2, 1)):
        later = stream.key(execution_id="e", attempt=attempt, placement=placement)
        refused = await stream.refused(await stream.dispatch(SLEEP, key=later))
        assert (refused.reason, refused.message) == ("noSlot", "attempt 1, placement 2 of it still runs here")
    await stream.send(cancels=[first])
    await stream.outcome(first)
    next_one = await stream.dispatch(TRUE, key=stream.key(execution_id="e", attempt=2, placement=2))
    assert (await stream.outcome(next_one)).state == "succeeded"
    stray = await stream.dispatch(TRUE, key=stream.key(execution_id="e", attempt=1, placement=1))
    assert (await stream.refused(stray)).message == "attempt 2, placement 2 of it was here already"


async def test_parts_of_one_execution_are_apart(stream: Stream) -> None:
    keys = [stream.key(execution_id="e", part=part) for part in range(2)]
    for key in keys:
        await stream.dispatch(SLEEP, key=key)
        await stream.started(key)


async def test_no_more_run_than_there_are_slots(start_executor: StartExecutor, lead: Lead) -> None:
    stream = await (await lead(await start_executor(slots=2))).attach()
    running = [await stream.dispatch(SLEEP) for _ in range(2)]
    refused = await stream.refused(await stream.dispatch(TRUE))
    assert (refused.reason, refused.message) == ("noSlot", "all 2 slots are taken")
    await stream.send(cancels=running[:1])
    await stream.outcome(running[0])
    assert (await stream.outcome(await stream.dispatch(TRUE))).state == "succeeded"


async def test_kinds_that_are_not_accepted(start_executor: StartExecutor, lead: Lead) -> None:
    stream = await (await lead(await start_executor(kinds=("python",)))).attach()
    refused = await stream.refused(await stream.dispatch(TRUE))
    assert (refused.reason, refused.message) == ("unknownKind", "kind 'shell' is not accepted here (python are)")
    refused = await stream.refused(await stream.dispatch({}))
    assert refused.reason == "unknownKind"


@pytest.mark.parametrize(
    ("dispatch", "message"),
    [
        ({"timeout": 0.0}, "timeout 0 s is not above 0"),
        ({"timeout": -1.0}, "timeout -1 s is not above 0"),
        ({"scheduled_time_ms": 253_402_300_800_000}, "scheduled time 253402300800000 ms is no time"),
        ({"scheduled_time_ms": 2**62}, "scheduled time 4611686018427387904 ms is no time"),
    ],
)
async def test_a_dispatch_that_makes_no_sense(stream: Stream, dispatch: dict[str, Any], message: str) -> None:
    refused = await stream.refused(await stream.dispatch(TRUE, **dispatch))
    assert (refused.reason, refused.message) == ("badTask", message)


async def test_a_leader_that_acknowledges_nothing_is_stopped(leader: Leader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.outbox.MOST_REPORTS", 5)
    stream = await leader.attach()
    keys = [stream.key() for _ in range(6)]
    for key in keys[:5]:
        await stream.outcome(await stream.dispatch(TRUE, key=key))
    await stream.dispatch(TRUE, key=keys[5])
    error = await stream.wait_ended()
    assert error is not None and error.reason == "TOO_MUCH_HELD"
    again = await leader.attach()
    assert {key.execution_id for key in again.held} == {key.execution_id for key in keys[:5]}
    await again.acknowledge(*again.held)
    assert (await again.outcome(await again.dispatch(TRUE, key=again.key()))).state == "succeeded"


async def test_a_leader_that_does_not_read_holds_up_nobody(leader: Leader, executor: Executor) -> None:
    deaf = leader.open(1)
    hello = pb.Hello(protocol=1, node_id="node-1", executor_id=executor.id)
    await deaf._call.write(pb.LeaderMessage(epoch=1, hello=hello))
    await deaf._call.read()
    for number in range(40):
        key = deaf.key(execution_id=f"loud-{number}", incarnation=executor.incarnation)
        order = deaf.order({"shell": {"command": "head -c 65000 /dev/zero"}}, key)
        await deaf._call.write(pb.LeaderMessage(epoch=1, dispatches=[order]))
    stream = await leader.attach(2)
    assert (await stream.outcome(await stream.dispatch(TRUE))).state == "succeeded"


async def test_a_large_batch_of_outcomes_comes_whole(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor(slots=64)
    leader = await lead(executor)
    first = await leader.attach()
    keys = [first.key() for _ in range(64)]
    loud = {"shell": {"command": "head -c 60000 /dev/zero"}}
    await first.send(dispatches=[first.order(loud, key) for key in keys])
    for key in keys:
        await first.outcome(key)
    second = await leader.attach()
    for key in keys:
        assert (await second.outcome(key)).state == "succeeded"
        assert len(second.output(key)) == 60000


async def test_the_epoch_and_the_id_outlive_a_restart(
    start_executor: StartExecutor, lead: Lead, tmp_path: Path
) -> None:
    first = await start_executor(data=tmp_path)
    await (await lead(first)).attach(9)
    first.hurry()
    await first.stop(0)
    second = await start_executor(data=tmp_path)
    assert second.id == first.id and second.incarnation != first.incarnation
    leader = await lead(second)
    assert (await hello_error(leader, epoch=8)).metadata == {"highest_epoch": "9"}
    assert (await hello_error(leader, epoch=9, node_id="node-2")).reason == "STALE_EPOCH"
    await leader.attach(9)


async def test_an_epoch_that_cannot_be_recorded_lets_nobody_in(
    start_executor: StartExecutor, lead: Lead, tmp_path: Path
) -> None:
    executor = await start_executor(data=tmp_path / "data")
    (tmp_path / "data").rename(tmp_path / "gone")
    error = await hello_error(await lead(executor))
    assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "CANNOT_RECORD")
    (tmp_path / "gone").rename(tmp_path / "data")
    await (await lead(executor)).attach()


def test_each_process_is_another_incarnation() -> None:
    assert ExecutorConfig().incarnation != ExecutorConfig().incarnation


async def test_outcomes_of_earlier_incarnations_are_held_and_offered(
    start_executor: StartExecutor, lead: Lead, tmp_path: Path
) -> None:
    first = await start_executor(data=tmp_path)
    stream = await (await lead(first)).attach()
    key, acknowledged, refused = await stream.shell("echo out; exit 3"), await stream.dispatch(TRUE), stream.key()
    await stream.dispatch({"python": {"callable": "no-such"}}, key=refused)
    for each in (key, acknowledged):
        await stream.outcome(each)
    await stream.refused(refused)
    await stream.acknowledge(acknowledged)
    await stream.outcome(await stream.dispatch(TRUE, key=(last := stream.key())))  # the acknowledgement was read
    await stream.acknowledge(last)
    first.hurry()
    await first.stop(0)

    second = await start_executor(data=tmp_path, vouched=("a", first.incarnation))
    leader = await lead(second)
    stream = await leader.attach(2)
    # whether the last acknowledgement was read before the stop is nobody's promise
    assert [each for each in stream.held if each != last] == [key]
    assert list(stream.welcome.vouched) == ["a", first.incarnation]
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code, stream.output(key)) == ("failed", 3, b"out\n")
    later = stream.key(execution_id=key.execution_id, attempt=2)
    assert (await stream.outcome(await stream.dispatch(TRUE, key=later))).state == "succeeded"
    await stream.acknowledge(key, later)
    await stream.outcome(await stream.dispatch(TRUE, key=(probe := stream.key())))
    assert (await leader.attach(3)).held == [probe]


async def test_without_a_guardian_nobody_is_vouched_for(leader: Leader) -> None:
    assert not (await leader.attach()).welcome.vouched


async def test_work_is_refused_while_too_many_outcomes_wait(leader: Leader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.outbox.CROWDED_REPORTS", 2)
    stream = await leader.attach()
    keys = [await stream.dispatch(TRUE) for _ in range(2)]
    for key in keys:
        await stream.outcome(key)
    refused_key = await stream.dispatch(TRUE)
    refused = await stream.refused(refused_key)
    assert (refused.reason, refused.message) == ("tooMuchHeld", "2 outcomes wait here to be acknowledged")
    await stream.acknowledge(*keys, refused_key)
    assert (await stream.outcome(await stream.dispatch(TRUE))).state == "succeeded"


async def test_what_a_later_epoch_sends_anew_runs_although_it_was_acknowledged(leader: Leader) -> None:
    """Its store went back, or it would not be sent. Within one epoch it is a duplicate."""
    first = await leader.attach(5)
    key = await first.dispatch(TRUE)
    assert (await first.outcome(key)).state == "succeeded"
    await first.acknowledge(key)
    await first.dispatch(TRUE, key=key)
    other = await first.dispatch(TRUE)
    await first.outcome(other)  # behind the duplicate, of which nothing came
    later = await leader.attach(6)
    await later.dispatch(TRUE, key=key)
    assert (await later.outcome(key)).state == "succeeded"
