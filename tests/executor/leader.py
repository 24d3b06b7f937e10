"""A leader that is played by the test: it speaks the real wire to a real executor."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import json_format

from schedapi.errors import ApiError, from_rpc_error
from schedapi.v1 import executor_service_pb2 as pb
from schedapi.v1 import job_pb2
from schedapi.v1.executor_service_pb2_grpc import ExecutorServiceStub

PATIENCE = 20.0
SCHEDULED_MS = 1_700_000_000_123
_numbers = itertools.count(1)


class Stream:
    """One attached stream; keeps all that came over it. Answers lease questions unless told not to."""

    def __init__(self, call: Any, epoch: int) -> None:
        self.epoch = epoch
        self.reports: list[pb.Report] = []
        self.asked: list[int] = []
        self.answered: list[int] = []
        self.capacities: list[pb.CapacityChange] = []
        self.grants = True
        self.welcome = pb.Welcome()
        self.error: ApiError | None = None
        self.ended = False
        self._call = call
        self._something = asyncio.Condition()
        self._writing = asyncio.Lock()
        self._reader: asyncio.Task[None] | None = None

    @property
    def held(self) -> list[pb.AttemptKey]:
        return list(self.welcome.held)

    async def hello(self, **hello: Any) -> None:
        await self._call.write(pb.LeaderMessage(epoch=self.epoch, hello=pb.Hello(**hello)))
        first = await self._call.read()
        assert isinstance(first, pb.ExecutorMessage) and first.HasField("welcome"), first
        self.welcome = first.welcome
        self._reader = asyncio.create_task(self._read())

    async def send(self, **message: Any) -> None:
        async with self._writing:  # one message at a time, says gRPC
            await self._call.write(pb.LeaderMessage(**({"epoch": self.epoch} | message)))

    def key(self, **parts: Any) -> pb.AttemptKey:
        told: dict[str, Any] = {
            "execution_id": f"execution-{next(_numbers)}",
            "attempt": 1,
            "placement": 1,
            "incarnation": self.welcome.incarnation,
        }
        return pb.AttemptKey(**(told | parts))

    async def dispatch(
        self,
        task: Mapping[str, Any],
        key: pb.AttemptKey | None = None,
        timeout: float | None = None,
        **dispatch: Any,
    ) -> pb.AttemptKey:
        key = key or self.key()
        message = self.order(task, key, timeout, **dispatch)
        await self.send(dispatches=[message])
        return key

    def order(
        self, task: Mapping[str, Any], key: pb.AttemptKey, timeout: float | None = None, **dispatch: Any
    ) -> pb.Dispatch:
        params = dispatch.pop("params", None)
        told: dict[str, Any] = {
            "namespace": "default",
            "job": "job",
            "trigger": "trigger",
            "scheduled_time_ms": SCHEDULED_MS,
            "origin": "schedule",
        }
        message = pb.Dispatch(key=key, task=json_format.ParseDict(dict(task), job_pb2.Task()), **(told | dispatch))
        if params is not None:
            message.params.update(params)
        if timeout is not None:
            message.timeout.FromNanoseconds(round(timeout * 1e9))
        return message

    async def shell(self, command: str, **options: Any) -> pb.AttemptKey:
        return await self.dispatch({"shell": {"command": command}}, **options)

    async def python(self, name: str, params: Mapping[str, Any] | None = None, **options: Any) -> pb.AttemptKey:
        return await self.dispatch({"python": {"callable": name}}, params=dict(params or {}), **options)

    async def farewell(self) -> None:
        await self.send(farewell=True)

    async def acknowledge(self, *keys: pb.AttemptKey) -> None:
        await self.send(acknowledged=keys)

    async def wait_for(self, predicate: Callable[[], Any], what: str = "") -> Any:
        """Wait until what came so far satisfies the predicate; return what it returns."""
        async with asyncio.timeout(PATIENCE), self._something:
            while not (value := predicate()):
                if self.ended:
                    raise AssertionError(f"the stream ended ({self.error!r}) before {what or 'that'}")
                await self._something.wait()
            return value

    def find(self, key: pb.AttemptKey, what: str) -> list[Any]:
        return [getattr(r, what) for r in self.reports if r.key == key and r.WhichOneof("what") == what]

    async def outcome(self, key: pb.AttemptKey) -> pb.Outcome:
        found: list[pb.Outcome] = await self.wait_for(lambda: self.find(key, "outcome"), "the outcome")
        return found[0]

    async def refused(self, key: pb.AttemptKey) -> pb.Refused:
        found: list[pb.Refused] = await self.wait_for(lambda: self.find(key, "refused"), "the refusal")
        return found[0]

    async def started(self, key: pb.AttemptKey) -> pb.Started:
        found: list[pb.Started] = await self.wait_for(lambda: self.find(key, "started"), "the start")
        return found[0]

    def output(self, key: pb.AttemptKey, stream: str = "stdout") -> bytes:
        """The output so far; a chunk that came again counts once."""
        chunks = {chunk.seq: chunk for chunk in self.find(key, "output")}
        assert sorted(chunks) == list(range(len(chunks)))
        return b"".join(chunks[seq].data for seq in sorted(chunks) if chunks[seq].stream == stream)

    async def wait_output(self, key: pb.AttemptKey, text: bytes, stream: str = "stdout") -> bytes:
        found: bytes = await self.wait_for(
            lambda: text in self.output(key, stream) and self.output(key, stream), f"output {text!r}"
        )
        return found

    async def wait_ended(self) -> ApiError | None:
        """Wait until the executor has ended the stream; return its error."""
        assert self._reader is not None
        async with asyncio.timeout(PATIENCE):
            await self._reader
        return self.error

    async def close(self) -> None:
        self._call.cancel()
        if self._reader is not None:
            await self._reader

    async def _read(self) -> None:
        try:
            while isinstance(message := await self._call.read(), pb.ExecutorMessage):
                await self._take(message)
        except grpc.aio.AioRpcError as error:
            self.error = from_rpc_error(error)
        except (asyncio.CancelledError, asyncio.InvalidStateError):  # the test closed it
            pass
        finally:
            self.ended = True
            async with self._something:
                self._something.notify_all()

    async def _take(self, message: pb.ExecutorMessage) -> None:
        async with self._something:
            self.reports.extend(message.reports)
            if message.HasField("capacity"):
                self.capacities.append(message.capacity)
            if message.HasField("lease"):
                self.asked.append(message.lease.asked)
                if self.grants:
                    await self.send(lease=pb.LeaseGrant(asked=message.lease.asked))
            if message.HasField("reach"):
                self.answered.append(message.reach.asked)
            self._something.notify_all()


class Leader:
    """Dials one executor."""

    def __init__(self, address: str, executor_id: str) -> None:
        self._executor_id = executor_id
        self._channel = grpc.aio.insecure_channel(
            address, options=[("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        )
        self._streams: list[Stream] = []

    async def attach(self, epoch: int = 1, grants: bool = True, **hello: Any) -> Stream:
        """Say Hello. Raises `ApiError` when that is refused.

        gRPC hides why a stream ended from one who is writing at that moment: a test that wants to see it
        grants nothing.
        """
        stream = self.open(epoch)
        stream.grants = grants
        told = {"protocol": 1, "node_id": "node-1", "executor_id": self._executor_id}
        try:
            await stream.hello(**(told | hello))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
        return stream

    def open(self, epoch: int = 1) -> Stream:
        """A stream that has said nothing."""
        stub = ExecutorServiceStub(self._channel)  # type: ignore[no-untyped-call]  # generated
        stream = Stream(stub.Attach(), epoch)
        self._streams.append(stream)
        return stream

    async def close(self) -> None:
        for stream in self._streams:
            await stream.close()
        await self._channel.close(None)


@asynccontextmanager
async def leading(address: str, executor_id: str) -> AsyncIterator[Leader]:
    leader = Leader(address, executor_id)
    try:
        yield leader
    finally:
        await leader.close()
