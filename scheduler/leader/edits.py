"""Changes of job definitions: apply, delete, pause, resume.

One edit at a time. While it is decided and written, the job's triggers are frozen; what was due before is
decided first, under the old revision.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jobstore.changes import Change, DeleteJob, MoveExecution, PutJob
from jobstore.ids import new_id
from jobstore.model import DueTrigger, Job, TriggerRecord
from jobstore.protocols import JobQuery
from jobstore.states import State
from scheduler import settle
from scheduler.definitions import Definition
from scheduler.errors import Conflict, InvalidJob, NotFound, Violation
from scheduler.leader.fires import Fires
from scheduler.leader.requests import Requests, WriteRequest, carried_through
from scheduler.leader.shared import Shared

Name = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A job as somebody wants it to be; checked already."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    definition: Definition


class Edits:
    """Decides edits and has them written."""

    def __init__(self, shared: Shared, fires: Fires, requests: Requests) -> None:
        self._timetable = shared.timetable
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._fires = fires
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._requests = requests
        self._records = shared.records
        self._clock = shared.clock
        self._one_at_a_time = asyncio.Lock()

    @carried_through
    async def apply(
        self, request: WriteRequest, proposals: Sequence[Proposal], dry_run: bool, expected_revision: int
    ) -> list[dict[str, Any]]:
        """Make all jobs so, or none. Returns namespace, name, outcome and revision of each."""
        async with self._requests.once(request) as first:
            if first is not None:
                return list(first)
            names = [(proposal.namespace, proposal.name) for proposal in proposals]
            async with self._editing(names) as (current, now):
                jobs = [
                    _propose(proposal, current.get(name), index, now)
                    for index, (name, proposal) in enumerate(zip(names, proposals, strict=True))
                ]
                _expect(expected_revision, current.get(names[0]) if names else None)
                facts = [_applied(job, current.get((job.namespace, job.name))) for job in jobs]
                changed = [job for job in jobs if job is not current.get((job.namespace, job.name))]
                if not dry_run:
                    puts: list[Change] = [PutJob(job) for job in changed]
                    await self._writer.write([*puts, self._requests.keep(request, facts, now)])
                    for job in changed:
                        self._written(job, current.get((job.namespace, job.name)))
                return facts

    @carried_through
    async def set_paused(self, request: WriteRequest, name: Name, paused: bool) -> None:
        """Pause or resume; resuming goes on from now."""
        async with self._requests.once(request) as first:
            if first is not None:
                return
            async with self._editing([name]) as (current, now):
                job = _known(current, name)
                after = job
                if job.paused != paused:
                    definition = self._catalog.compile(job)
                    triggers = tuple(
                        replace(t, next_fire=None if paused or t.error else _next(definition, t.name, now, t))
                        for t in job.triggers
                    )
                    after = replace(job, paused=paused, updated=now, triggers=triggers)
                await self._writer.write([PutJob(after), self._requests.keep(request, {}, now)])
                self._written(after, job)

    @carried_through
    async def delete(self, request: WriteRequest, name: Name, expected_revision: int) -> tuple[str, int]:
        """Delete a job and cancel what has not started; returns its uid and how many were cancelled."""
        async with self._requests.once(request) as first:
            if first is not None:
                return first["uid"], first["cancelled"]
            async with self._editing([name]) as (current, now):
                job = _known(current, name)
                _expect(expected_revision, job)
                self._writer.require_room()
                # at once, so that no run is begun of a job that is about to be gone
                self._catalog.drop(job.uid)
                waiting = [e for e in self._ledger.of_job(job.uid) if e.state is not State.RUNNING]
                cancelled = [self._ledger.put(settle.cancel(e, "jobDeleted", now)) for e in waiting]
                facts = {"uid": str(job.uid), "cancelled": len(cancelled)}
                await self._writer.write(
                    [
                        *(MoveExecution(execution) for execution in cancelled),
                        DeleteJob(job.uid),
                        self._requests.keep(request, facts, now),
                    ]
                )
                self._catalog.drop(job.uid)
                for trigger in job.triggers:
                    self._timetable.drop(trigger.uid)
                self._outbox.committed(cancelled)
                self._outbox.cancel(cancelled)
                return str(job.uid), len(cancelled)

    @asynccontextmanager
    async def _editing(self, names: Sequence[Name]) -> AsyncIterator[tuple[dict[Name, Job], datetime]]:
        """The named jobs as they are, frozen, with everything decided that was due before now."""
        async with self._one_at_a_time:
            query = JobQuery(names=tuple(names), limit=max(1, len(names)))
            frozen = [job.uid for job in await asyncio.to_thread(self._records.jobs, query)]
            for uid in frozen:
                self._timetable.freeze(uid)
            try:
                # behind every fire that was decided before the freeze
                jobs = await self._writer.read(lambda: self._records.jobs(query))
                now = self._clock.now()
                if self._decide_overdue(jobs, now):
                    jobs = await self._writer.read(lambda: self._records.jobs(query))
                yield {(job.namespace, job.name): job for job in jobs}, now
            finally:
                for uid in frozen:
                    self._timetable.thaw(uid)
                self._fires.changed()

    def _decide_overdue(self, jobs: Iterable[Job], now: datetime) -> bool:
        found = False
        for job in jobs:
            self._catalog.put(job)
            for trigger in job.triggers:
                if trigger.next_fire is not None and trigger.next_fire <= now:
                    self._timetable.drop(trigger.uid)
                    due = DueTrigger(uid=trigger.uid, job_uid=job.uid, next_fire=trigger.next_fire)
                    self._fires.decide(due, now)
                    found = True
        return found

    def _written(self, job: Job, before: Job | None) -> None:
        self._catalog.put(job)
        kept = {trigger.uid for trigger in job.triggers}
        for trigger in before.triggers if before else ():
            if trigger.uid not in kept:
                self._timetable.drop(trigger.uid)
        for trigger in job.triggers:
            self._timetable.put(trigger.uid, job.uid, trigger.next_fire)


def _known(current: Mapping[Name, Job], name: Name) -> Job:
    if name not in current:
        raise NotFound(f"there is no job {name[0]}/{name[1]}")
    return current[name]


def _expect(revision: int, job: Job | None) -> None:
    present = job.revision if job else 0
    if revision and revision != present:
        raise Conflict(f"expected revision {revision}, and it is {present}", current_revision=str(present))


def _applied(job: Job, before: Job | None) -> dict[str, Any]:
    outcome = "created" if before is None else "unchanged" if job is before else "updated"
    return {"namespace": job.namespace, "name": job.name, "outcome": outcome, "revision": job.revision}


def _next(definition: Definition, trigger: str, now: datetime, record: TriggerRecord | None) -> datetime | None:
    """The next fire from now on. What has fired does not again, should this node's clock be the slower one."""
    fired = record.previous_fire if record is not None else None
    return definition.schedules[trigger].next_after(now if fired is None else max(now, fired))


