"""The loop that fires triggers: read ahead, wait for the next due time, have it decided."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from cronquorum.clock import wait_for_event
from jobstore.model import DueTrigger
from jobstore.protocols import JobStore
from scheduler.leader.ahead import AHEAD
from scheduler.leader.decisions import Decisions
from scheduler.leader.prefetch import Prefetch
from scheduler.leader.shared import Shared
from scheduler.leader.timetable import FIRST_UID

LOOKAHEAD = timedelta(seconds=10)
"""How far the timetable reads ahead of the clock."""
LARGEST_READ = 5_000
"""Triggers in one read; more are read when these are decided."""
MOST_KNOWN = 50_000
"""Triggers in the timetable beyond which no more are read; they have some 30 MB."""
LARGEST_TAKE = 100
"""Triggers taken from the timetable at once."""
LONGEST_STRETCH = 0.02
"""Seconds of deciding after which the loop lets others run."""
CROWDED_PAUSE = 0.005
"""Seconds between two looks at what is due while no slot is free anywhere: what runs is to end first."""
FULL_PAUSE = 0.05
"""Seconds to wait while the writer has enough to do, or may not write."""


class Fires:
    """Has due triggers decided, in the order of their times."""

    def __init__(
        self,
        shared: Shared,
        decisions: Decisions,
        store: JobStore,
        lookahead: timedelta = LOOKAHEAD,
        ahead: timedelta = AHEAD,
    ) -> None:
        self._store = store
        self._decisions = decisions
        self._timetable = shared.timetable
        self._catalog = shared.catalog
        self._writer = shared.writer
        self._clock = shared.clock
        self._backlog = shared.backlog
        self._placement = shared.placement
        self._lookahead = lookahead
        self._ahead = ahead
        self.prefetch = Prefetch(shared.catalog, shared.writer)
        self._changed = asyncio.Event()
        self._resting = False

    def changed(self) -> None:
        """The timetable was changed from outside: look at it again."""
        self._changed.set()

    def rest(self) -> None:
        """Fire nothing more."""
        self._resting = True

    async def run(self) -> None:
        """Fire until cancelled, or told to rest."""
        while True:
            if self._resting:
                await asyncio.Event().wait()
            self._changed.clear()
            await self._read_ahead()
            while self._writer.full or self._writer.paused:
                await self._clock.sleep(FULL_PAUSE)
            if not await self._pass():
                await wait_for_event(self._changed, self._clock, self._idle())
            elif self._placement.full_everywhere:
                await wait_for_event(self._changed, self._clock, CROWDED_PAUSE)
            else:
                await asyncio.sleep(0)  # noqa: TID251 - lets the others run; it waits for nothing

    def _idle(self) -> float | None:
        """Seconds until there is something to do; None when only a change from outside can bring it."""
        due = self._timetable.next_due(self._reach())
        wake = None if self._plenty() else self._timetable.horizon[0] - self._lookahead / 2
        first = min((instant for instant in (due, wake) if instant is not None), default=None)
        return None if first is None else (first - self._clock.now()).total_seconds()

    def _plenty(self) -> bool:
        """Whether so much is to be decided that nothing more is read before."""
        return self._timetable.unheld >= MOST_KNOWN

    def _reach(self) -> timedelta:
        """How long before its time a trigger is looked at, to be recorded ahead."""
        enough = self._placement.full_early or self._timetable.held >= MOST_KNOWN
        return timedelta(0) if enough else self._ahead

    async def _read_ahead(self) -> None:
        now = self._clock.now()
        horizon = self._timetable.horizon
        # what is known lasts for half the lookahead
        if horizon[0] - now > self._lookahead / 2 or self._plenty():
            return
        # the store tells what is earlier than that instant: what is due at it comes with the next read
        until = (now + self._lookahead, FIRST_UID)
        self._timetable.begin_reading(until)
        rows = await self._writer.read(lambda: self._store.due(until[0], horizon, LARGEST_READ))
        full = len(rows) == LARGEST_READ
        self.prefetch.want(rows)
        self._timetable.end_reading(rows, (rows[-1].next_fire, rows[-1].uid) if full else until)

    async def _pass(self) -> bool:
        """Decide what is due now, as far as there is time; tell whether there was anything."""
        begun = self._clock.monotonic()
        found = False
        for waiting in self._backlog.serve(self._placement.has_room):
            self._decisions.has_slot(waiting, self._clock.now())
            found = True
            if self._clock.monotonic() - begun >= LONGEST_STRETCH:
                return True
        while not self._resting and self._clock.monotonic() - begun < LONGEST_STRETCH:
            now = self._clock.now()
            due, missing = self._timetable.take(now, LARGEST_TAKE, self._catalog.knows, self._reach())
            for trigger in sorted(due, key=self._order):
                self._decisions.decide(trigger, now)
            if missing:
                await self._fetch(missing)
            if not (due or missing):
                break
            found = True
            if self._placement.full_everywhere:
                break
        return found

    async def _fetch(self, missing: set[UUID]) -> None:
        """Read jobs; the triggers of those that cannot be read are set aside."""
        await self._catalog.fetch_jobs(missing, self._writer.read)
        for job_uid in missing:
            if not self._catalog.knows(job_uid):
                for trigger in self._timetable.of_job(job_uid):
                    self._decisions.set_aside(trigger, "the job's definition cannot be read")

    def _order(self, trigger: DueTrigger) -> tuple[datetime, int, str]:
        """By time; of one job at one instant, by the triggers' names."""
        job = self._catalog.job(trigger.job_uid)
        record = job.trigger(trigger.uid) if job else None
        return trigger.next_fire, trigger.job_uid.int, record.name if record else ""
