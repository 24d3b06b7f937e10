"""The one writer of a term: group commit.

What has gathered while a commit was under way goes into the next one. So alone, a change waits for
nobody; under load, one commit carries hundreds.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from cronquorum import failpoints
from cronquorum.clock import Clock
from cronquorum.logs import get_logger
from jobstore.changes import Change
from jobstore.errors import BadChange, StaleTerm
from jobstore.model import Term
from jobstore.protocols import JobStore
from scheduler.errors import NotLeading, Overloaded
from scheduler.metrics import NodeMetrics

LARGEST_COMMIT = 1000
"""Units in one transaction: larger ones gain nothing, and make whoever comes next wait."""

LONGEST_QUEUE = 50_000
"""Units that may wait; then callers are told to come back, and fires wait in the store."""

PAUSE = 0.02
"""Seconds between two looks at whether the leader may act again."""

T = TypeVar("T")
_log = get_logger(__name__)


class Unit(Protocol):
    """Changes that are written together, or not at all; and who is told."""

    @property
    def changes(self) -> Sequence[Change]:
        """What is to be written."""
        ...

    def committed(self) -> None:
        """It is written."""
        ...

    def refused(self, error: Exception) -> None:
        """Its data cannot be written; or, with `NotLeading`, the term ended before that was known."""
        ...


@dataclass(frozen=True, slots=True)
class _Unit:
    changes: Sequence[Change]
    committed: Callable[[], None]
    refused: Callable[[Exception], None]


@dataclass(frozen=True, slots=True)
class _Read:
    """A question to the store, asked when all that was submitted before is committed."""

    ask: Callable[[], Any]
    answer: asyncio.Future[Any]


def _nothing() -> None:
    pass


class Writer:
    """Commits units in the order of their submission, as long as the leader may act.

    A unit whose data the store refuses is found by halving, and told apart from its neighbours. Any other
    failure ends the term: whether the last commit went through is then not known here.
    """

    def __init__(
        self,
        store: JobStore,
        term: Term,
        clock: Clock,
        may_act: Callable[[], bool],
        metrics: NodeMetrics,
    ) -> None:
        self._store = store
        self._term = term
        self._clock = clock
        self._may_act = may_act
        self._metrics = metrics
        self._queue: deque[Unit | _Read] = deque()
        self._arrived = asyncio.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._closed = False
        self._under_way: deque[Unit | _Read] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether new work must wait outside."""
        return len(self._queue) >= LONGEST_QUEUE

    @property
    def paused(self) -> bool:
        """Whether nothing is written now, since the leader may not act: what can wait is to be decided later."""
        return not self._may_act()

    def submit(
        self,
        changes: Sequence[Change],
        committed: Callable[[], None] = _nothing,
        refused: Callable[[Exception], None] | None = None,
    ) -> None:
        """Have changes written. `committed` is called when they are, `refused` when their data cannot be, and
        with `NotLeading` when the term ends before either is known."""
        self.put(_Unit(changes, committed, refused or _log_refusal))

    def put(self, unit: Unit) -> None:
        """Have a unit written."""
        self._queue.append(unit)
        self._arrived.set()

    def require_room(self) -> None:
        """Raises `Overloaded` when too much waits already: to be asked before anything is decided."""
        if self.full:
            raise Overloaded(f"{len(self._queue)} writes are waiting")

    async def write(self, changes: Sequence[Change]) -> None:
        """Have changes written, and wait for it.

        Raises `BadChange` when the store refuses them, `NotLeading` when the term ends before, and
        `Overloaded` when too much waits already.
        """
        self.require_room()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def committed() -> None:
            if not done.done():
                done.set_result(None)

        def refused(error: Exception) -> None:
            if not done.done():
                done.set_exception(error)

        self.submit(changes, committed, refused)
        await self._or_ended(done)

    async def read(self, ask: Callable[[], T]) -> T:
        """Ask the store in the writer's thread, behind everything submitted so far."""
        return await self.ask(ask)

    def ask(self, ask: Callable[[], T]) -> "asyncio.Future[T]":
        """The same for one who must not wait: in a silence of the coordinator's that may be long."""
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._closed:
            answer.set_exception(NotLeading("this node stopped leading"))
        else:
            self._queue.append(_Read(ask, answer))
            self._arrived.set()
        return answer

    async def _or_ended(self, future: "asyncio.Future[T]") -> T:
        if self._closed:
            raise NotLeading("this node stopped leading")
        return await future

    async def run(self) -> None:
        """Write until cancelled. Raises the `StoreError` that ended the term."""
        loop = asyncio.get_running_loop()
        while True:
            if not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            while not self._may_act():
                await self._clock.sleep(PAUSE)
            if isinstance(self._queue[0], _Read):
                read = self._queue.popleft()
                assert isinstance(read, _Read)
                self._under_way.append(read)
                await self._answer(loop, read)
            else:
                units = self._gather()
                self._under_way.extend(units)
                await self._commit(loop, units)

    def _gather(self) -> list[Unit]:
        units: list[Unit] = []
        while self._queue and len(units) < LARGEST_COMMIT:
            head = self._queue[0]
            if isinstance(head, _Read):
                break
            units.append(head)
            self._queue.popleft()
        return units

    async def _answer(self, loop: asyncio.AbstractEventLoop, read: _Read) -> None:
        try:
            result = await loop.run_in_executor(self._pool, read.ask)
        except Exception as error:
            self._under_way.popleft()
            if not read.answer.done():
                read.answer.set_exception(error)
        else:
            self._under_way.popleft()
            if not read.answer.done():
                read.answer.set_result(result)

    async def _commit(self, loop: asyncio.AbstractEventLoop, units: list[Unit]) -> None:
        changes = [change for unit in units for change in unit.changes]
        sent = self._clock.monotonic()
        failpoints.hit("leader.record")
        try:
            await loop.run_in_executor(self._pool, self._store.commit, self._term, changes)
        except StaleTerm as error:
            self._metrics.fencing.add("write")
            _log.warning("a write of an ended term was refused", epoch=self._term.epoch, error=str(error))
            raise
        except BadChange as error:
            if len(units) == 1:
                self._under_way.popleft()
                units[0].refused(error)
                return
            middle = len(units) // 2
            await self._commit(loop, units[:middle])
            await self._commit(loop, units[middle:])
            return
        failpoints.hit("leader.recorded")
        self._metrics.committed(len(changes), self._clock.monotonic() - sent)
        for unit in units:  # in order, also when they are halves: this one is the first that is under way
            self._under_way.popleft()
            unit.committed()

    async def drained(self) -> None:
        """Return when everything submitted so far is committed."""
        await self.read(_nothing)

    def close(self) -> None:
        """Answer whoever still waits, and take nothing more.

        What waited is not written; whether the last commit went through is not known here.
        """
        self._closed = True
        ended = NotLeading("this node stopped leading before the write was known to be committed")
        for item in (*self._under_way, *self._queue):
            if isinstance(item, _Read):
                if not item.answer.done():
                    item.answer.set_exception(ended)
            else:
                item.refused(ended)
        self._under_way.clear()
        self._queue.clear()
        self._pool.shutdown(wait=False)


def _log_refusal(error: Exception) -> None:
    if not isinstance(error, NotLeading):
        _log.error("the store refused a change", error=str(error))
