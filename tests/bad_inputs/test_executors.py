"""Executors that are none, and tasks that nobody may run: others' work goes on.

What a registered executor may lie about, report by report, is in `tests/scheduler/test_leader_executors.py`;
what a leader may say to an executor, in `tests/executor/test_attach.py`; single records, in
`tests/contract/test_coordination_zookeeper_registry.py`. Here all of them stand beside a real node and a real executor.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from kazoo.client import KazooClient

from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from executor.config import ExecutorConfig
from executor.service import Executor
from jobstore.opening import open_store
from jobstore.schema import upgrade
from schedapi.v1 import cluster_service_pb2 as cs
from schedapi.v1 import execution_pb2, job_pb2
from schedapi.v1 import execution_service_pb2 as es
from schedapi.v1 import executor_service_pb2 as pb
from schedapi.v1 import job_service_pb2 as js
from scheduler.node import Node, NodeConfig
from tests.bad_inputs.conftest import Program
from tests.bad_inputs.house import House, apply, job
from tests.rig.ports import free_port
from tests.rig.waiting import eventually, eventually_async

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

# --------------------------------------------------------------------------- what stands in the registry


async def _says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


async def _talks_noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(256)) * 1000)


async def _drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A frame of settings, of which a byte comes now and then."""
    for byte in b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18:
        writer.write(bytes([byte]))
        await SystemClock().sleep(0.5)


