"""An event loop without an outside world: its time is the script's, and nothing happens at random."""

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MOST_TURNS = 20_000
"""Callbacks at one instant: more than that never comes to rest."""
_LOOP: Any = asyncio.AbstractEventLoop
_ZERO = 5_000.0
"""Where monotonic time begins."""

Offload = Callable[[bool, Callable[[], Any], "asyncio.Future[Any]"], None]
"""Takes what would run in a thread: whether in a pool of its own (the writer's), the call, and its answer."""


class Restless(AssertionError):
    """Somebody never waits."""


class ModelLoop(_LOOP):  # type: ignore[misc]  # an event loop has 35 methods more, which nobody asks for here
    """Runs callbacks in order; time passes in `advance` only, from one timer to the next."""

    def __init__(self) -> None:
        self.passed = 0
        """Microseconds since the start."""
        self.offload: Offload = lambda pooled, call, answer: None
        self.errors: list[dict[str, Any]] = []
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """Those that are not done, in the order in which they began."""
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()

    # ------------------------------------------------------------------------- what asyncio asks of a loop

    def time(self) -> float:
        return _ZERO + self.passed / 1e6

    def get_debug(self) -> bool:
        return False

    def is_closed(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None, **more: Any) -> "asyncio.Task[Any]":
        task = asyncio.Task(coro, loop=self, name=name, context=context, **more)
        self.tasks[task] = None
        task.add_done_callback(self.tasks.pop)
        return task

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self._at(self.passed + max(0, round(delay * 1e6)), callback, args, context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:
        return self._at(round((when - _ZERO) * 1e6), callback, args, context)

    def _at(self, when: int, callback: Any, args: Any, context: Context | None) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(_ZERO + when / 1e6, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        answer = self.create_future()
        self.offload(executor is not None, lambda: func(*args), answer)
        return answer

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.errors.append(context)

    # ---------------------------------------------------------------------------------- what a script does

    def drain(self) -> None:
        """Run until everybody waits for time, or for something that is held back."""
        asyncio._set_running_loop(self)
        try:
            for _ in range(MOST_TURNS):
                if not self._ready:
                    return
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
            raise Restless(f"still busy after {MOST_TURNS} callbacks: {self._ready[0]!r}")
        finally:
            asyncio._set_running_loop(None)

    def end(self) -> None:
        """Cancel whatever is left, until nothing is."""
        for _ in range(20):
            for task in list(self.tasks):
                task.cancel()
            self.drain()

    def advance(self, seconds: float) -> None:
        """Let time pass; whoever sleeps wakes at his own time."""
        end = self.passed + round(seconds * 1e6)
        self.drain()
        while self._timers and self._timers[0][0] <= end:
            when = self._timers[0][0]
            self.passed = max(self.passed, when)
            while self._timers and self._timers[0][0] == when:
                handle = heapq.heappop(self._timers)[2]
                if not handle.cancelled():
                    self._ready.append(handle)
            self.drain()
        self.passed = end


class ModelClock:
    """Implements `cronquorum.clock.Clock` on the loop's time."""

    def __init__(self, loop: ModelLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(microseconds=self._loop.passed)

    def monotonic(self) -> float:
        return self._loop.time()

    def boottime(self) -> float:
        return self._loop.time() + 85_000.0

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)  # noqa: TID251 - at once, as the contract says
            return
        woken = self._loop.create_future()
        timer = self._loop.call_later(max(seconds, 1e-6), _wake, woken)
        try:
            await woken
        finally:
            timer.cancel()


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
