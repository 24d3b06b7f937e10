"""Time, and sleeping: the only module that asks the machine for either."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

SLEW_RATE = 0.0005
"""Seconds per second by which a clock moves towards a new offset: 500 ppm, as NTP does it."""

STEP_LIMIT = 10.0
"""An offset that is off by more seconds than this would slew for hours: it is taken at once, and is
said loudly by whoever measures it."""


class Clock(Protocol):
    """What time it is, and how to wait.

    `now` is aware UTC and never goes back. `monotonic` and `boottime` are seconds from an arbitrary
    start; `boottime` counts on while the host is suspended. `sleep` returns after `seconds`
    (at once for 0 or less); it is the only sleep there is.
    """

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    def boottime(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


def host_time() -> datetime:
    """The host's own clock as it stands now, steps and all: to be compared, never to decide by."""
    return datetime.now(UTC)  # noqa: TID251 - this is the module that may


class SystemClock:
    """The host's own clock, read once and carried on by the monotonic one: a step of it is not seen."""

    def __init__(self) -> None:
        self._origin = datetime.now(UTC)  # noqa: TID251 - this is the module that may
        self._start = time.monotonic()

    def now(self) -> datetime:
        return self._origin + timedelta(seconds=time.monotonic() - self._start)

    def monotonic(self) -> float:
        return time.monotonic()

    def boottime(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))  # noqa: TID251 - this is the module that may


class StoreClock:
    """The store's time: a monotonic clock plus an offset that is slewed towards what was last measured.

    Nodes that measure against one store agree with each other, and a stepped host clock moves nothing.
    `now` never goes back, because the offset moves more slowly than time does.
    """

    def __init__(self, base: Clock) -> None:
        self._base = base
        self._zero = base.now() - timedelta(seconds=base.monotonic())
        self._offset = 0.0
        self._target = 0.0
        self._since = base.monotonic()
        self._measured = False

    def measured(self, store_time: datetime, sent: float, received: float) -> float:
        """Take in a reading of the store's clock, asked and answered at these monotonic seconds.

        Returns how far off (seconds, store minus ours) the reading found us. The first is taken as it is.
        """
        middle = (sent + received) / 2
        target = (store_time - self._zero).total_seconds() - middle
        off = target - self._at(middle)
        self._offset, self._since = self._at(received), received
        self._target = target
        if not self._measured or off > STEP_LIMIT:
            self._offset = target
            self._measured = True
        return off

    def _at(self, monotonic: float) -> float:
        room = max(0.0, monotonic - self._since) * SLEW_RATE
        gap = self._target - self._offset
        return self._offset + max(-room, min(room, gap))

    def now(self) -> datetime:
        monotonic = self._base.monotonic()
        return self._zero + timedelta(seconds=monotonic + self._at(monotonic))

    def monotonic(self) -> float:
        return self._base.monotonic()

    def boottime(self) -> float:
        return self._base.boottime()

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)


async def wait_for_event(event: asyncio.Event, clock: Clock, seconds: float | None) -> bool:
    """Wait until the event is set, or for so many seconds (None: for ever); tell whether it is set."""
    if event.is_set() or (seconds is not None and seconds <= 0):
        return event.is_set()
    if seconds is None:
        return await event.wait()
    waiter = asyncio.ensure_future(event.wait())
    sleeper = asyncio.ensure_future(_sleep_until(clock, clock.monotonic() + seconds))
    try:
        await asyncio.wait((waiter, sleeper), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()
        sleeper.cancel()
    return event.is_set()


async def _sleep_until(clock: Clock, deadline: float) -> None:
    # a task begins when those before it have had their turn, which may take a while
    await clock.sleep(deadline - clock.monotonic())


async def beat(clock: Clock, seconds: float) -> float:
    """Sleep until the monotonic clock comes to a whole multiple of so many seconds, and return that instant: loops
    that look again and again wake an idle process together, for to be woken costs it more than most looks."""
    now = clock.monotonic()
    left = seconds - now % seconds
    await clock.sleep(left)
    return now + left


async def every(clock: Clock, seconds: float, duty: Callable[[], object]) -> None:
    """Call a plain function at once and then every so many seconds, until cancelled."""
    while True:
        duty()
        await clock.sleep(seconds)
