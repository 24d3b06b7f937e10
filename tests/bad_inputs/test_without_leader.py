"""A node whose leader is nowhere: bad input is told all the same, writes are refused, reads are answered."""

from collections.abc import AsyncIterator

import grpc
import pytest

from cronquorum.clock import SystemClock
from cronquorum.coordination import Member
from cronquorum.coordination.inprocess import InProcessCoordinator
from jobstore.opening import open_store
from jobstore.schema import upgrade
from schedapi.errors import ApiError, from_rpc_error
from schedapi.v1 import cluster_service_pb2 as cs
from schedapi.v1 import execution_service_pb2 as es
from schedapi.v1 import job_service_pb2 as js
from scheduler.node import Node, NodeConfig
from tests.bad_inputs.house import apply, job
from tests.rig.ports import free_port


@pytest.fixture
def leader() -> str:
    """Where the leader is said to be, and nobody is."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def channel(leader: str) -> AsyncIterator[grpc.aio.Channel]:
    """To a node that stands in line behind somebody who does not answer."""
    line = InProcessCoordinator()
    await line.start()
    await line.stand(Member(id="gone", incarnation="life", address=leader))
    store = open_store("sqlite://")
    upgrade(store)
    node = Node(
        NodeConfig(node_id="here", listen="127.0.0.1:0"), store, InProcessCoordinator(beside=line), SystemClock()
    )
    await node.start()
    async with grpc.aio.insecure_channel(node.address) as channel:
        yield channel
    await node.stop()
    await line.close()
    store.close()


async def refusal(channel: grpc.aio.Channel, method: str, request: object) -> ApiError:
    call = channel.unary_unary(f"/schedapi.v1.{method}", type(request).SerializeToString, None)  # type: ignore[attr-defined]  # a message
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(request, timeout=20)
    return from_rpc_error(raised.value)


async def read(channel: grpc.aio.Channel, method: str) -> bytes:
    answer: bytes = await channel.unary_unary(f"/schedapi.v1.{method}", None, None)(b"", timeout=20)
    return answer


async def test_what_is_wrong_is_told_without_a_leader(channel: grpc.aio.Channel) -> None:
    told = await refusal(channel, "JobService/Apply", apply(job(cron="0 0 25 * * ?")))
    assert (told.code.name, [each.field for each in told.violations]) == (
        "INVALID_ARGUMENT",
        ["jobs[0].spec.triggers[0].cron"],
    )
    bad_run = js.RunJobRequest(request_id="bad", name="a/b")
    assert (await refusal(channel, "JobService/Run", bad_run)).code.name == "INVALID_ARGUMENT"
    bad_id = es.CancelExecutionRequest(request_id="bad", id="x")
    assert (await refusal(channel, "ExecutionService/Cancel", bad_id)).code.name == "INVALID_ARGUMENT"


async def test_writes_say_who_leads_and_that_nobody_answers_there(channel: grpc.aio.Channel, leader: str) -> None:
    for method, request in {
        "JobService/Apply": apply(job()),
        "JobService/Run": js.RunJobRequest(request_id="bad", name="base"),
        "JobService/Delete": js.DeleteJobRequest(request_id="bad", name="base"),
        "ClusterService/Executors": cs.ExecutorsRequest(),
    }.items():
        told = await refusal(channel, method, request)
        assert (told.code.name, told.reason) == ("UNAVAILABLE", "NO_LEADER")
        assert told.message == f"the leader (gone at {leader}) cannot be reached"
        assert told.retry_after is not None
    watch = channel.unary_stream("/schedapi.v1.ExecutionService/Watch", None, None)
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        async for _ in watch(b"", timeout=20):
            pass
    assert from_rpc_error(raised.value).message == f"the leader (gone at {leader}) cannot be reached"


async def test_reads_are_answered_without_a_leader(channel: grpc.aio.Channel) -> None:
    listed = await read(channel, "JobService/List")
    assert listed == b""
    status = cs.ClusterStatus.FromString(await read(channel, "ClusterService/Status"))
    assert not status.HasField("leader")
    assert [node.node_id for node in status.nodes] == ["here"]
