"""Servers with TLS: one that counts what reaches it, a node, an executor; and calls to them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from cronquorum.certificates import Certificates, TlsFiles
from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.roles import Role
from cronquorum.transport import Transport
from executor.config import ExecutorConfig
from executor.service import Executor
from jobstore.opening import open_store
from jobstore.schema import upgrade
from scheduler.node import Node, NodeConfig
from tests.tls.making import dial_options

ECHO = "/test/Echo"


class Counting(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """Sends back what it gets, on one stream or many."""

    def __init__(self) -> None:
        self.calls = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        async def echo(request_iterator: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            self.calls += 1
            async for message in request_iterator:
                yield message

        return grpc.stream_stream_rpc_method_handler(echo)


class Served:
    """Where a server is, and what reached it."""

    def __init__(self, address: str, handler: Counting, certificates: Certificates) -> None:
        self.address = address
        self.handler = handler
        self.certificates = certificates


@asynccontextmanager
async def serving(files: TlsFiles, role: Role = Role.EXECUTOR) -> AsyncIterator[Served]:
    """A server as nodes and executors have one, with files that are watched."""
    certificates, handler, server = Certificates.open(files, role), Counting(), grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = Transport(certificates).listen(server, "127.0.0.1:0")
    await server.start()
    try:
        yield Served(f"127.0.0.1:{port}", handler, certificates)
    finally:
        await server.stop(0)


def echo(channel: grpc.aio.Channel, seconds: float = 20.0) -> Any:
    """An open stream to `Counting`; whatever it does, it ends after so long."""
    made: Any = channel.stream_stream  # whose stubs want serializers
    return made(ECHO)(timeout=seconds)


class Live:
    """An open stream, which echoes for as long as it lives."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self._stream = echo(channel)

    async def echoes(self) -> bool:
        await self._stream.write(b"x")
        return bool(await self._stream.read() == b"x")

    async def close(self) -> None:
        self._stream.cancel()
        await self.channel.close(None)


def dialled(served: Served, files: TlsFiles, role: Role = Role.EXECUTOR) -> Live:
    """A stream on a connection of its own, with files that need not be good."""
    credentials, options = dial_options(files, role)
    return Live(grpc.aio.secure_channel(served.address, credentials, options=options))


async def reached(served: Served, files: TlsFiles, role: Role = Role.EXECUTOR) -> str:
    """Empty when a new connection is taken; else what the caller is told."""
    live = dialled(served, files, role)
    try:
        async with asyncio.timeout(20):
            assert await live.echoes()
        return ""
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAVAILABLE, error
        return str(error.details())
    finally:
        await live.close()


@asynccontextmanager
async def running_node(files: TlsFiles) -> AsyncIterator[str]:
    """A node that leads; its address."""
    store = open_store("sqlite://")
    upgrade(store)
    transport = Transport(Certificates.open(files, Role.SCHEDULER))
    config = NodeConfig(node_id="n", listen="127.0.0.1:0", transport=transport)
    node = Node(config, store, InProcessCoordinator(), SystemClock())
    await node.start()
    await node.led()
    try:
        yield node.address
    finally:
        await node.stop()
        store.close()


@asynccontextmanager
async def running_executor(files: TlsFiles) -> AsyncIterator[str]:
    """An executor; its address."""
    coordinator = InProcessCoordinator()
    await coordinator.start()
    transport = Transport(Certificates.open(files, Role.EXECUTOR))
    config = ExecutorConfig(executor_id="e", listen="127.0.0.1:0", tls=files)
    executor = Executor(config, SystemClock(), coordinator, transport=transport)
    await executor.start()
    try:
        yield executor.address
    finally:
        executor.hurry()
        await executor.stop(0)
        await coordinator.close()
