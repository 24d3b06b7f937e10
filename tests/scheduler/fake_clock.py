"""A clock that stands still until a test moves it, and waiting that takes no time of it."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday, at noon."""

PATIENCE = 20.0
"""Seconds of real time after which a test gives up: a shared machine of two cores stalls for seconds."""

_TURNS = 20
"""Turns of the event loop that let every task that can go on without the outside world do so."""


async def turns(count: int = _TURNS) -> None:
    """Let the other tasks of the event loop run."""
    for _ in range(count):
        await asyncio.sleep(0)  # noqa: TID251 - it waits for nothing


async def until(condition: Callable[[], object], described: str = "") -> None:
    """Let the others run until the condition holds; no clock is moved."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE:g} s: {described or 'the condition became true'}")
        await asyncio.sleep(0)  # noqa: TID251 - it waits for nothing


class FakeClock:
    """Implements `cronquorum.clock.Clock`: time passes in `advance`, and nowhere else.

    `monotonic` and `boottime` begin at other places, so that nobody can take one for the other.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = timedelta(0)
        self._numbers = itertools.count()
        self._sleepers: list[tuple[timedelta, int, asyncio.Future[None]]] = []
        self.rest: Callable[[], Awaitable[None]] = turns
        """Awaited before time goes on: what is under way elsewhere (threads, wires) takes none of it."""

    def now(self) -> datetime:
        return self._start + self._passed

    def monotonic(self) -> float:
        return 5_000.0 + self._passed.total_seconds()

    def boottime(self) -> float:
        return 90_000.0 + self._passed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)  # noqa: TID251 - at once, as the contract says
            return
        waking = asyncio.get_running_loop().create_future()
        wake = self._passed + timedelta(seconds=seconds)
        heapq.heappush(self._sleepers, (wake, next(self._numbers), waking))
        await waking

    @property
    def alarms(self) -> list[datetime]:
        """When somebody who sleeps wakes up, in order."""
        return sorted(self._start + wake for wake, _, waking in self._sleepers if not waking.done())

    def jump(self, seconds: float) -> None:
        """Time has passed, and whoever sleeps has not noticed yet."""
        self._passed += timedelta(seconds=seconds)

    async def advance(self, seconds: float) -> None:
        """Let time pass. Whoever sleeps wakes at his own time, in order, and runs before time goes on."""
        await self.rest()
        end = self._passed + timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= end:
            wake, _, waking = heapq.heappop(self._sleepers)
            if waking.done():
                continue
            self._passed = max(self._passed, wake)
            waking.set_result(None)
            if not self._sleepers or self._sleepers[0][0] > wake:
                await self.rest()
        self._passed = end
        await self.rest()
