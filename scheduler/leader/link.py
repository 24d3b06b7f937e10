"""The leader's end of the one stream to an executor."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from math import isfinite
from typing import TYPE_CHECKING, Protocol

import grpc

from cronquorum import failpoints
from cronquorum.clock import Clock
from cronquorum.coordination import Member
from cronquorum.durations import DurationError, parse_duration
from cronquorum.logs import get_logger
from cronquorum.roles import Role
from cronquorum.transport import PlainTextRefused, Transport
from jobstore.model import Term
from schedapi.errors import from_rpc_error
from schedapi.v1 import executor_service_pb2 as wire
from schedapi.v1.executor_service_pb2_grpc import ExecutorServiceStub
from scheduler.leader.hearing import Hearing
from scheduler.leader.outgoing import Outgoing
from scheduler.leader.transit import Transit
from scheduler.wire import seconds

PROTOCOL = 1
STATES = ("attached", "draining", "attaching")
"""Of an executor's link. The last one has no stream: it is dialled."""
FEATURES = (wire.FEATURE_FAREWELL,)
NO_EPOCH = 2**62
"""Terms do not come so far: an executor that names such an epoch must not use up the store's 64 bits."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two tries to attach."""
SAID_AGAIN = 60.0
"""Seconds until the same complaint about an executor, which comes with each try, is logged again."""
HELLO_TIMEOUT = 5.0
"""Seconds until an executor that took the call must have answered the Hello."""
ACT_PAUSE, LONGEST_ACT_PAUSE = 0.02, 0.2
"""Seconds between two looks at whether the leader may act again; longer ones in a long silence."""
DEFAULT_LEASE = 15.0
MOST_VOUCHED = 100
"""Earlier incarnations that an executor may vouch for at once."""

_OPTIONS = (
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.max_send_message_length", 16 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),
    # executors of one host differ only by port: no shared connections between links
    ("grpc.use_local_subchannel_pool", 1),
)
if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[wire.LeaderMessage, wire.ExecutorMessage]
_log = get_logger(__name__)


class SupersededByExecutor(Exception):
    """An executor has seen a higher epoch than this term's."""

    def __init__(self, highest: int) -> None:
        self.highest = highest
        super().__init__(f"an executor has seen epoch {highest}")


class Desk(Protocol):
    """Where a link brings what its executor says."""

    async def welcomed(self, link: "Link", held: list[wire.AttemptKey], vouched: list[str]) -> None:
        """The executor answered the Hello with what it holds."""
        ...

    async def leads_by_the_store(self) -> bool:
        """Whether no other term had begun when the store was asked, just now."""
        ...

    async def reported(self, link: "Link", reports: list[wire.Report]) -> None:
        """The executor reports, in order."""
        ...

    def changed(self, link: "Link") -> None:
        """It attached, went away, or changed what it takes."""
        ...


