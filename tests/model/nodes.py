"""A node in its term: a real leader, with a store that may fail it and a coordinator that it may lose."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cronquorum.coordination import Member
from cronquorum.coordination.view import View
from jobstore.errors import StoreUnavailable
from jobstore.model import Term
from scheduler.leader.leader import Leader, Policy
from scheduler.metrics import NodeMetrics
from tests.model.wires import NODE

if TYPE_CHECKING:
    from tests.model.world import World

T = TypeVar("T")

MAY_ACT = 2.0
"""T/2: seconds after the last proof of contact."""
METRICS = NodeMetrics()
POLICY = Policy()


@dataclass
class Call:
    """What a node asks of the store, in a thread of its own: the writer's, or another."""

    pooled: bool
    ask: Callable[[], Any]
    answer: "asyncio.Future[Any]"
    done: bool = False
    result: Any = None
    error: Exception | None = None

    def execute(self) -> None:
        """The store does it; nobody is told yet."""
        if not self.done:
            self.done = True
            try:
                self.result = self.ask()
            except Exception as error:
                self.error = error

    def tell(self) -> None:
        """The answer arrives."""
        self.execute()
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)

    def fail(self) -> None:
        """The connection breaks: done or not, nobody knows."""
        if not self.answer.done():
            self.answer.set_exception(StoreUnavailable("the connection broke"))


class Members(View):
    """What a node sees of the registry; nothing new while it has no contact."""

    contact = True

    def show(self, members: Mapping[str, Member]) -> None:
        if self.contact:
            self._show(members)

    def connected(self) -> bool:
        return self.contact

    async def close(self) -> None:
        """Nobody is told any more."""


class Node:
    """A leader for one term, from take-over to its end, however it comes."""

    def __init__(self, world: "World", term: Term) -> None:
        self.world = world
        self.term = term
        self.crashed = False
        self.cut_at: float | None = None
        self.hold_writer = self.hold_side = False
        self.calls: deque[Call] = deque()
        """Asked of the store, and held back, in order."""
        self.view = Members(world.members())
        self._context = contextvars.copy_context()
        self._context.run(NODE.set, self)
        asyncio._set_running_loop(world.loop)
        try:
            self.leader = Leader(term, world.store, world.store, self.view, world.clock, self.may_act, POLICY, METRICS)
        finally:
            asyncio._set_running_loop(None)
        self.run = self.task(self.leader.run())

    def task(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Have something done in this node's process."""
        return self.world.loop.create_task(work, context=self._context)

    @property
    def over(self) -> bool:
        return self.crashed or self.run.done()

    @property
    def fate(self) -> BaseException | None:
        """What ended its term, other than a crash."""
        if not self.run.done() or self.run.cancelled():
            return None
        return self.run.exception()

    @property
    def ready(self) -> bool:
        """Whether it takes what clients ask."""
        return not self.over and self.leader.took_over.is_set()

    def may_act(self) -> bool:
        if self.crashed:
            return False
        return self.cut_at is None or self.world.loop.time() < self.cut_at + MAY_ACT

    def cut(self) -> None:
        """Contact with the coordinator is lost, for good: its session will be over."""
        if self.cut_at is None:
            self.cut_at = self.world.loop.time()
            self.view.contact = False

    def crash(self) -> None:
        """The process is gone: nothing of it goes on, but for what has left it."""
        if not self.crashed:
            self.crashed = True
            for call in self.calls:
                call.answer.cancel()
            self.run.cancel()
            for stream in self.world.streams_of(self):
                if not (stream.held_in and stream.to_executor):
                    stream.cancel()
            self.world.loop.drain()

    # ------------------------------------------------------------------------------------------- its store

    def ask(self, call: Call) -> None:
        """Something is asked of the store."""
        if self.hold_writer if call.pooled else self.hold_side:
            self.calls.append(call)
        else:
            self.world.loop.call_soon(self._at_once, call)

    def _at_once(self, call: Call) -> None:
        if not self.crashed:
            call.tell()

    def let_go(self) -> None:
        """Everything that is held back is done, and answered."""
        self.hold_writer = self.hold_side = False
        while self.calls:
            self.calls.popleft().tell()
