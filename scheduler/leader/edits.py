"""Changes of job definitions and calendars: apply, delete, pause, resume.

One edit at a time. While it is decided and written, the triggers of its jobs are frozen; what was due before is
decided first, under the old revision.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, overload

from cronquorum import failpoints
from jobstore.changes import DeleteCalendar, DeleteJob, MoveExecution, PutJob
from jobstore.model import Calendar, DueTrigger, Job
from jobstore.protocols import CalendarQuery, JobQuery
from jobstore.states import State
from scheduler import settle
from scheduler.calendars.library import Name
from scheduler.errors import Conflict, NotFound
from scheduler.leader.applying import AppliedEdit, Request, expect
from scheduler.leader.decisions import Decisions
from scheduler.leader.due import due_trigger
from scheduler.leader.fires import Fires
from scheduler.leader.proposing import resumed
from scheduler.leader.requests import Requests, WriteRequest, carried_through
from scheduler.leader.shared import Shared
from scheduler.misfire import FirePlan

MOST_USERS = 1_000_000
"""Jobs that are moved when a calendar changes: all of them."""
MOST_AT_ONCE = 1_000
"""Fires of a trigger that an edit finds waiting for their jitter, and that run at once; the rest is one record."""


class Edits:
    """Decides edits and has them written."""

    def __init__(self, shared: Shared, decisions: Decisions, fires: Fires, requests: Requests) -> None:
        self._timetable = shared.timetable
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._delays = shared.delays
        self._chains = shared.chains
        self._ahead = shared.ahead
        self._recall = shared.recall
        self._decisions = decisions
        self._fires = fires
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._requests = requests
        self._records = shared.records
        self._clock = shared.clock
        self._failing = shared.metrics.failing
        self._one_at_a_time = asyncio.Lock()

    @carried_through
    async def apply(self, request: WriteRequest, wanted: Request) -> dict[str, Any]:
        """Make all calendars and jobs so, or none. Returns, for each, namespace, name, outcome and revision; for a
        calendar also which triggers of other jobs it moved."""
        async with self._requests.once(request) as first:
            if first is not None:
                return dict(first)
            calendars = [(each.namespace, each.name) for each in wanted.calendars]
            names = [(each.namespace, each.name) for each in wanted.jobs]
            async with self._editing(names, self._catalog.library.affected(calendars)) as (current, now):
                known = await self._known_calendars(calendars)
                # beside the event loop: a calendar may have thousands of triggers
                edit = await asyncio.to_thread(
                    AppliedEdit, wanted, known, current, self._catalog.library, self._clock, now
                )
                facts = edit.facts()
                if not wanted.dry_run:
                    edit.settle(lambda before, job: self._let_go(before, job, now))
                    changes = [*edit.changes(), self._requests.keep(request, facts, now)]
                    failpoints.hit("leader.edit")
                    await self._writer.write(changes)
                    if edit.changed_calendars:
                        self._catalog.put_library(edit.library)
                    for job in edit.changed:
                        self._written(job, current.get((job.namespace, job.name)))
                        if job.uid in edit.compiled:
                            self._catalog.put_compiled(job, *edit.compiled[job.uid])
                return facts

    async def _known_calendars(self, names: Sequence[Name]) -> dict[Name, Calendar]:
        if not names:
            return {}
        query = CalendarQuery(names=tuple(names), limit=len(names))
        found = await self._writer.read(lambda: self._records.calendars(query))
        return {(each.namespace, each.name): each for each in found}

    @carried_through
    async def set_paused(self, request: WriteRequest, name: Name, paused: bool, catch_up: bool = False) -> None:
        """Pause or resume. Resuming goes on from now; with `catch_up`, what fell into the pause was missed."""
        async with self._requests.once(request) as first:
            if first is not None:
                return
            async with self._editing([name]) as (current, now):
                job = _known(current, name)
                after = job
                if job.paused != paused:
                    after = self._paused(job, now) if paused else self._resumed(job, now, catch_up)
                after = self._let_go(job, after, now)
                failpoints.hit("leader.edit")
                await self._writer.write([PutJob(after), self._requests.keep(request, {}, now)])
                self._written(after, job)

    def _paused(self, job: Job, now: datetime) -> Job:
        triggers = tuple(replace(trigger, next_fire=None) for trigger in job.triggers)
        return replace(job, paused=True, paused_since=now, updated=now, triggers=triggers)

    def _resumed(self, job: Job, now: datetime, catch_up: bool) -> Job:
        schedules = {t.name: self._catalog.schedule(job, t.name) for t in job.triggers if not t.error}
        triggers = tuple(resumed(job, t, schedules.get(t.name), now, catch_up=catch_up) for t in job.triggers)
        return replace(job, paused=False, paused_since=None, updated=now, triggers=triggers)

    @carried_through
    async def delete_calendar(self, request: WriteRequest, name: Name, expected_revision: int) -> str:
        """Delete a calendar that nobody uses; returns its uid."""
        async with self._requests.once(request) as first:
            if first is not None:
                return str(first["uid"])
            async with self._one_at_a_time:
                known = await self._known_calendars([name])
                if name not in known:
                    raise NotFound(f"there is no calendar {'/'.join(name)}")
                expect(expected_revision, known[name])
                await self._refuse_used(name)
                facts = {"uid": str(known[name].uid)}
                keep = self._requests.keep(request, facts, self._clock.now())
                await self._writer.write([DeleteCalendar(known[name].uid), keep])
                self._catalog.put_library(self._catalog.library.without(name))
                return facts["uid"]

    async def _refuse_used(self, name: Name) -> None:
        query = JobQuery(calendars=(name,), limit=10)
        users = [
            f"job {job.namespace}/{job.name}" for job in await self._writer.read(lambda: self._records.jobs(query))
        ]
        others = sorted(self._catalog.library.affected([name]) - {name})
        users += [f"calendar {'/'.join(other)}" for other in others[:10]]
        if users:
            raise Conflict(f"calendar {'/'.join(name)} is used by {', '.join(users)}", reason="IN_USE")

    @carried_through
    async def delete(self, request: WriteRequest, name: Name, expected_revision: int) -> tuple[str, int]:
        """Delete a job and cancel what has not started; returns its uid and how many were cancelled."""
        async with self._requests.once(request) as first:
            if first is not None:
                return first["uid"], first["cancelled"]
            async with self._editing([name]) as (current, now):
                job = _known(current, name)
                expect(expected_revision, job)
                self._writer.require_room()
                self._let_go(job, None, now)
                # at once, so that no run is begun of a job that is about to be gone
                self._catalog.drop(job.uid)
                waiting = [e for e in self._ledger.of_job(job.uid) if e.state is not State.RUNNING]
                waiting = [self._ahead.given_back(e, now) for e in waiting]
                cancelled = [self._ledger.put(settle.cancel(e, "jobDeleted", now)) for e in waiting]
                for execution in cancelled:
                    if execution.state.final:
                        self._chains.forget(execution)
                facts = {"uid": str(job.uid), "cancelled": len(cancelled)}
                failpoints.hit("leader.edit")
                await self._writer.write(
                    [
                        *(MoveExecution(execution) for execution in cancelled),
                        DeleteJob(job.uid),
                        self._requests.keep(request, facts, now),
                    ]
                )
                self._catalog.drop(job.uid)
                for trigger in job.triggers:
                    self._decisions.forget(trigger.uid)
                for execution in cancelled:
                    self._outbox.committed(execution)
                self._outbox.cancel(cancelled)
                self._failing.forget(job.uid)
                return str(job.uid), len(cancelled)

    @asynccontextmanager
    async def _editing(
        self, names: Sequence[Name], calendars: Iterable[Name] = ()
    ) -> AsyncIterator[tuple[dict[Name, Job], datetime]]:
        """The named jobs, and those that have triggers with these calendars, as they are: frozen, with
        everything decided that was due before now."""
        queries = []
        if names:
            queries.append(JobQuery(names=tuple(names), limit=len(names)))
        if calendars:
            queries.append(JobQuery(calendars=tuple(calendars), limit=MOST_USERS))

        def read() -> list[Job]:
            return [job for query in queries for job in self._records.jobs(query)]

        async with self._one_at_a_time:
            frozen = [job.uid for job in await asyncio.to_thread(read)]
            for uid in frozen:
                self._timetable.freeze(uid)
            try:
                # behind every fire that was decided before the freeze
                jobs = await self._writer.read(read)
                now = self._clock.now()
                recalled = [job for job in jobs if self._recall.of_job(job.uid, job)]
                if recalled:
                    jobs = await self._writer.read(read)
                # again: the timetable may not reach as far as now, when the store took its time
                found = self._decide_overdue(jobs, now)
                while found:
                    jobs = await self._writer.read(read)
                    before, found = found, self._decide_overdue(jobs, now)
                    if found == before:
                        break  # the store refuses them
                yield {(job.namespace, job.name): job for job in jobs}, now
            finally:
                for uid in frozen:
                    self._timetable.thaw(uid)
                for move in self._delays.thawed():
                    self._writer.submit([move])
                self._fires.changed()

    def _decide_overdue(self, jobs: Iterable[Job], now: datetime) -> set[DueTrigger]:
        """Decide what was due up to now, one due time after the other; returns what they began with."""
        found: set[DueTrigger] = set()
        for job in jobs:
            self._catalog.put(job)
            for trigger in job.triggers:
                due = due_trigger(job, trigger)
                if due is not None and self._is_overdue(job, due, now):
                    found.add(due)
                while due is not None and self._is_overdue(job, due, now):
                    self._timetable.drop(due.uid)
                    self._decisions.decide(due, now)
                    due = self._timetable.of(due.uid)
        return found

    def _is_overdue(self, job: Job, due: DueTrigger, now: datetime) -> bool:
        return due.next_fire <= now and not self._goes_on(job, due, now)

    def _goes_on(self, job: Job, due: DueTrigger, now: datetime) -> bool:
        """Whether a trigger that is due is not to be decided at once: its moment is still to come, or it waits for
        the end of an execution."""
        return (
            self._delays.waits(due.uid)
            or self._decisions.is_catching_up(job, due, now)
            or self._decisions.waits_for_jitter(job, due, now)
        )

    @overload
    def _let_go(self, before: Job | None, after: Job, now: datetime) -> Job: ...
    @overload
    def _let_go(self, before: Job, after: None, now: datetime) -> None: ...

    def _let_go(self, before: Job | None, after: Job | None, now: datetime) -> Job | None:
        """Triggers that are due, have not been decided, and will not go on so: what is due of them is recorded.

        Returns the job as it will be, with that counted. What waits for its jitter runs at once, under the old
        revision; unless the job is paused or deleted.
        """
        kept = {trigger.uid: trigger for trigger in after.triggers} if after else {}
        for trigger in before.triggers if before else ():
            due = due_trigger(before, trigger) if before else None
            goes_on = trigger.uid in kept and kept[trigger.uid].next_fire == trigger.next_fire
            if before is None or due is None or goes_on or self._delays.waits(trigger.uid):
                continue
            for plan in self._plans_for_all(before, due, now, after):
                if trigger.uid in kept:
                    present = kept[trigger.uid]
                    kept[trigger.uid] = replace(present, fires=plan.fires, previous_fire=plan.scheduled_time)
        return replace(after, triggers=tuple(kept.values())) if after else None

    def _plans_for_all(self, before: Job, due: DueTrigger, now: datetime, after: Job | None) -> Iterator[FirePlan]:
        """Record all that is due of a trigger: with a jitter longer than its interval, several wait for it."""
        begun = 0
        left: DueTrigger | None = due
        while left is not None and left.next_fire <= now:
            self._timetable.drop(left.uid)
            waits = self._decisions.waits_for_jitter(before, left, now)
            if waits and after is not None and not after.paused and begun < MOST_AT_ONCE:
                begun += 1
                plan = self._decisions.decide(left, now, edited=True)
            else:
                plan = self._decisions.give_up(before, left, now, _reason(waits, after))
            if plan is None:
                return  # it was set aside
            yield plan
            left = self._timetable.of(due.uid)

    def _written(self, job: Job, before: Job | None) -> None:
        self._catalog.put(job)
        self._delays.edited(job)
        kept = {trigger.uid for trigger in job.triggers}
        for trigger in before.triggers if before else ():
            if trigger.uid not in kept:
                self._decisions.forget(trigger.uid)
        for trigger in job.triggers:
            if not self._delays.waits(trigger.uid):
                self._timetable.put(trigger.uid, job.uid, trigger.next_fire, trigger.fires, trigger.missed_until)


def _reason(waits: bool, after: Job | None) -> str:
    """Why what is due does not run."""
    if waits and after is None:
        return "jobDeleted"
    if waits and after is not None and after.paused:
        return "paused"
    return "misfire: the job was edited before it was caught up"


def _known(current: Mapping[Name, Job], name: Name) -> Job:
    if name not in current:
        raise NotFound(f"there is no job {name[0]}/{name[1]}")
    return current[name]