class Impostor:
    """Takes the leader's call, and answers its Hello with these bytes."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = answers
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        handler = grpc.stream_stream_rpc_method_handler(self._attach)
        service = grpc.method_handlers_generic_handler("schedapi.v1.ExecutorService", {"Attach": handler})
        self._server.add_generic_rpc_handlers((service,))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    async def _attach(self, requests: Any, context: Any) -> AsyncIterator[bytes]:
        await context.read()
        for answer in self._answers:
            yield answer
        await asyncio.Event().wait()

    async def __aenter__(self) -> str:
        await self._server.start()
        return self.address

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(None)


def welcome(name: str, **fields: Any) -> bytes:
    fields = {"protocol": 1, "executor_id": name, "incarnation": "life", "slots": 4, "kinds": ["shell"], **fields}
    return pb.ExecutorMessage(welcome=pb.Welcome(**fields)).SerializeToString()


def strays() -> bytes:
    """Reports of everything that was never asked for."""
    key = pb.AttemptKey(execution_id="\u202e" * 1000, part=-1, attempt=-1, placement=2**31 - 1)
    done = pb.Report(key=key, outcome=pb.Outcome(state="succeeded"))
    return pb.ExecutorMessage(reports=[pb.Report(), done] * 100).SerializeToString()


ANSWERS = {
    "another-id": (welcome("good"),),
    "another-life": (welcome("another-life", incarnation="x"),),
    "no-welcome": (strays(),),
    "empty": (b"",),
    "truncated": (welcome("truncated")[:-3],),
    "noise": (b"\xff" * 1000,),
    "minus-one-slot": (welcome("minus-one-slot", slots=-1),),
    "no-kind": (welcome("no-kind", kinds=[]),),
    "kinds-of-others": (welcome("kinds-of-others", kinds=["\u202e", "http", ""]),),
    "welcome-twice": (welcome("welcome-twice", slots=0), welcome("welcome-twice", slots=0)),
    "strays": (welcome("strays", slots=0), strays()),
    "silent": (),
}


@contextlib.asynccontextmanager
async def _listening(talk: Talk) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def record(id_: str, address: str, **fields: Any) -> bytes:
    return json.dumps({"id": id_, "incarnation": "life", "address": address, "facts": {}, **fields}).encode()


async def test_a_registry_full_of_nonsense_keeps_no_work_from_the_one_who_is_real(
    zk_chroot: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SystemClock()
    store = open_store("sqlite://")
    upgrade(store)
    here, there = (ZooKeeperCoordinator(zk_chroot, clock=clock) for _ in range(2))
    node = Node(NodeConfig(node_id="node", listen="127.0.0.1:0"), store, here, clock)
    good = Executor(ExecutorConfig(executor_id="good", listen="127.0.0.1:0"), clock, there)
    operator = KazooClient(zk_chroot)
    async with contextlib.AsyncExitStack() as stack:
        addresses = {name: await stack.enter_async_context(Impostor(*said)) for name, said in ANSWERS.items()}
        for talk in (_says_nothing, _speaks_http, _talks_noise, _drips):
            addresses[talk.__name__.strip("_")] = await stack.enter_async_context(_listening(talk))
        await asyncio.to_thread(operator.start)
        stack.callback(operator.close)
        stack.callback(operator.stop)
        await node.start()
        stack.push_async_callback(node.stop)
        addresses |= {"nobody-there": f"127.0.0.1:{free_port()}", "the-scheduler": node.address}
        records = {name: record(name, address) for name, address in addresses.items()} | {
            "not-json": b"{",
            "deep": b"[" * 50_000,
            "large": record("large", "127.0.0.1:1", facts={"much": "x" * 900_000}),
            "foreign-id": record("good", "127.0.0.1:1"),
            "everywhere": record("everywhere", "0.0.0.0:7500"),
            "port-0": record("port-0", "127.0.0.1:0"),
            "port-70000": record("port-70000", "127.0.0.1:70000"),
            "a-name-for-a-path": record("a-name-for-a-path", "unix:/var/run/docker.sock"),
            "lease": record("lease", f"127.0.0.1:{free_port()}", facts={"lease": "NaN"}),
        }

        def register() -> None:
            for name, data in records.items():
                operator.create(f"/executors/{name}", data, makepath=True)

        await asyncio.to_thread(register)
        await there.start()
        stack.push_async_callback(there.close)
        await good.start()
        stack.push_async_callback(good.stop, 0.0)
        await asyncio.wait_for(node.led(), 30)
        async with grpc.aio.insecure_channel(node.address) as channel:

            async def call(method: str, request: Any, answer: Any) -> Any:
                stub = channel.unary_unary(f"/schedapi.v1.{method}", None, answer.FromString)
                return await stub(request.SerializeToString(), timeout=30)

            made = job("work")
            made.spec.concurrency.policy = "allow"
            await call("JobService/Apply", apply(made), js.ApplyResponse)

            async def executors() -> dict[str, cs.Executor]:
                found = await call("ClusterService/Executors", cs.ExecutorsRequest(), cs.ExecutorsResponse)
                return {each.executor_id: each for each in found.executors}

            async def attached() -> set[str]:
                found = (await executors()).values()
                return {
                    each.executor_id for each in found if each.state == "attached" and each.slots > 0 and each.kinds
                }

            async def all_there() -> bool:
                return await attached() == {"good", "kinds-of-others"}

            await eventually_async(all_there, 30, "the real executor is attached, and nobody else who could take work")
            for number in range(5):
                request = js.RunJobRequest(request_id=f"run-{number}", name="work", wait=True)
                ran = (await call("JobService/Run", request, js.RunJobResponse)).execution
                assert (ran.state, ran.executor_id) == ("succeeded", "good")
            seen = await executors()
            assert await attached() == {"good", "kinds-of-others"}
        assert not {"not-json", "deep", "large", "foreign-id", "everywhere", "port-0", "port-70000"} & set(seen)
        assert seen["minus-one-slot"].slots == 0
    store.close()
    ours = [each for each in caplog.records if not each.name.startswith("grpc")]
    assert [each.getMessage() for each in ours if each.levelno >= logging.ERROR] == []


async def test_a_second_executor_of_an_id_is_refused() -> None:
    clock = SystemClock()
    first = InProcessCoordinator()
    second = InProcessCoordinator(beside=first)
    await first.start()
    await second.start()
    one = Executor(ExecutorConfig(executor_id="one", listen="127.0.0.1:0"), clock, first)
    other = Executor(ExecutorConfig(executor_id="one", listen="127.0.0.1:0"), clock, second)
    await one.start()
    try:
        with pytest.raises(Exception, match="one") as refused:
            await asyncio.wait_for(other.start(), 30)
        assert not isinstance(refused.value, TimeoutError)
    finally:
        await other.stop(0)
        await one.stop(0)
        await second.close()
        await first.close()


# ----------------------------------------------------------------------------- what an executor may run

CALLABLES = {
    "os:system": "no task 'os:system' is here",
    "builtins.eval": "no task 'builtins.eval' is here",
    "builtins:eval": "no task 'builtins:eval' is here",
    "../x": "no task '../x' is here",
    "": "",
    "nestd": "no task 'nestd' is here; did you mean 'nested'?",
    "tests.bad_inputs.callables:os": "no task",
    "tests.bad_inputs.callables:_private": "no task",
    "tests.bad_inputs.callables:nested.__globals__": "no task",
    "tests.bad_inputs.callables:": "no task",
    "tests.bad_inputs.house:job": "no task",
    "\u202enested": r"no task '\u202enested' is here",
    "nested ": "no task 'nested ' is here; did you mean 'nested'?",
}


@pytest.fixture
def waiting(house: House) -> Callable[[job_pb2.Job], execution_pb2.Execution]:
    """Runs a job that nobody takes; returns its execution as it waits, cancelled and its job deleted."""

    def run(made: job_pb2.Job) -> execution_pb2.Execution:
        client = house.embedded.client
        client.unary("JobService/Apply", js.ApplyRequest(jobs=[made]), js.ApplyResponse)
        try:
            ran = client.unary("JobService/Run", js.RunJobRequest(name=made.metadata.name), js.RunJobResponse).execution

            def look() -> execution_pb2.Execution | None:
                found = client.unary("ExecutionService/Get", es.GetExecutionRequest(id=ran.id), execution_pb2.Execution)
                return found if found.state == "pending" and found.reason else None

            found = eventually(look, describe="it waits, with a reason")
            client.unary("ExecutionService/Cancel", es.CancelExecutionRequest(id=ran.id), execution_pb2.Execution)
            return found
        finally:
            request = js.DeleteJobRequest(name=made.metadata.name)
            client.unary("JobService/Delete", request, js.DeleteJobResponse)

    return run


@pytest.mark.parametrize("name", [name for name in CALLABLES if name], ids=ascii)
def test_a_callable_that_was_not_given_is_not_called(name: str, waiting: Any) -> None:
    made = job("calls")
    made.spec.task.python.callable = name
    found = waiting(made)
    assert found.reason.isprintable()
    assert "unknownTask: " in found.reason and CALLABLES[name] in found.reason
    assert not found.HasField("started")


def test_who_waits_in_vain_is_told_why(house: House, schedctl: Program) -> None:
    made = job("vain")
    made.spec.task.python.callable = "os:system"
    house.embedded.client.unary("JobService/Apply", js.ApplyRequest(jobs=[made]), js.ApplyResponse)
    ended = schedctl("job", "run", "vain", "--wait", "--timeout", "500ms")
    (problem,) = ended.problems("schedctl")
    assert ended.code == 7
    assert "is still pending: " in problem and "no task 'os:system' is here" in problem
    assert (
        schedctl("job", "delete", "vain", "--yes").out == "job default/vain deleted (1 waiting executions cancelled)\n"
    )


def test_parameters_that_no_environment_holds(waiting: Any) -> None:
    for params, words in (
        ({"a-b": 1, "a_b": 2}, "are both 'SCHED_PARAM_A_B'"),
        ({"x": "a\x00b"}, "the value of 'SCHED_PARAM_X' has a NUL character"),
    ):
        made = job("params")
        made.spec.params.update(params)
        found = waiting(made)
        assert "badTask: " in found.reason and words in found.reason


def test_a_selector_that_nobody_matches(waiting: Any) -> None:
    made = job("routed")
    made.spec.routing.selector = "zone in (mars)"
    assert waiting(made).reason


@pytest.mark.parametrize("depth", [31, 98, 99, 100, 500])
def test_a_result_that_is_nested_too_deeply_fails_its_own_execution(depth: int, house: House) -> None:
    """And blocks neither the stream nor the next one."""
    client = house.embedded.client
    made = job("deep")
    made.spec.task.python.callable = "nested"
    made.spec.concurrency.policy = "allow"
    client.unary("JobService/Apply", js.ApplyRequest(jobs=[made]), js.ApplyResponse)
    ran = house.embedded.run("deep", params={"depth": depth}, wait=True, timeout=timedelta(seconds=30))
    assert ran.state == "failed"
    assert "nested more than 30 deep" in ran.error.message
    assert house.embedded.run("deep", params={"depth": 3}, wait=True).state == "succeeded"
