"""A TCP proxy whose network breaks and heals on command."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.rig.ports import free_port

T = TypeVar("T")

_CHUNK = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing sends RST, see socket(7)


class TcpProxy:
    """Listens at 127.0.0.1:``port`` and passes all on to ``target_port``, in a thread of its own.

    ``cut``        resets every connection, and each new one as soon as it is made
    ``blackhole``  leaves connections open and holds back their bytes, like a network that drops packets;
                   ``heal`` delivers them (as TCP would), ``cut`` loses them
    ``delay``      every chunk waits this many seconds
    ``heal``       all flows again

    Every method returns when its effect is complete. To lose only the answer to a request that was carried
    out: ``blackhole(requests=False)``, and after the request ``cut()``.
    """

    def __init__(self, target_port: int, *, target_host: str = "127.0.0.1") -> None:
        self.port = free_port()
        self._target = (target_host, target_port)
        self._cut = False
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"tcp-proxy-{self.port}", daemon=True)
        self._requests = asyncio.Event()
        self._answers = asyncio.Event()
        self._connections: set[asyncio.Task[bool]] = set()
        self._server: asyncio.Server | None = None

    @property
    def hosts(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open through it."""
        return len(self._connections)

    def start(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def close(self) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        self._call(self._break(cut=True))

    def blackhole(self, *, requests: bool = True, answers: bool = True) -> None:
        self._call(self._break(requests=not requests, answers=not answers))

    def delay(self, seconds: float) -> None:
        self._call(self._break(delay=seconds))

    def heal(self) -> None:
        self._call(self._break())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _start(self) -> None:
        self._requests.set()
        self._answers.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _close(self) -> None:
        await self._break(cut=True)
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _break(
        self, *, cut: bool = False, requests: bool = True, answers: bool = True, delay: float = 0.0
    ) -> None:
        self._cut = cut
        if cut:  # before the gates open, or else they would let through what is to be lost
            doomed = list(self._connections)
            for connection in doomed:
                connection.cancel()
            await asyncio.gather(*doomed, return_exceptions=True)
        self._delay = delay
        for gate, is_open in ((self._requests, requests), (self._answers, answers)):
            gate.set() if is_open else gate.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        connection = self._loop.create_task(self._carry(reader, writers))
        self._connections.add(connection)
        connection.add_done_callback(lambda _: self._end(connection, writers))

    async def _carry(self, reader: asyncio.StreamReader, writers: list[asyncio.StreamWriter]) -> bool:
        """Returns whether both sides have ended what they had to say; ``writers`` gets the target's added."""
        if self._cut:
            return False
        await self._requests.wait()
        try:
            target_reader, target_writer = await asyncio.open_connection(*self._target)
            writers.append(target_writer)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, target_writer, self._requests))
                pumps.create_task(self._pump(target_reader, writers[0], self._answers))
        except* OSError:
            ended_well = False
        else:
            ended_well = True
        return ended_well  # Python allows no return inside 'except*'

    def _end(self, connection: asyncio.Task[bool], writers: list[asyncio.StreamWriter]) -> None:
        self._connections.discard(connection)
        graceful = not connection.cancelled() and connection.result()
        for writer in writers:
            _close(writer, graceful)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        while True:
            chunk = await reader.read(_CHUNK)
            if self._delay:
                await asyncio.sleep(self._delay)  # noqa: TID251 - a slow network is what this imitates
            await gate.wait()
            if not chunk:
                writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()


def _close(writer: asyncio.StreamWriter, graceful: bool) -> None:
    if graceful:
        writer.close()  # sends what is still in its buffer first
        return
    connection: socket.socket = writer.get_extra_info("socket")
    if connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
