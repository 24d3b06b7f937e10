"""How a term begins: what is open is read, and what waits goes on."""

from functools import partial

from jobstore.protocols import CalendarQuery, JobStore
from jobstore.states import State
from scheduler.calendars.library import MOST_CALENDARS, Library
from scheduler.leader.chains import BEHIND, LATE
from scheduler.leader.shared import Shared

PAGE = 1_000
"""Open executions read at once."""


class TakeOver:
    """Of one term. The work is bounded by what is open, whatever there is of history and of triggers."""

    def __init__(self, shared: Shared, store: JobStore) -> None:
        self._store = store
        self._records = shared.records
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._delays = shared.delays
        self._chains = shared.chains
        self._placement = shared.placement
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._clock = shared.clock

    async def read(self) -> None:
        """Read the calendars, the open executions and their definitions."""
        self._catalog.put_library(await self._writer.read(self._read_calendars))
        last = None
        while True:
            page = await self._writer.read(partial(self._store.open_executions, last, PAGE))
            await self._catalog.fetch_definitions((e.job_uid, e.revision) for e in page)
            for execution in page:
                self._ledger.put(execution)
                if execution.reason == BEHIND:
                    self._chains.rejoin(execution)
                elif execution.recorded - execution.scheduled_time > LATE:
                    self._chains.begin(execution, execution.dispatched or execution.recorded)
            if len(page) < PAGE:
                break
            last = page[-1].id
        await self._delays.resume(self._ledger.all(), self._writer.read)

    def go_on(self) -> None:
        """Place what waits, when the executors that are there are attached."""
        now = self._clock.now()
        for execution in self._ledger.all():
            definition = self._catalog.definition(execution.job_uid, execution.revision)
            if execution.state is State.PENDING and definition is not None and execution.reason != BEHIND:
                placed = self._placement.place(execution, definition, now)
                if placed is not execution:
                    self._outbox.move([placed])
        self._outbox.move(self._chains.resume())

    def _read_calendars(self) -> Library:
        query = CalendarQuery(limit=MOST_CALENDARS)
        return Library({(each.namespace, each.name): each.spec for each in self._records.calendars(query)})
