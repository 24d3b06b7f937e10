"""An executor on the real wire that does what a test tells it, and nothing by itself."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc

from cronquorum.coordination import Member
from schedapi.errors import FailedPrecondition, Unavailable, abort
from schedapi.v1 import executor_service_pb2 as pb
from schedapi.v1.executor_service_pb2_grpc import ExecutorServiceServicer, add_ExecutorServiceServicer_to_server

Check = Callable[["ScriptedExecutor", pb.LeaderMessage], None]


def report(key: pb.AttemptKey, **what: Any) -> pb.Report:
    """A report on an attempt."""
    return pb.Report(key=key, **what)


def outcome(key: pb.AttemptKey, state: str = "succeeded", ran: float | None = 0.0, **fields: Any) -> pb.Report:
    """A report of an attempt's end, just now."""
    message = pb.Outcome(state=state, **fields)
    if ran is not None:
        message.ran.FromTimedelta(timedelta(seconds=ran))
    return report(key, outcome=message)


def refusal(key: pb.AttemptKey, reason: str = "noSlot", message: str = "full") -> pb.Report:
    """A report that an attempt is not taken."""
    return report(key, refused=pb.Refused(reason=reason, message=message))


class ScriptedExecutor(ExecutorServiceServicer):
    """Answers each Hello with a Welcome, and keeps what the leader says.

    `held`, `draining` and `offers` (reports) go with the next Welcome. `check` sees each message of a leader before it
    is kept; what it raises is in `wrong`. A question whether it hears is answered as long as `hears` is true. While
    `awake` is cleared its process hangs: it reads nothing, and its stream stays open.
    """

    def __init__(
        self,
        name: str = "executor-1",
        *,
        slots: int = 4,
        kinds: Iterable[str] = ("shell", "python"),
        labels: dict[str, str] | None = None,
        lease: str = "15s",
        features: Iterable[pb.Feature] = (pb.FEATURE_REACH, pb.FEATURE_FAREWELL),
        check: Check = lambda executor, message: None,
    ) -> None:
        self.name = name
        self.incarnation = f"life-{uuid4().hex[:8]}"
        self.slots, self.kinds, self.labels, self.lease = slots, list(kinds), labels or {}, lease
        self.features = list(features)
        self.draining = False
        self.held: list[pb.AttemptKey] = []
        self.vouched: list[str] = []
        self.offers: list[pb.Report] = []
        self.highest_epoch = ""
        """What a refusal of every Hello names; empty: none is refused."""
        self.answers = True
        self.hears = True
        self.awake = asyncio.Event()
        self.awake.set()
        self.asked: list[int] = []
        self.hellos: list[pb.LeaderMessage] = []
        self.dispatches: list[pb.Dispatch] = []
        self.cancels: list[pb.AttemptKey] = []
        self.acknowledged: list[pb.AttemptKey] = []
        self.grants: list[int] = []
        self.farewells: list[int] = []
        """How many dispatches had come when each was said."""
        self.wrong: list[Exception] = []
        self._check = check
        self._context: Any = None
        self._over = asyncio.Event()
        self._server: grpc.aio.Server | None = None
        self.address = ""

    @property
    def member(self) -> Member:
        """As it registers."""
        return Member(id=self.name, incarnation=self.incarnation, address=self.address, facts={"lease": self.lease})

    @property
    def attached(self) -> bool:
        """Whether a leader's stream is up."""
        return self._context is not None

    async def start(self) -> None:
        """Listen on a port of its own, or on the one that it had."""
        # without the probe what an executor leaves unread is held back after 64 KiB, and not after some megabytes
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0), ("grpc.http2.bdp_probe", 0)))
        add_ExecutorServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]  # generated
        port = self._server.add_insecure_port(self.address or "127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        await self._server.start()

    async def stop(self) -> None:
        """Go away without a word. Idempotent."""
        if self._server is not None:
            self._over.set()
            await self._server.stop(None)
            self._server = None

    def hang_up(self) -> None:
        """End the stream, and let the leader say Hello again."""
        self._over.set()

    def restart(self, vouched: bool = False) -> None:
        """Be another process under the same name and address, which remembers nothing; a guardian may say that the
        one before is dead."""
        if vouched:
            self.vouched = [*self.vouched, self.incarnation]
        self.incarnation = f"life-{uuid4().hex[:8]}"
        self.held, self.offers = [], []
        self.hang_up()

    async def say(self, *reports: pb.Report, **other: Any) -> None:
        """Send one message."""
        await self._context.write(pb.ExecutorMessage(reports=reports, **other))

    async def answer(self, asked: int | None = None) -> None:
        """Give a question back: the last one, if no other is told."""
        await self.say(reach=pb.ReachAnswer(asked=self.asked[-1] if asked is None else asked))

    async def Attach(self, request_iterator: Any, context: Any) -> None:
        first = await context.read()
        self.hellos.append(first)
        if self.highest_epoch:
            facts = {"highest_epoch": self.highest_epoch}
            await abort(context, FailedPrecondition("an old epoch", reason="STALE_EPOCH", metadata=facts))
        if not self.answers:
            await asyncio.Event().wait()
        self._over.set()
        over = self._over = asyncio.Event()
        welcome = pb.Welcome(
            protocol=1,
            executor_id=self.name,
            incarnation=self.incarnation,
            slots=self.slots,
            kinds=self.kinds,
            labels=self.labels,
            held=self.held,
            vouched=self.vouched,
            draining=self.draining,
            features=self.features,
        )
        await context.write(pb.ExecutorMessage(welcome=welcome, reports=self.offers))
        self._context = context
        reading = asyncio.ensure_future(self._read(context))
        ending = asyncio.ensure_future(over.wait())
        try:
            await asyncio.wait((reading, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._context is context:
                self._context = None
            for task in (reading, ending):
                task.cancel()
            await asyncio.gather(reading, ending, return_exceptions=True)
        if over.is_set():
            await abort(context, Unavailable("hung up", reason="STOPPING"))

    async def _read(self, context: Any) -> None:
        while isinstance(message := await context.read(), pb.LeaderMessage):
            await self.awake.wait()
            try:
                self._check(self, message)
            except Exception as error:
                self.wrong.append(error)
            self.dispatches.extend(message.dispatches)
            self.cancels.extend(message.cancels)
            self.acknowledged.extend(message.acknowledged)
            if message.farewell:
                self.farewells.append(len(self.dispatches))
            if message.HasField("lease"):
                self.grants.append(message.lease.asked)
            if message.HasField("reach"):
                self.asked.append(message.reach.asked)
                if self.hears:
                    await context.write(pb.ExecutorMessage(reach=pb.ReachAnswer(asked=message.reach.asked)))
