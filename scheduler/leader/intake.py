"""What executors have said, until it is taken in."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from cronquorum.clock import Clock, wait_for_event
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.leader.ahead import Ahead
from scheduler.leader.link import Link

MOST_BYTES = 64 * 1024 * 1024
"""Of reports that wait to be taken in, beyond which executors wait."""

Take = Callable[[Link, datetime, list[pb.Report]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Message:
    link: Link
    as_of: datetime
    reports: list[pb.Report]
    size: int


class Intake:
    """Has the messages of all executors taken in one after the other, in the order in which they came.

    What has come due at one instant goes before: while it stands in line, reports wait. All that it could use of them
    are the slots that they give back, and those are free at once. A start that is late is late for ever; a report bears
    its times with it.
    """

    def __init__(self, ahead: Ahead, clock: Clock, take: Take) -> None:
        self._ahead = ahead
        self._clock = clock
        self._take = take
        self._heard: deque[_Message | asyncio.Event] = deque()
        """Also who waits for what was heard before."""
        self._bytes = 0
        self._something = asyncio.Event()
        self._room = asyncio.Event()

    async def hear(self, link: Link, reports: list[pb.Report]) -> None:
        """One message's reports. While too much waits, so does who brings them, and with them the executor's questions
        for its lease."""
        while self._bytes >= MOST_BYTES:
            self._room.clear()
            await self._room.wait()
        size = sum(report.ByteSize() for report in reports)
        self._bytes += size
        self._put(_Message(link, link.as_of, reports, size))

    async def taken(self, link: Link) -> None:
        """Return when all is taken in that was heard of this executor before."""
        if any(isinstance(item, _Message) and item.link is link for item in self._heard):
            reached = asyncio.Event()
            self._put(reached)
            await reached.wait()

    async def run(self) -> None:
        """Have taken in what is heard, until cancelled."""
        while True:
            await self._something.wait()
            while rush := self._ahead.rush():
                await wait_for_event(self._ahead.calm, self._clock, rush)
            await self._take_next()

    def _put(self, item: _Message | asyncio.Event) -> None:
        self._heard.append(item)
        self._something.set()

    async def _take_next(self) -> None:
        item = self._heard[0]
        if isinstance(item, asyncio.Event):
            item.set()
        else:
            await self._take(item.link, item.as_of, item.reports)
            self._bytes -= item.size
            self._room.set()
        self._heard.popleft()
        if not self._heard:
            self._something.clear()