class Link:
    """Dials an executor, says Hello, and carries both ways until closed; a broken stream is made again.

    Nothing leaves while the leader may not act.
    """

    def __init__(
        self,
        member: Member,
        term: Term,
        clock: Clock,
        may_act: Callable[[], bool],
        desk: Desk,
        transport: Transport,
    ) -> None:
        self.member = member
        self.holder = (member.id, member.incarnation)
        """The executor's id and incarnation."""
        self.slots = 0
        self.kinds: frozenset[str] = frozenset()
        self.labels: dict[str, str] = {}
        self.version = ""
        self.features: frozenset[int] = frozenset()
        self.draining = False
        self.attached = False
        self.tried = asyncio.Event()
        """Set when the last try to attach has come to something, or to nothing; clear while one is under way."""
        self.lease = _lease(member)
        self.last_answer = clock.monotonic()
        """Monotonic seconds of the last lease answer sent: until then the executor may run on."""
        self.hearing = Hearing()
        """Whether it hears us, as far as it was asked."""
        self.as_of = clock.now()
        """When the last message was sent, by our clock: what it says was so then."""
        self._transit = Transit()
        self.busy = False
        """Whether something that it said is being taken in; what it said since then lies unread."""
        self._term = term
        self._clock = clock
        self._may_act = may_act
        self._desk = desk
        self._transport = transport
        self._outgoing = Outgoing()
        self._said: tuple[str, object] | None = None
        self._said_at = 0.0

    @property
    def open_for_work(self) -> bool:
        """Whether new executions may be placed on it."""
        return self.attached and not self.draining and self.slots > 0

    @property
    def state(self) -> str:
        """One of `STATES`."""
        return ("draining" if self.draining else "attached") if self.attached else "attaching"

    @property
    def answers_questions(self) -> bool:
        """Whether it says that it hears us when it is asked: one of an earlier release does not."""
        return wire.FEATURE_REACH in self.features

    def send(self, dispatch: wire.Dispatch) -> None:
        """Send a dispatch whose record is committed. Without a stream it is dropped: attaching again
        finds out what was never received."""
        if self.attached:
            self._outgoing.dispatch(dispatch)

    def cancel(self, key: wire.AttemptKey) -> None:
        """Ask the executor to end an attempt."""
        if self.attached:
            self._outgoing.cancel(key)

    def acknowledge(self, key: wire.AttemptKey) -> None:
        """What was reported is committed, or refused for good."""
        if self.attached:
            self._outgoing.acknowledge(key)

    def farewell(self) -> None:
        """Tell one that drains that nothing more comes, behind all that was sent so far."""
        if self.attached and wire.FEATURE_FAREWELL in self.features:
            self._outgoing.farewell()

    def ask(self) -> None:
        """Ask the executor whether it hears us; `hearing` has what it says."""
        if self.attached and self.answers_questions:
            self._outgoing.ask()

    def heard(self, now: float) -> float | None:
        """When (monotonic seconds) the question was sent that it answered last; None if there was none.

        As long as words of it are being taken in, the answers behind them cannot be: it is heard now. So is, as long as
        its stream is up, one of an earlier release that answers no such question.
        """
        if self.busy or (self.attached and not self.answers_questions):
            return now
        return self.hearing.last

    async def run(self) -> None:
        """Attach, and attach again, until cancelled. Raises `SupersededByExecutor`."""
        pause = FIRST_PAUSE
        while True:
            try:
                # a new channel each time: it has the certificate as it is then
                async with self._transport.channel(self.member.address, Role.EXECUTOR, _OPTIONS) as channel:
                    await self._stream(channel)
            except PlainTextRefused as error:
                self._say("error", "executor is not dialled", error=str(error))
            except grpc.aio.AioRpcError as error:
                self._broken(error)
            except asyncio.InvalidStateError:
                pass  # the call was over before it was written to
            except asyncio.CancelledError:
                # raised by gRPC too, where a call was cancelled and this task was not
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
            finally:
                self.tried.set()
                pause = FIRST_PAUSE if self.attached else min(LONGEST_PAUSE, 2 * pause)
                self._down()
            await self._clock.sleep(pause)

    def _broken(self, error: grpc.aio.AioRpcError) -> None:
        told = from_rpc_error(error)
        highest = told.metadata.get("highest_epoch", "")
        # its own epoch is refused when the executor knows it as another node's: it was given out twice
        if told.reason == "STALE_EPOCH" and highest.isdecimal() and self._term.epoch <= int(highest) < NO_EPOCH:
            raise SupersededByExecutor(int(highest))
        level = "info" if self.draining else "warning"
        self._say(level, "no stream to executor", address=self.member.address, error=told.message)

    def _say(self, level: str, event: str, **facts: str) -> None:
        """Log why there is no stream; the same again only after a while, for it is tried all the time."""
        now, said = self._clock.monotonic(), (event, facts)
        if said != self._said or now - self._said_at >= SAID_AGAIN:
            self._said, self._said_at = said, now
            getattr(_log, level)(event, executor=self.member.id, **facts)

    def _down(self) -> None:
        was, self.attached = self.attached, False
        self._outgoing.clear()
        self.busy = False
        if was:
            self._desk.changed(self)

    async def _stream(self, channel: grpc.aio.Channel) -> None:
        await self._until_may_act()
        self.tried.clear()
        call: Call = ExecutorServiceStub(channel).Attach()  # type: ignore[no-untyped-call]  # generated
        hello = wire.Hello(protocol=PROTOCOL, node_id=self._term.node_id, executor_id=self.member.id, features=FEATURES)
        sent = self._clock.monotonic()
        await call.write(wire.LeaderMessage(epoch=self._term.epoch, hello=hello))
        first = await self._first(call)
        if first is None:
            return
        self._take_capabilities(first.welcome)
        self.hearing.welcomed(sent)
        self.attached = self.busy = True
        self._said = None
        self.tried.set()
        sender = asyncio.ensure_future(self._send(call))
        # without its sender a stream is dead, and its reader must not wait on
        sender.add_done_callback(lambda _: call.cancel())
        try:
            await self._desk.welcomed(self, list(first.welcome.held), list(first.welcome.vouched[:MOST_VOUCHED]))
            self._desk.changed(self)
            if first.reports:
                self.as_of = self._clock.now()
                await self._desk.reported(self, list(first.reports))
            while isinstance(message := await self._read(call), wire.ExecutorMessage):
                await self._take(message)
        finally:
            sender.cancel()
            call.cancel()
            (failed,) = await asyncio.gather(sender, return_exceptions=True)
            if isinstance(failed, Exception):
                raise failed

    async def _read(self, call: "Call") -> object:
        self.busy = False
        message = await call.read()
        self.busy = True
        self.as_of = self._clock.now()
        if isinstance(message, wire.ExecutorMessage) and message.HasField("clock") and isfinite(message.clock):
            self.as_of -= timedelta(seconds=self._transit.delay(message.clock, self._clock.monotonic()))
        return message

    async def _first(self, call: "Call") -> wire.ExecutorMessage | None:
        reading = asyncio.ensure_future(call.read())
        waiting = asyncio.ensure_future(self._clock.sleep(HELLO_TIMEOUT))
        try:
            await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
            answered = reading.done()
        finally:
            for task in (reading, waiting):
                task.cancel()
            await asyncio.gather(reading, waiting, return_exceptions=True)
        if not answered:
            self._say("warning", "executor does not answer", address=self.member.address)
            call.cancel()
            return None
        first = reading.result()
        if not isinstance(first, wire.ExecutorMessage) or not first.HasField("welcome"):
            call.cancel()
            return None
        welcome = first.welcome
        if (welcome.executor_id, welcome.incarnation) != self.holder:
            self._say(
                "warning",
                "another executor answers",
                incarnation=self.member.incarnation,
                found=welcome.executor_id,
                found_incarnation=welcome.incarnation,
            )
            call.cancel()
            return None
        return first

    def _take_capabilities(self, welcome: wire.Welcome) -> None:
        self.slots = max(0, min(welcome.slots, 100_000))
        self.kinds = frozenset(welcome.kinds)
        self.labels = dict(welcome.labels)
        self.version = welcome.version[:100]
        self.features = frozenset(welcome.features)
        self.draining = welcome.draining
        if welcome.HasField("lease"):
            self.lease = max(self.lease, seconds(welcome.lease).total_seconds())
        self.last_answer = self._clock.monotonic()

    async def _take(self, message: wire.ExecutorMessage) -> None:
        if message.HasField("lease"):
            self._outgoing.grant(message.lease.asked)
        if message.HasField("reach"):
            self.hearing.answered(message.reach.asked)
        if message.HasField("capacity"):
            self.slots = max(0, min(message.capacity.slots, 100_000))
            self.draining = message.capacity.draining
            self._desk.changed(self)
        if message.reports:
            await self._desk.reported(self, list(message.reports))

    async def _send(self, call: "Call") -> None:
        try:
            while True:
                await self._outgoing.something.wait()
                await self._until_may_act(call)
                message = self._batch()
                if message.dispatches:
                    failpoints.hit("leader.send")
                await call.write(message)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            call.cancel()  # the reader sees it, and says why

    def _batch(self) -> wire.LeaderMessage:
        message = self._outgoing.batch(self._term.epoch)
        granted = self._outgoing.take_grant()
        if granted is not None:
            message.lease.asked = granted
            self.last_answer = self._clock.monotonic()
        if self._outgoing.take_question():
            message.reach.asked = self.hearing.ask(self._clock.monotonic())
        return message

    async def _grant_beside(self, call: "Call") -> None:
        """Answer for the lease while the coordinator is away: nothing else may be sent then.

        The store's word is as good: no other term had begun after the question was sent. One that begins later gives
        an attempt away only when more than a lease has passed since its own beginning.
        """
        asked = self._outgoing.take_grant()
        if asked is not None and await self._desk.leads_by_the_store():
            await call.write(wire.LeaderMessage(epoch=self._term.epoch, lease=wire.LeaseGrant(asked=asked)))
            self.last_answer = self._clock.monotonic()

    async def _until_may_act(self, call: "Call | None" = None) -> None:
        pause = ACT_PAUSE
        while not self._may_act():
            if call is not None:
                await self._grant_beside(call)
            await self._clock.sleep(pause)
            pause = min(LONGEST_ACT_PAUSE, 1.2 * pause)


def _lease(member: Member) -> float:
    try:
        return parse_duration(member.facts.get("lease", "")).total_seconds()
    except DurationError:
        return DEFAULT_LEASE
