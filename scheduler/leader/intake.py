"""What executors have said, until it is taken in."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime

from cronquorum.clock import Clock, wait_for_event
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader.ahead import Ahead
from scheduler.leader.link import Link

MOST_BYTES = 64 * 1024 * 1024
"""Of reports that wait to be taken in, beyond which executors wait."""

Take = Callable[[Link, datetime, list[pb.Report]], Awaitable[None]]


class Intake:
    """Has the messages of all executors taken in one after the other, in the order in which they came.

    What has come due at one instant goes before: while it stands in line, reports wait, and those that it could use
    are the slots that they give back, of which `Ahead` has been told. A start that is late is late for ever; a report
    bears its times with it.
    """

    def __init__(self, ahead: Ahead, clock: Clock, take: Take) -> None:
        self._ahead = ahead
        self._clock = clock
        self._take = take
        self._heard: deque[tuple[Link, datetime, list[pb.Report], int]] = deque()
        self._bytes = 0
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._taking = asyncio.Lock()

    async def hear(self, link: Link, reports: list[pb.Report]) -> None:
        """One message's reports. While too much waits, so does who brings them, and with them the executor's questions
        for its lease."""
        while self._bytes >= MOST_BYTES:
            self._room.clear()
            await self._room.wait()
        size = sum(report.ByteSize() for report in reports)
        self._heard.append((link, link.as_of, reports, size))
        self._bytes += size
        self._something.set()

    async def run(self) -> None:
        """Have taken in what is heard, until cancelled."""
        while True:
            await self._something.wait()
            while rush := self._ahead.rush():
                await wait_for_event(self._ahead.calm, self._clock, rush)
            await self._take_next()

    async def flush(self) -> None:
        """Have all taken in that was heard."""
        while self._heard or self._taking.locked():
            await self._take_next()

    async def _take_next(self) -> None:
        async with self._taking:
            if self._heard:
                link, as_of, reports, size = self._heard.popleft()
                await self._take(link, as_of, reports)
                self._bytes -= size
                self._room.set()
            if not self._heard:
                self._something.clear()
