"""Every method of the API has its roles, and is refused to all others, at every server."""

import json
import re
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from cronquorum.roles import Role
from schedapi.errors import from_rpc_error
from schedapi.guard import FORWARDED
from schedapi.permissions import RULES, allowed
from schedapi.v1 import (
    calendar_service_pb2,
    cluster_service_pb2,
    execution_service_pb2,
    executor_service_pb2,
    job_pb2,
    job_service_pb2,
)
from tests.tls.making import Pki, dial_options
from tests.tls.serving import running_executor, running_node

ROOT = Path(__file__).parents[2]
FILES = (
    calendar_service_pb2,
    cluster_service_pb2,
    execution_service_pb2,
    executor_service_pb2,
    job_service_pb2,
    health_pb2,
    reflection_pb2,
)
METHODS = {
    f"/{service.full_name}/{method.name}": method
    for file in FILES
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}
EXECUTORS = "/schedapi.v1.ExecutorService/"

CLIENT, VIEWER, SCHEDULER, EXECUTOR = Role.CLIENT, Role.VIEWER, Role.SCHEDULER, Role.EXECUTOR
WRITES = {
    *("JobService/Apply", "JobService/Delete", "JobService/Pause", "JobService/Resume", "JobService/Run"),
    *("CalendarService/Delete", "ExecutionService/Cancel", "ClusterService/Release"),
}
READS = {
    *("JobService/Get", "JobService/List", "JobService/NextFires", "CalendarService/Get", "CalendarService/List"),
    *("ExecutionService/Get", "ExecutionService/List", "ExecutionService/Watch", "ExecutionService/Logs"),
    *("ClusterService/Status", "ClusterService/Executors"),
}


# --------------------------------------------------------------------------------------------------- the table


def test_every_method_of_the_contract_has_a_rule_and_no_other_has() -> None:
    services = {path.stem for path in (ROOT / "proto/schedapi/v1").glob("*_service.proto")}
    assert services == {Path(file.DESCRIPTOR.name).stem for file in FILES[:5]}  # a new file stands in FILES, too
    ruled = {f"/{service}/{name}" for service, rules in RULES.items() for name in rules}
    assert ruled == set(METHODS)
    assert all(allowed(method) for method in METHODS)


def test_the_rules_are_these() -> None:
    for method in METHODS:
        short = method.removeprefix("/schedapi.v1.")
        nodes = {SCHEDULER} & allowed(method)
        if short in WRITES:
            assert allowed(method) == {CLIENT} | nodes, method
        elif short in READS:
            assert allowed(method) == {CLIENT, VIEWER} | nodes, method
        elif short == "ExecutorService/Attach":
            assert allowed(method) == {SCHEDULER}
        else:
            assert method.startswith("/grpc.")
            assert allowed(method) == set(Role)
    assert not WRITES & READS


def test_nodes_may_call_of_each_other_what_they_pass_on_and_nothing_else() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "scheduler" / "api").glob("*.py"))
    passed_on = set(re.findall(r'_door\.forward\w*\(\s*context,\s*"(\w+/\w+)"', sources))
    assert passed_on
    assert len(passed_on) == len(re.findall(r"_door\.forward\w*\(", sources))
    api = WRITES | READS
    assert {method for method in api if SCHEDULER in allowed(f"/schedapi.v1.{method}")} == passed_on


def test_what_is_unknown_is_allowed_to_nobody() -> None:
    for method in ("", "/", "/schedapi.v1.JobService/Purge", "/x.Y/Apply", "schedapi.v1.JobService"):
        assert allowed(method) == frozenset()


# ------------------------------------------------------------------------------------------------- the servers


async def call(
    channel: grpc.aio.Channel,
    method: str,
    request: Message | None = None,
    *metadata: tuple[str, str],
    seconds: float = 20,
) -> str:
    """Make a call of any kind; returns the word of its status, and the details of a refusal."""
    kind = METHODS[method]
    request = request or GetMessageClass(kind.input_type)()
    read = GetMessageClass(kind.output_type).FromString
    arity = f"{'stream' if kind.client_streaming else 'unary'}_{'stream' if kind.server_streaming else 'unary'}"
    made: Any = getattr(channel, arity)(method, type(request).SerializeToString, read)
    try:
        if kind.client_streaming:
            stream = made(timeout=20, metadata=metadata)
            await stream.write(request)
            await stream.read()
            stream.cancel()
        elif kind.server_streaming:
            stream = made(request, timeout=seconds, metadata=metadata)
            await stream.read()
            stream.cancel()
        else:
            await made(request, timeout=20, metadata=metadata)
    except (grpc.aio.AioRpcError, grpc.aio.UsageError, grpc.aio.InternalError) as error:
        assert isinstance(error, grpc.aio.AioRpcError)
        return f"{error.code().name}: {error.details()}"
    return "OK"


