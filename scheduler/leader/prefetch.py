"""The jobs of triggers that come due soon are read and compiled before, so that then only deciding is left."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable

from jobstore.model import DueTrigger
from scheduler.leader.catalog import Catalog
from scheduler.leader.due import find
from scheduler.leader.writer import Writer

AT_ONCE = 100
"""Triggers whose jobs are read and compiled before others have their turn: some ten milliseconds."""


class Prefetch:
    """What the timetable has read, in the order of its times. Whoever is not served in time is read when it is due."""

    def __init__(self, catalog: Catalog, writer: Writer) -> None:
        self._catalog = catalog
        self._writer = writer
        self._wanted: deque[DueTrigger] = deque()
        self._something = asyncio.Event()

    def want(self, triggers: Iterable[DueTrigger]) -> None:
        """These come due soon."""
        self._wanted.extend(trigger for trigger in triggers if not self._catalog.knows(trigger.job_uid))
        if self._wanted:
            self._something.set()

    async def run(self) -> None:
        """Read and compile, until cancelled."""
        while True:
            await self._something.wait()
            some = [self._wanted.popleft() for _ in range(min(AT_ONCE, len(self._wanted)))]
            if not self._wanted:
                self._something.clear()
            await self._catalog.fetch_jobs([trigger.job_uid for trigger in some], self._writer.read)
            for trigger in some:
                # whatever is wrong with one, it is set aside with that when it is due
                with contextlib.suppress(Exception):
                    job = self._catalog.job(trigger.job_uid)
                    if job is not None:
                        find(self._catalog, job, trigger)
            await asyncio.sleep(0)  # noqa: TID251 - lets the others run; it waits for nothing
