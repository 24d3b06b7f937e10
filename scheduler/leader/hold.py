"""A term that is held: it has read what is open, runs and writes nothing, and waits for the operator."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from cronquorum.clock import Clock, wait_for_event
from cronquorum.logs import get_logger
from jobstore.changes import ReleaseTerm
from jobstore.model import DueTrigger, Job, Term
from jobstore.protocols import JobQuery, JobStore, Records
from scheduler.calendars.library import Library
from scheduler.definitions import compile_trigger
from scheduler.errors import Conflict, InvalidJob
from scheduler.leader.catalog import Catalog
from scheduler.leader.requests import Requests, WriteRequest, carried_through
from scheduler.leader.writer import Writer
from scheduler.misfire import Standing

MOST_COUNTED = 100_000
"""Overdue triggers that are counted."""
MOST_LOOKED_AT = 2_000
"""Overdue triggers whose due times are counted, the longest overdue first; each of the others counts as one."""
PAGE = 1_000
REMINDER = 60.0
"""Seconds between two lines in the log that say what is waited for."""

RELEASE = "schedctl cluster release"

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overdue:
    """How many triggers are past their next fire, and how many due times that is, both at least."""

    triggers: int = 0
    times: int = 0


class Hold:
    """Why a term is held, what it would run, and how it is released. Of a term that is not, nothing."""

    def __init__(
        self,
        term: Term,
        store: JobStore,
        records: Records,
        catalog: Catalog,
        writer: Writer,
        requests: Requests,
        clock: Clock,
    ) -> None:
        self.reason = term.held
        self._epoch = term.epoch
        self._store = store
        self._records = records
        self._catalog = catalog
        self._writer = writer
        self._requests = requests
        self._clock = clock
        self.released = asyncio.Event()
        """Set when the store has it that later terms are not held."""

    async def wait(self) -> None:
        """Return when the term is released; until then the log says what for."""
        while True:
            overdue = await self.overdue()
            _log.error(
                "held: nothing runs and nothing is written until an operator releases it",
                reason=self.reason,
                epoch=self._epoch,
                overdue_triggers=overdue.triggers,
                overdue_times=overdue.times,
                see="schedctl cluster status",
                release=RELEASE,
            )
            if await wait_for_event(self.released, self._clock, REMINDER):
                return

    async def overdue(self) -> Overdue:
        """What the misfire policies would decide if it were released now."""
        library, now = self._catalog.library.having({}), self._clock.now()
        return await asyncio.to_thread(count_overdue, self._store, self._records, library, now)

    @carried_through
    async def release(self, request: WriteRequest) -> None:
        """Let the next term, which follows at once, go on as if nothing had been. Raises `Conflict` when this one
        is not held."""
        async with self._requests.once(request, while_held=True) as first:
            if first is not None:
                return
            if not self.reason:
                raise Conflict("the cluster is not held: there is nothing to release", reason="NOT_HELD")
            keep = self._requests.keep(request, {}, self._clock.now())
            await self._writer.write([ReleaseTerm(), keep])
            _log.warning("released by an operator", epoch=self._epoch)
            self.released.set()


def count_overdue(store: JobStore, records: Records, library: Library, now: datetime) -> Overdue:
    """Count what is overdue, as far as `MOST_COUNTED` and `MOST_LOOKED_AT` go."""
    triggers = times = 0
    after = None
    while triggers < MOST_COUNTED:
        due = store.due(now, after, PAGE)
        if triggers < MOST_LOOKED_AT and due:
            uids = tuple({trigger.job_uid for trigger in due})
            jobs = {job.uid: job for job in records.jobs(JobQuery(uids=uids, limit=len(uids)))}
            times += sum(_times(trigger, jobs.get(trigger.job_uid), library, now) for trigger in due)
        else:
            times += len(due)
        triggers += len(due)
        if len(due) < PAGE:
            break
        after = (due[-1].next_fire, due[-1].uid)
    return Overdue(triggers=triggers, times=times)


def _times(trigger: DueTrigger, job: Job | None, library: Library, now: datetime) -> int:
    record = job.trigger(trigger.uid) if job is not None else None
    spec = job.spec.trigger(record.name) if job is not None and record is not None else None
    if job is None or spec is None:
        return 1
    try:
        schedule = compile_trigger(spec, job.namespace, job.name, library)
        standing = Standing(schedule=schedule, due=trigger.next_fire, fires=trigger.fires, max_fires=spec.max_fires)
        return standing.range_until(now)[0].count
    except InvalidJob:
        return 1