@pytest.mark.parametrize("role", Role)
async def test_each_server_refuses_exactly_what_the_table_says(role: Role, pki: Pki) -> None:
    for running, server in ((running_node, SCHEDULER), (running_executor, EXECUTOR)):
        async with running(pki.files(server)) as address:
            credentials, options = dial_options(pki.files(role), server)
            async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
                for method in METHODS:
                    if method.startswith(EXECUTORS) != (server is EXECUTOR):
                        continue
                    if method.startswith("/grpc.health") and method.endswith("/List"):
                        continue  # not served by this library's asyncio version
                    # whoever may watch waits for something to happen, and nothing does
                    watching = method.endswith("ExecutionService/Watch") and role in allowed(method)
                    said = await call(channel, method, seconds=0.5 if watching else 20)
                    if role in allowed(method):
                        assert not said.startswith("PERMISSION_DENIED"), (method, said)
                    else:
                        assert said.startswith(f"PERMISSION_DENIED: {method.rpartition('.')[2]} needs the role "), said
                        assert said.endswith(f", and the certificate says {role.word}")


async def test_no_role_gets_nothing_and_two_get_both(pki: Pki) -> None:
    health = "/grpc.health.v1.Health/Check"
    async with running_node(pki.files(SCHEDULER)) as address:
        for names, method, expected in (
            (
                (),
                health,
                "PERMISSION_DENIED: Health/Check needs the role client or executor or scheduler or viewer, and",
            ),
            (("example.org",), health, "PERMISSION_DENIED"),
            (("viewer.cronquorum", "client.cronquorum"), "/schedapi.v1.JobService/Apply", "INVALID_ARGUMENT"),
        ):
            credentials, options = dial_options(pki.foreign(names), SCHEDULER)
            async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
                assert (await call(channel, method)).startswith(expected)


async def test_a_call_that_claims_to_be_passed_on_is_taken_from_nodes_only(pki: Pki) -> None:
    method, mark = "/schedapi.v1.ClusterService/Status", (FORWARDED, "1")
    async with running_node(pki.files(SCHEDULER)) as address:
        for role, expected in ((CLIENT, "PERMISSION_DENIED"), (VIEWER, "PERMISSION_DENIED"), (SCHEDULER, "OK")):
            credentials, options = dial_options(pki.files(role), SCHEDULER)
            async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
                assert (await call(channel, method, None, mark)).startswith(expected)


async def test_a_refusal_is_put_on_record_with_who_and_what(pki: Pki, capsys: pytest.CaptureFixture[str]) -> None:
    from cronquorum import logs

    jobs = [job_pb2.Job(metadata=job_pb2.Metadata(namespace="ops", name=f"job-{n}")) for n in range(12)]
    jobs[0].metadata.name = "x" * 1000
    async with running_node(pki.files(SCHEDULER)) as address:
        credentials, options = dial_options(pki.files(VIEWER, dns=["alice.example.org"]), SCHEDULER)
        async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
            logs.configure()
            asked = job_service_pb2.DeleteJobRequest(namespace="ops", name="backup")
            refused = await call(channel, "/schedapi.v1.JobService/Delete", asked)
            assert refused.startswith(
                "PERMISSION_DENIED: JobService/Delete needs the role client or scheduler, and the"
            )
            await call(channel, "/schedapi.v1.JobService/Apply", job_service_pb2.ApplyRequest(jobs=jobs))
            await call(
                channel, "/schedapi.v1.ExecutionService/Cancel", execution_service_pb2.CancelExecutionRequest(id="i")
            )
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if "refused" in line]
    first, second, third = lines
    assert {key: first[key] for key in ("level", "method", "peer_names", "peer_common_name", "named")} == {
        "level": "warning",
        "method": "/schedapi.v1.JobService/Delete",
        "peer_names": ["viewer.cronquorum", "alice.example.org"],
        "peer_common_name": "viewer",
        "named": ["ops/backup"],
    }
    assert first["peer"].startswith("ipv4:127.0.0.1:")
    assert second["named"] == ["ops/" + "x" * 128, *(f"ops/job-{n}" for n in range(1, 10))]
    assert third["named"] == ["i"]


async def test_the_reason_reaches_a_client(pki: Pki) -> None:
    async with running_executor(pki.files(EXECUTOR)) as address:
        credentials, options = dial_options(pki.files(CLIENT), EXECUTOR)
        async with grpc.aio.secure_channel(address, credentials, options=options) as channel:
            make: Any = channel.stream_stream
            message, answer = executor_service_pb2.LeaderMessage, executor_service_pb2.ExecutorMessage
            stream = make(f"{EXECUTORS}Attach", message.SerializeToString, answer.FromString)()
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stream.read()
    error = from_rpc_error(raised.value)
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE")
