"""Streams between leaders and executors at the seam to gRPC: what is written waits here until it is delivered."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import grpc
from grpc.aio import AioRpcError, Metadata

from cronquorum.transport import Transport
from schedapi.errors import STATUS_KEY, ApiError, Unavailable, to_status
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader import link

if TYPE_CHECKING:
    from tests.model.executors import Executor
    from tests.model.nodes import Node

NODE: ContextVar["Node | None"] = ContextVar("NODE", default=None)
"""Whose task it is that runs."""


def rpc_error(error: ApiError) -> AioRpcError:
    """The error as a client of gRPC sees it."""
    trailing = Metadata((STATUS_KEY, to_status(error).SerializeToString()))
    return AioRpcError(error.code, Metadata(), trailing, error.message, None)


class Stream:
    """One call of `Attach`. Each direction is in order, and may be held back; what is lost is lost with all.

    The leader's end is what `Link` uses of a gRPC call: `write`, `read`, `cancel`.
    """

    def __init__(self, node: "Node", executor: "Executor") -> None:
        self.node = node
        self.executor = executor
        self.epoch = 0
        self.to_executor: deque[pb.LeaderMessage] = deque()
        self.to_leader: deque[pb.ExecutorMessage] = deque()
        self.held_in = False
        """Whether what goes to the executor is held back."""
        self.held_out = False
        self.over = False
        self._error: ApiError | None = None
        self._cancelled = False
        self._arrived: deque[pb.ExecutorMessage] = deque()
        self._reader: asyncio.Future[None] | None = None

    # ------------------------------------------------------------------------------------- the leader's end

    async def write(self, message: pb.LeaderMessage) -> None:
        self.node.world.leaves(self, message)
        self._raise_if_over()
        if not self.node.crashed:
            self.to_executor.append(message)
            self.flow()

    async def read(self) -> Any:
        while not self._arrived:
            self._raise_if_over()
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._arrived.popleft()

    def cancel(self) -> None:
        self._cancelled = True
        self.broken(None)

    def _raise_if_over(self) -> None:
        if self.over:
            if self._cancelled:
                raise asyncio.CancelledError
            raise rpc_error(self._error or Unavailable("the stream broke", reason="BROKEN"))

    # ------------------------------------------------------------------------------------ the executor's end

    def answer(self, message: pb.ExecutorMessage) -> None:
        """What an executor writes."""
        if not self.over:
            self.to_leader.append(message)
            self.flow()

    def broken(self, error: ApiError | None) -> None:
        """The stream ends: what has not arrived does not."""
        if self.over:
            return
        self.over, self._error = True, error
        self.to_executor.clear()
        self.to_leader.clear()
        self._wake()
        self.node.world.loop.call_soon(self.executor.stream_ended, self)

    # -------------------------------------------------------------------------------------------- the wire

    def flow(self) -> None:
        """Deliver soon what is not held back."""
        loop = self.node.world.loop
        if self.to_executor and not self.held_in:
            loop.call_soon(self._deliver, True)
        if self.to_leader and not self.held_out:
            loop.call_soon(self._deliver, False)

    def _deliver(self, inward: bool) -> None:
        while self.to_executor if inward else self.to_leader:
            if self.held_in if inward else self.held_out:
                return
            self.deliver_one(inward)

    def deliver_one(self, inward: bool) -> None:
        """One message arrives, held back or not."""
        if inward and self.to_executor:
            self.executor.receive(self, self.to_executor.popleft())
        elif not inward and self.to_leader:
            self._arrived.append(self.to_leader.popleft())
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class _Channel:
    def __init__(self, address: str) -> None:
        self.address = address

    async def __aenter__(self) -> "_Channel":
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class _Stub:
    def __init__(self, channel: _Channel) -> None:
        self._address = channel.address

    def Attach(self) -> Stream:
        node = NODE.get()
        assert node is not None
        return node.world.dial(node, self._address)


@contextmanager
def wired() -> Iterator[None]:
    """Links dial into the model while this lasts, and poll less often than on a machine."""
    aio = SimpleNamespace(AioRpcError=AioRpcError)
    with (
        patch.object(link, "grpc", SimpleNamespace(aio=aio, StatusCode=grpc.StatusCode)),
        patch.object(Transport, "channel", lambda self, address, role, options: _Channel(address)),
        patch.object(link, "ExecutorServiceStub", _Stub),
        patch.object(link, "ACT_PAUSE", 0.5),
        patch("scheduler.leader.writer.PAUSE", 0.5),
        patch("scheduler.leader.leader.TICK", 1.0),
    ):
        yield
