"""The loop that fires triggers: read ahead, wait for the next due time, decide, record."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from cronquorum.clock import wait_for_event
from cronquorum.logs import get_logger
from jobstore.changes import MoveTrigger
from jobstore.ids import fire_id
from jobstore.model import DueTrigger, Execution, Job, Origin
from jobstore.protocols import JobStore
from jobstore.states import State
from scheduler import concurrency, settle
from scheduler.definitions import Definition
from scheduler.errors import InvalidJob
from scheduler.leader.ledger import Ledger
from scheduler.leader.placement import Placement
from scheduler.leader.shared import Shared
from scheduler.leader.timetable import FIRST_UID
from scheduler.misfire import FirePlan, plan_fire

LOOKAHEAD = timedelta(seconds=10)
"""How far the timetable reads ahead of the clock."""
LARGEST_READ = 5_000
"""Triggers in one read; more are read when these are decided."""
LARGEST_PASS = 1_000
"""Triggers decided at a stretch, before the loop lets others run."""
LONGEST_STRETCH = 0.05
"""Seconds of deciding after which the loop lets others run, too: to count what a long outage missed takes
up to 0.3 s for a single trigger."""
FULL_PAUSE = 0.05
"""Seconds to wait while the writer has enough to do."""

_log = get_logger(__name__)


class Fires:
    """Decides due triggers."""

    def __init__(self, shared: Shared, store: JobStore, lookahead: timedelta = LOOKAHEAD) -> None:
        self._term = shared.term
        self._store = store
        self._timetable = shared.timetable
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._placement = shared.placement
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._clock = shared.clock
        self._metrics = shared.metrics
        self._lookahead = lookahead
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """The timetable was changed from outside: look at it again."""
        self._changed.set()

    async def run(self) -> None:
        """Fire until cancelled."""
        while True:
            self._changed.clear()
            await self._read_ahead()
            while self._writer.full:
                await self._clock.sleep(FULL_PAUSE)
            if await self._pass():
                await asyncio.sleep(0)  # noqa: TID251 - lets the others run; it waits for nothing
                continue
            await wait_for_event(self._changed, self._clock, self._idle())

    def _idle(self) -> float | None:
        """Seconds until there is something to do; None when only a change from outside can bring it."""
        due = self._timetable.next_due()
        wake = None if self._plenty() else self._timetable.horizon[0] - self._lookahead / 2
        first = min((instant for instant in (due, wake) if instant is not None), default=None)
        return None if first is None else (first - self._clock.now()).total_seconds()

    def _plenty(self) -> bool:
        """Whether so much is to be decided that nothing more is read before."""
        return len(self._timetable) >= 2 * LARGEST_READ

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
        self._timetable.end_reading(rows, (rows[-1].next_fire, rows[-1].uid) if full else until)

    async def _pass(self) -> bool:
        """Decide what is due now; tell whether there was anything."""
        now = self._clock.now()
        due, missing = self._timetable.take(now, LARGEST_PASS, self._catalog.knows)
        begun = self._clock.monotonic()
        for trigger in sorted(due, key=self._order):
            if self._clock.monotonic() - begun < LONGEST_STRETCH:
                self.decide(trigger, now)
            else:
                self._timetable.put(trigger.uid, trigger.job_uid, trigger.next_fire)
        if missing:
            await self._catalog.fetch_jobs(missing, self._writer.read)
            for job_uid in missing:
                if not self._catalog.knows(job_uid):
                    for trigger in self._timetable.of_job(job_uid):
                        self._set_aside(trigger, "the job's definition cannot be read")
        return bool(due or missing)

    def _order(self, trigger: DueTrigger) -> tuple[datetime, UUID, str]:
        """By time; of one job at one instant, by the triggers' names."""
        job = self._catalog.job(trigger.job_uid)
        record = job.trigger(trigger.uid) if job else None
        return trigger.next_fire, trigger.job_uid, record.name if record else ""

    def decide(self, trigger: DueTrigger, now: datetime) -> None:
        """Decide one due trigger, record it, and go on to its next fire.

        Whatever is wrong with it concerns it alone: it is set aside with its error.
        """
        job = self._catalog.job(trigger.job_uid)
        record = job.trigger(trigger.uid) if job is not None else None
        if job is None or record is None:
            self._set_aside(trigger, "the job has no such trigger")
            return
        try:
            definition = self._catalog.compile(job)
            spec = definition.spec.trigger(record.name)
            if spec is None:
                raise InvalidJob()
            plan = plan_fire(
                definition.schedules[record.name],
                trigger.next_fire,
                now,
                spec.misfire.policy,
                spec.misfire.threshold,
            )
        except Exception as error:
            # anything at all: one poisoned trigger must not stop the loop that fires the others
            self._set_aside(trigger, str(error) or "its definition cannot be read")
            return
        self._record(job, definition, trigger, record.name, plan, now)

    def _record(
        self,
        job: Job,
        definition: Definition,
        trigger: DueTrigger,
        name: str,
        plan: FirePlan,
        now: datetime,
    ) -> None:
        execution = Execution(
            id=fire_id(trigger.uid, plan.scheduled_time),
            origin=Origin.SCHEDULE,
            namespace=job.namespace,
            job=job.name,
            job_uid=job.uid,
            revision=job.revision,
            trigger_uid=trigger.uid,
            trigger=name,
            scheduled_time=plan.scheduled_time,
            state=State.PENDING,
            epoch=self._term.epoch,
            check_at=now + settle.CHECK_PENDING,
            recorded=now,
            missed=plan.missed,
        )
        self._timetable.put(trigger.uid, job.uid, plan.next_fire)
        move = MoveTrigger(trigger.uid, plan.next_fire, plan.scheduled_time)
        self._outbox.new(admit(execution, plan.run, definition, self._ledger, self._placement, now), move)

    def _set_aside(self, trigger: DueTrigger, error: str) -> None:
        _log.error("a trigger is set aside", trigger=str(trigger.uid), error=error)
        self._metrics.set_aside.inc()
        self._timetable.drop(trigger.uid)
        self._writer.submit([MoveTrigger(trigger.uid, None, None, error[:500])])


def admit(
    execution: Execution,
    run: bool,
    definition: Definition,
    ledger: Ledger,
    placement: Placement,
    now: datetime,
) -> Execution:
    """Skip a new execution (misfire, overlap), or place it; the answer is in the ledger."""
    if not run:
        return settle.skip(execution, "misfire", now)
    if not concurrency.POLICIES[definition.concurrency](ledger.open_count(execution.job_uid)):
        return settle.skip(execution, "overlap", now)
    return placement.place(execution, definition, now)
