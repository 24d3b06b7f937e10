"""The jobs of triggers that come due soon are read and compiled before, so that then only deciding is left."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from uuid import UUID

from jobstore.model import DueTrigger
from scheduler.errors import InvalidJob
from scheduler.leader.catalog import Catalog
from scheduler.leader.writer import Writer

AT_ONCE = 100
"""Jobs read and compiled before others have their turn: some ten milliseconds."""


class Prefetch:
    """What the timetable has read, in the order of its times. Whoever is not served in time is read when it is due."""

    def __init__(self, catalog: Catalog, writer: Writer) -> None:
        self._catalog = catalog
        self._writer = writer
        self._wanted: deque[UUID] = deque()
        self._something = asyncio.Event()

    def want(self, triggers: Iterable[DueTrigger]) -> None:
        """These come due soon."""
        self._wanted.extend(t.job_uid for t in triggers if not self._catalog.knows(t.job_uid))
        if self._wanted:
            self._something.set()

    async def run(self) -> None:
        """Read and compile, until cancelled."""
        while True:
            await self._something.wait()
            uids = [self._wanted.popleft() for _ in range(min(AT_ONCE, len(self._wanted)))]
            if not self._wanted:
                self._something.clear()
            await self._catalog.fetch_jobs(uids, self._writer.read)
            for uid in uids:
                job = self._catalog.job(uid)
                with contextlib.suppress(InvalidJob):  # it is set aside when it is due
                    if job is not None:
                        self._catalog.compile(job)
                        for trigger in job.triggers:
                            self._catalog.schedule(job, trigger.name)
            await asyncio.sleep(0)  # noqa: TID251 - lets the others run; it waits for nothing
