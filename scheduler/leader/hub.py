"""Who waits for an execution to end, and who watches executions change."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from jobstore.model import Execution
from scheduler.errors import NotLeading, Overloaded, SchedulerError

LONGEST_BACKLOG = 10_000
"""Changes that a watcher may lag behind; then it is ended, and may start again."""

MOST_WATCHERS = 1_000

Match = Callable[[Execution], bool]


class Watcher:
    """One who watches; made by `Hub.watch`."""

    def __init__(self, match: Match) -> None:
        self.match = match
        self._changes: deque[Execution] = deque()
        self._something = asyncio.Event()
        self._ended: SchedulerError | None = None

    def offer(self, execution: Execution) -> None:
        """A change that matches."""
        if len(self._changes) >= LONGEST_BACKLOG:
            self.end(Overloaded(f"the watcher is more than {LONGEST_BACKLOG} changes behind"))
        elif self._ended is None:
            self._changes.append(execution)
            self._something.set()

    def end(self, reason: SchedulerError) -> None:
        """There will be no more."""
        self._ended = self._ended or reason
        self._something.set()

    async def next(self) -> Execution:
        """The next change. Raises what ended the watch."""
        while not self._changes:
            if self._ended is not None:
                raise self._ended
            self._something.clear()
            await self._something.wait()
        return self._changes.popleft()


class Hub:
    """Passes on each committed change."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[asyncio.Future[Execution]]] = {}
        self._recording: dict[int, asyncio.Future[Execution]] = {}
        self._watchers: list[Watcher] = []
        self._closed = False

    def publish(self, execution: Execution) -> None:
        """It has been committed as it is."""
        if self._recording:
            recorded = self._recording.pop(execution.id.int, None)
            if recorded is not None:
                recorded.set_result(execution)
        if self._waiting and execution.state.final:
            for future in self._waiting.pop(execution.id.int, ()):
                if not future.done():
                    future.set_result(execution)
        for watcher in self._watchers:
            if watcher.match(execution):
                watcher.offer(execution)

    def recorded(self, execution_id: UUID) -> "asyncio.Future[Execution]":
        """Done when an execution that is about to be submitted is committed. To be shielded from cancellation.

        Raises `NotLeading` when the term is over. The future does when it ends before, and `SetAside` when the
        store refuses the execution.
        """
        if self._closed:
            raise NotLeading("this node stopped leading")
        future: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        self._recording[execution_id.int] = future
        return future

    async def final(self, execution_id: UUID) -> Execution:
        """Return the execution when its end has been committed. Ask before it can have ended.

        Raises `NotLeading` when the term ends before.
        """
        if self._closed:
            raise NotLeading("this node stopped leading")
        future: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(execution_id.int, [])
        waiting.append(future)
        try:
            return await future
        finally:
            if future in waiting:
                waiting.remove(future)
            if not waiting and self._waiting.get(execution_id.int) is waiting:
                del self._waiting[execution_id.int]

    def give_up(self, execution_id: UUID, reason: SchedulerError) -> None:
        """An execution was set aside: who waits for its end is told."""
        recorded = self._recording.pop(execution_id.int, None)
        _fail([recorded] if recorded is not None else [], reason)
        _fail(self._waiting.pop(execution_id.int, ()), reason)

    @contextmanager
    def watch(self, match: Match) -> Iterator[Watcher]:
        """Matching changes from now on, until the term ends.

        The watcher's `next` raises `Overloaded` when it does not keep up; this does when there are too many.
        """
        if self._closed:
            raise NotLeading("this node stopped leading")
        if len(self._watchers) >= MOST_WATCHERS:
            raise Overloaded(f"{MOST_WATCHERS} watchers are here already")
        watcher = Watcher(match)
        self._watchers.append(watcher)
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)

    def close(self) -> None:
        """The term is over: whoever waits is told."""
        self._closed = True
        ended = NotLeading("this node stopped leading")
        _fail(self._recording.values(), ended)
        for futures in self._waiting.values():
            _fail(futures, ended)
        self._recording.clear()
        self._waiting.clear()
        for watcher in self._watchers:
            watcher.end(ended)


def _fail(futures: "Iterable[asyncio.Future[Execution]]", reason: SchedulerError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(reason)
