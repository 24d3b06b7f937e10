"""The gRPC service: one leader at a time, over one stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError

from cronquorum import __version__
from cronquorum.clock import Clock
from cronquorum.logs import get_logger, within
from cronquorum.names import shown
from executor import wire
from executor.assignment import AttemptKey
from executor.attempts import Attempts
from executor.config import ExecutorConfig
from executor.datadir import Leader
from executor.errors import (
    BadMessage,
    Refusal,
    StaleEpoch,
    StreamRefused,
    Superseded,
    TooMuchHeld,
    UnsupportedProtocol,
    WrongExecutor,
)
from executor.fence import Fence
from executor.lease import Lease
from executor.metrics import ExecutorMetrics
from executor.outgoing import Outgoing
from executor.stream import LeaderStream, to_api_error
from schedapi import errors as api
from schedapi.v1 import executor_service_pb2 as pb
from schedapi.v1.executor_service_pb2_grpc import ExecutorServiceServicer

_log = get_logger(__name__)
OLDEST_PROTOCOL, NEWEST_PROTOCOL = 1, 1
FEATURES = (pb.FEATURE_REACH, pb.FEATURE_FAREWELL)
HELLO_SECONDS = 10.0
"""A caller that says nothing for so long is none of ours."""

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[pb.LeaderMessage, pb.ExecutorMessage]


class AttachService(ExecutorServiceServicer):
    """Lets a leader in, and passes on what either side says."""

    def __init__(
        self,
        config: ExecutorConfig,
        executor_id: str,
        fence: Fence,
        attempts: Attempts,
        lease: Lease,
        clock: Clock,
        metrics: ExecutorMetrics | None = None,
    ) -> None:
        self._config = config
        self._executor_id = executor_id
        self._fence = fence
        self._attempts = attempts
        self._lease = lease
        self._clock = clock
        self._metrics = metrics or ExecutorMetrics()
        self._stream: LeaderStream | None = None
        self.dismissed = asyncio.Event()
        """Set unless the last leader may send something yet. One that never says farewell, being of an earlier release,
        is not waited for."""
        self.dismissed.set()

    @property
    def attached(self) -> bool:
        """Whether a leader's stream is up."""
        return self._stream is not None

    async def alone(self) -> None:
        """Return when the leader's stream, if one is up, has ended."""
        if self._stream is not None:
            await self._stream.over.wait()

    def tell(self, key: AttemptKey) -> None:
        """An attempt has news."""
        if self._stream is not None:
            self._stream.outgoing.add(key)

    def ask_lease(self) -> None:
        if self._stream is not None:
            self._stream.outgoing.ask_lease()

    def tell_capacity(self) -> None:
        if self._stream is not None:
            self._stream.outgoing.tell_capacity()

    def end_stream(self, reason: StreamRefused) -> None:
        """The leader has to say Hello again."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.end(reason)

    async def Attach(self, request_iterator: AsyncIterator[pb.LeaderMessage], context: "Context") -> None:
        try:
            await self._serve(context)
        except StreamRefused as error:
            if isinstance(error, StaleEpoch):
                self._metrics.stale_epochs.add()
            await api.abort(context, to_api_error(error))

    async def _serve(self, context: "Context") -> None:
        first = await self._first(context)
        leader = self._check_hello(first)
        await self._fence.record(leader)
        with within(epoch=leader.epoch):
            await self._follow(context, leader, first)

    async def _follow(self, context: "Context", leader: Leader, first: pb.LeaderMessage) -> None:
        # from here to the end of `_begin` in one step: no await
        stream, welcome = self._begin(leader, first.hello)
        tasks: list[asyncio.Task[None]] = []
        try:
            await context.write(welcome)
            tasks.append(asyncio.create_task(self._read(context, stream, first)))
            tasks.append(asyncio.create_task(self._write(context, stream)))
            await stream.over.wait()
        finally:
            stream.end(None)
            if self._stream is stream:
                self._stream = None
            await self._finish(context, *tasks)
        if stream.reason is not None:
            raise stream.reason

    async def _finish(self, context: "Context", *tasks: asyncio.Task[None]) -> None:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            # a call that broke off fails in many ways; anything else is a mistake of ours
            if isinstance(ended, Exception) and not context.done():
                _log.error("a leader's stream broke", exc_info=ended)

    async def _first(self, context: "Context") -> pb.LeaderMessage:
        reading = asyncio.ensure_future(_read_message(context))
        waiting = asyncio.ensure_future(self._clock.sleep(HELLO_SECONDS))
        try:
            await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                raise BadMessage(f"no Hello within {HELLO_SECONDS:g} s")
            first = reading.result()
        finally:
            waiting.cancel()
            reading.cancel()
        if first is None or not first.HasField("hello"):
            raise BadMessage("the first message bears no Hello")
        return first

    def _check_hello(self, first: pb.LeaderMessage) -> Leader:
        hello = first.hello
        if not OLDEST_PROTOCOL <= hello.protocol <= NEWEST_PROTOCOL:
            ours, theirs = f"{OLDEST_PROTOCOL}-{NEWEST_PROTOCOL}", f"{hello.protocol}-{hello.protocol}"
            raise UnsupportedProtocol(
                f"this executor speaks protocol {ours}, the leader {theirs}", supported=ours, asked=theirs
            )
        if hello.executor_id != self._executor_id:
            raise WrongExecutor(
                f"this is executor {self._executor_id}, not {shown(hello.executor_id)}",
                executor_id=self._executor_id,
            )
        return Leader(epoch=first.epoch, node_id=hello.node_id[: wire.MAX_ID])

    def _begin(self, leader: Leader, hello: pb.Hello) -> tuple[LeaderStream, pb.ExecutorMessage]:
        if self._fence.enter(leader):
            self._attempts.begin_epoch()
        self.end_stream(Superseded(f"a newer Hello came, of epoch {leader.epoch}"))
        self._lease.begin_stream()
        stream = LeaderStream(leader, Outgoing(self._attempts.running, self._attempts.outbox))
        stream.outgoing.add_all()
        stream.outgoing.ask_lease()
        self._stream = stream
        if pb.FEATURE_FAREWELL in hello.features:
            self.dismissed.clear()
        else:
            self.dismissed.set()
        config = self._config
        welcome = pb.Welcome(
            protocol=NEWEST_PROTOCOL,
            executor_id=self._executor_id,
            incarnation=config.incarnation,
            version=__version__,
            slots=self._attempts.slots,
            kinds=config.kinds,
            labels=config.labels,
            draining=self._attempts.draining,
            held=[wire.write_key(key) for key in self._attempts.held()],
            vouched=config.vouched,
            features=FEATURES,
        )
        welcome.lease.FromTimedelta(config.lease)
        return stream, pb.ExecutorMessage(welcome=welcome)

    async def _read(self, context: "Context", stream: LeaderStream, first: pb.LeaderMessage) -> None:
        try:
            self._take(stream, first)
            while not stream.over.is_set():
                message = await _read_message(context)
                if message is None:
                    stream.end(None)
                elif message.HasField("hello"):
                    stream.end(BadMessage("a second Hello on the same stream"))
                else:
                    self._take(stream, message)
        except StreamRefused as error:
            stream.end(error)
        finally:
            stream.end(None)

    def _take(self, stream: LeaderStream, message: pb.LeaderMessage) -> None:
        if stream.over.is_set():
            return
        if message.epoch != stream.leader.epoch:
            self._fence.check(Leader(epoch=message.epoch, node_id=stream.leader.node_id))
            raise BadMessage(f"epoch {message.epoch} on the stream of epoch {stream.leader.epoch}")
        attempts = self._attempts
        if message.HasField("lease"):
            self._lease.answered(message.lease.asked)
        if message.HasField("reach"):
            stream.outgoing.answer_reach(message.reach.asked)
        for key in message.acknowledged:
            attempts.acknowledge(wire.read_key(key))
        outbox, epoch = attempts.outbox, message.epoch
        for dispatch in message.dispatches:
            if outbox.full:
                raise TooMuchHeld(f"{len(outbox)} outcomes are not acknowledged")
            key_read = wire.read_key(dispatch.key)
            try:
                assignment = wire.read_dispatch(dispatch, key_read, epoch)
            except Refusal as refusal:
                attempts.refuse(key_read, refusal)
            else:
                attempts.take(assignment)
        for key in message.cancels:
            attempts.cancel(wire.read_key(key))
        if message.farewell:
            self.dismissed.set()

    async def _write(self, context: "Context", stream: LeaderStream) -> None:
        try:
            while True:
                await stream.outgoing.something.wait()
                message = self._gather(stream.outgoing)
                if message is not None:
                    await context.write(message)
        finally:
            stream.end(None)

    def _gather(self, outgoing: Outgoing) -> pb.ExecutorMessage | None:
        outgoing.something.clear()
        writer = wire.MessageWriter()
        if outgoing.lease_due:
            outgoing.lease_due = False
            writer.lease(self._lease.ask())
        if outgoing.reach_asked is not None:
            writer.reach(outgoing.reach_asked)
            outgoing.reach_asked = None
        if outgoing.capacity_due:
            outgoing.capacity_due = False
            writer.capacity(self._attempts.slots, self._attempts.draining)
        now = self._clock.monotonic()
        outgoing.write_news(writer, now)
        writer.message.clock = now
        return None if writer.empty else writer.message


async def _read_message(context: "Context") -> pb.LeaderMessage | None:
    """The next message; None when there is none any more. Raises `BadMessage`."""
    try:
        message = await context.read()
    except DecodeError:
        raise BadMessage("what came is no LeaderMessage") from None
    return message if isinstance(message, pb.LeaderMessage) else None