def _propose(proposal: Proposal, current: Job | None, index: int, now: datetime) -> Job:
    """The job as it will be; the very same value when nothing changes."""
    spec = proposal.definition.spec
    paused = spec.paused if spec.paused is not None else bool(current and current.paused)
    if (
        current is not None
        and current.spec == spec
        and dict(current.labels) == dict(proposal.labels)
        and current.paused == paused
        and not any(trigger.error for trigger in current.triggers)
    ):
        return current
    known = {trigger.name: trigger for trigger in current.triggers} if current else {}
    triggers = []
    for place, trigger in enumerate(spec.triggers):
        before = known.get(trigger.name)
        next_fire = _next(proposal.definition, trigger.name, now, before)
        old = current.spec.trigger(trigger.name) if current else None
        if next_fire is None and (old is None or not old.same_schedule(trigger)):
            where = f"jobs[{index}].spec.triggers[{place}].cron"
            raise InvalidJob(Violation(where, f"{trigger.cron!r} has no fire left"))
        triggers.append(
            TriggerRecord(
                uid=before.uid if before else new_id(now),
                name=trigger.name,
                next_fire=None if paused else next_fire,
                previous_fire=before.previous_fire if before else None,
            )
        )
    return Job(
        uid=current.uid if current else new_id(now),
        namespace=proposal.namespace,
        name=proposal.name,
        labels=dict(proposal.labels),
        revision=current.revision + 1 if current else 1,
        spec=spec,
        paused=paused,
        created=current.created if current else now,
        updated=now,
        triggers=tuple(triggers),
    )
