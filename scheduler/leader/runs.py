"""Executions that somebody asks for, or asks to end."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from cronquorum.names import shown
from jobstore.changes import MoveExecution
from jobstore.ids import new_id
from jobstore.model import Execution, Job, Origin
from jobstore.protocols import JobQuery
from jobstore.states import State
from scheduler import settle, wire
from scheduler.errors import Conflict, NotFound
from scheduler.leader.requests import Requests, WriteRequest, carried_through
from scheduler.leader.shared import Shared


class Runs:
    """Manual runs and cancels."""

    def __init__(self, shared: Shared, requests: Requests) -> None:
        self._term = shared.term
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._admission = shared.admission
        self._chains = shared.chains
        self._ahead = shared.ahead
        self._recall = shared.recall
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._hub = shared.hub
        self._requests = requests
        self._records = shared.records
        self._clock = shared.clock

    async def run(
        self,
        request: WriteRequest,
        namespace: str,
        name: str,
        params: Mapping[str, Any],
        trigger: str = "",
        *,
        wait: bool = False,
    ) -> Execution:
        """Record one execution now, and send it; returned when its record is committed, or with `wait` its end.

        `trigger` names one of the job's triggers, whose parameters it takes. Once it is decided, it goes its way also
        when the caller goes away. Raises `SetAside` when the store refuses it.
        """
        first = await self._requests.enter(request)
        leave = partial(self._requests.leave, request)
        if first is not None:
            leave()
            execution = await self._recorded(UUID(first["execution"]))
            return await self.final(execution) if wait else execution
        try:
            execution = self._decide(request, await self._job(namespace, name), params, trigger)
            kept = self._requests.keep(request, {"execution": str(execution.id)}, execution.recorded)
            recorded = self._hub.recorded(execution.id)
        except BaseException:
            leave()
            raise
        # not when the caller goes away: who asks again must find what is on its way to the store
        recorded.add_done_callback(partial(_known, leave))
        self._outbox.new(execution, kept)
        return await (self._hub.final(execution.id) if wait else asyncio.shield(recorded))

    def _decide(self, request: WriteRequest, job: Job, params: Mapping[str, Any], trigger: str) -> Execution:
        definition = self._catalog.compile(job)
        if trigger and job.spec.trigger(trigger) is None:
            raise NotFound(f"job {job.namespace}/{job.name} has no trigger {shown(trigger)}")
        now = self._clock.now()
        # to the millisecond, and never later than now
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        execution = Execution(
            id=new_id(now),
            origin=Origin.MANUAL,
            namespace=job.namespace,
            job=job.name,
            job_uid=job.uid,
            revision=job.revision,
            trigger=trigger,
            scheduled_time=at,
            state=State.PENDING,
            epoch=self._term.epoch,
            check_at=now + settle.CHECK_PENDING,
            recorded=now,
            params=dict(params),
            request_id=request.request_id,
        )
        self._writer.require_room()
        if not self._admission.is_free(definition, 1):
            self._recall.of_job(job.uid)  # what is to come is not open yet
        return self._admission.admit(execution, definition, now)

    async def final(self, execution: Execution) -> Execution:
        """Return the execution when its end has been committed."""
        if self._ledger.get(execution.id) is not None:
            return await self._hub.final(execution.id)
        # its end is decided, and committed behind what is submitted already
        found = await self._writer.read(lambda: self._records.execution(execution.id))
        if found is None:
            raise NotFound(f"there is no execution {execution.id}")
        return found

    @carried_through
    async def cancel(self, request: WriteRequest, execution_id: UUID, reason: str) -> Execution:
        """End an execution that is open: at once, or when its executor confirms."""
        async with self._requests.once(request) as first:
            if first is not None:
                return await self._recorded(execution_id)
            execution = self._ledger.get(execution_id)
            if execution is None:
                past = await self._recorded(execution_id)
                raise Conflict(f"execution {execution_id} is {past.state} already", reason="FINAL")
            self._writer.require_room()
            now = self._clock.now()
            execution = self._ahead.given_back(execution, now)
            after = self._ledger.put(settle.cancel(execution, wire.text(reason, 500) or "cancelled", now))
            if after.state.final:
                self._chains.forget(after)  # at once: it stands in nobody's line while this is written
            await self._outbox.written(MoveExecution(after), self._requests.keep(request, {}, now))
            self._outbox.cancel([after])
            return after

    async def _job(self, namespace: str, name: str) -> Job:
        job = self._catalog.named(namespace, name)
        if job is None:
            query = JobQuery(names=((namespace, name),), limit=1)
            # behind every edit, so that a job deleted meanwhile is not put back
            for job in await self._writer.read(lambda: self._records.jobs(query)):
                self._catalog.put(job)
        if job is None:
            raise NotFound(f"there is no job {shown(f'{namespace}/{name}')}")
        return job

    async def _recorded(self, execution_id: UUID) -> Execution:
        execution = self._ledger.get(execution_id)
        if execution is None:
            execution = await asyncio.to_thread(self._records.execution, execution_id)
        if execution is None:
            raise NotFound(f"there is no execution {execution_id}")
        return execution


def _known(leave: Callable[[], None], recorded: "asyncio.Future[Execution]") -> None:
    recorded.exception()  # nobody may be left who asks for it
    leave()
