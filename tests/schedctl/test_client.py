"""The client: which node it asks, what it asks again, and the errors it gets, with details, over the wire."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import grpc
import pytest

from schedapi import client as module
from schedapi.client import Client, parse_endpoints
from schedapi.errors import (
    LARGEST_STATUS,
    ApiError,
    Conflict,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Violation,
    abort,
    from_rpc_error,
    to_status,
)
from schedapi.v1 import execution_service_pb2, job_pb2, job_service_pb2
from tests.rig.ports import free_port
from tests.schedctl.service import NO_LEADER, Service

CANCELLED = grpc.StatusCode.CANCELLED
GET = job_service_pb2.GetJobRequest(namespace="default", name="nightly")


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    service.jobs["default", "nightly"] = job_pb2.Job(metadata=job_pb2.Metadata(name="nightly"))
    with Client([service.endpoint]) as client:
        yield client


def test_a_write_is_tried_again_with_the_same_request_id_while_there_is_no_leader(
    client: Client, service: Service
) -> None:
    service.failures = [NO_LEADER, NO_LEADER]
    request = job_service_pb2.PauseJobRequest(namespace="default", name="nightly")
    assert client.unary("JobService/Pause", request, job_pb2.Job).status.state == "paused"
    assert len(service.requests) == 3
    assert len({each.request_id for each in service.requests}) == 1
    assert len(request.request_id) == 36


def test_patience_ends(client: Client, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", timedelta(seconds=0.5))
    service.failures = [NO_LEADER] * 100
    with pytest.raises(Unavailable) as raised:
        client.unary("JobService/Get", GET, job_pb2.Job)
    assert (raised.value.reason, raised.value.answered) == ("NO_LEADER", True)
    assert len(service.requests) > 1


def test_other_errors_are_not_tried_again(client: Client, service: Service) -> None:
    service.failures = [Conflict("stale")]
    with pytest.raises(Conflict):
        client.unary("JobService/Get", GET, job_pb2.Job)
    assert len(service.requests) == 1


def test_the_next_endpoint_is_asked_and_then_remembered(service: Service) -> None:
    service.jobs["default", "nightly"] = job_pb2.Job()
    dead = f"127.0.0.1:{free_port()}"
    with Client([dead, service.endpoint]) as client:
        client.unary("JobService/Get", GET, job_pb2.Job)
        assert client._endpoints == [service.endpoint, dead]
    with (
        Client([dead, dead.replace("127.0.0.1", "localhost")]) as client,
        pytest.raises(Unavailable) as raised,
    ):
        client.unary("JobService/Get", GET, job_pb2.Job)
    assert raised.value.reason == "UNREACHABLE"
    assert "connection refused; localhost" in str(raised.value)


@pytest.fixture
def ending() -> Iterator[str]:
    """A server that takes every call and drops it, as one does that is just ending."""

    class Drops(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs alone
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
            return grpc.unary_unary_rpc_method_handler(lambda request, context: context.abort(CANCELLED, ""))

    server = grpc.server(ThreadPoolExecutor(1), handlers=[Drops()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


def test_a_call_that_an_ending_node_drops_goes_to_the_next_one(ending: str, service: Service) -> None:
    service.jobs["default", "nightly"] = job_pb2.Job()
    with Client([ending, service.endpoint]) as client:
        client.unary("JobService/Get", GET, job_pb2.Job)
    assert len(service.requests) == 1


def test_a_node_that_dies_during_a_write_leaves_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    with Service() as service, Client([service.endpoint]) as client:
        service.jobs["default", "nightly"] = job_pb2.Job()
        service.lasts = 30
        request = job_service_pb2.RunJobRequest(namespace="default", name="nightly", wait=True)
        failed: list[ApiError] = []

        def call() -> None:
            try:
                client.unary("JobService/Run", request, job_service_pb2.RunJobResponse)
            except ApiError as error:
                failed.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        while not service.requests:
            threading.Event().wait(0.01)
        service._server.stop(None).wait()
        thread.join(20)
    assert failed[0].reason == "UNREACHABLE"
    assert "whether the call was carried out is not known" in str(failed[0])


def test_a_server_that_does_not_speak_grpc_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", timedelta(seconds=0.3))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with (
            Client([f"127.0.0.1:{listener.getsockname()[1]}"]) as client,
            pytest.raises(Unavailable) as raised,
        ):
            client.unary("JobService/Get", GET, job_pb2.Job)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)
    assert not raised.value.answered
    assert "\n" not in str(raised.value)


def test_a_deadline_is_kept(client: Client, service: Service) -> None:
    service.lasts = 30
    request = job_service_pb2.RunJobRequest(namespace="default", name="nightly", wait=True)
    with pytest.raises(DeadlineExceeded):
        client.unary("JobService/Run", request, job_service_pb2.RunJobResponse, timeout=timedelta(milliseconds=200))


def test_a_stream_is_tried_again_until_it_has_begun(client: Client, service: Service) -> None:
    execution = service.execute(service.jobs["default", "nightly"], "running")
    service.failures = [NO_LEADER]
    request = execution_service_pb2.LogsRequest(id=execution.id)
    chunks = client.stream("ExecutionService/Logs", request, execution_service_pb2.LogChunk)
    assert [each.data for each in chunks] == [b"one\n", b"two\n"]
    with pytest.raises(DeadlineExceeded):
        follow = execution_service_pb2.LogsRequest(id=execution.id, follow=True)
        answer = execution_service_pb2.LogChunk
        list(client.stream("ExecutionService/Logs", follow, answer, timeout=timedelta(milliseconds=300)))
    with pytest.raises(NotFound):
        unknown = execution_service_pb2.LogsRequest(id="0193a000-0000-8000-8000-000000000099")
        list(client.stream("ExecutionService/Logs", unknown, execution_service_pb2.LogChunk))


def test_details_survive_the_wire(client: Client, service: Service) -> None:
    sent = ResourceExhausted(
        "too often",
        reason="QUOTA",
        violations=[Violation(field="jobs[0].spec", description="is odd \u2014 very")],
        metadata={"limit": "10"},
        retry_after=timedelta(seconds=1.5),
    )
    service.failures = [sent]
    with pytest.raises(ResourceExhausted) as raised:
        client.unary("JobService/Get", GET, job_pb2.Job)
    got = raised.value
    assert (got.message, got.reason, got.violations, got.metadata, got.retry_after, got.answered) == (
        sent.message,
        sent.reason,
        sent.violations,
        sent.metadata,
        sent.retry_after,
        True,
    )


def test_more_violations_than_a_header_holds_are_counted(client: Client, service: Service) -> None:
    many = [Violation(field=f"jobs[{i}].spec.timeout", description="x" * 1000) for i in range(1000)]
    error = InvalidArgument("m" * 10_000, violations=many, metadata={"k": "v" * 10_000})
    assert to_status(error).ByteSize() <= LARGEST_STATUS
    service.failures = [error]
    with pytest.raises(InvalidArgument) as raised:
        client.unary("JobService/Get", GET, job_pb2.Job)
    kept = raised.value.violations
    assert 2 < len(kept) < 1000
    assert kept[0].field == "jobs[0].spec.timeout"
    assert kept[-1] == Violation(field="", description=f"and {1000 - len(kept) + 1} more")


def _same(content: bytes) -> bytes:
    return content


@pytest.fixture
async def endpoint() -> AsyncIterator[str]:
    """A server on asyncio, as nodes and executors are."""

    async def refuse(request: Any, context: Any) -> Any:
        await abort(context, FailedPrecondition("old", reason="STALE_EPOCH", metadata={"highest_epoch": "8"}))

    async def plainly(request: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, "plainly")

    server = grpc.aio.server()
    methods = {
        "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
        "Plainly": grpc.unary_unary_rpc_method_handler(plainly),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", methods)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def test_details_survive_between_asyncio_peers(endpoint: str) -> None:
    async with grpc.aio.insecure_channel(endpoint) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            await channel.unary_unary("/test/Refuse", _same, _same)(b"")
        found = from_rpc_error(raised.value)
        assert isinstance(found, FailedPrecondition)
        assert (found.reason, found.metadata) == ("STALE_EPOCH", {"highest_epoch": "8"})
        with pytest.raises(grpc.RpcError) as raised:
            await channel.unary_unary("/test/Plainly", _same, _same)(b"")
        found = from_rpc_error(raised.value)
        assert (found.code, found.reason, found.answered) == (
            grpc.StatusCode.OUT_OF_RANGE,
            "OUT_OF_RANGE",
            False,
        )


def test_endpoints_are_checked() -> None:
    assert parse_endpoints("a:1, [::1]:2") == ("a:1", "[::1]:2")
    for bad in ("", "a", "a:", ":1", "a:0", "a:70000", "a:1,", "a:\u0661"):
        with pytest.raises(ValueError, match="is not HOST:PORT"):
            parse_endpoints(bad)
