"""JobService: definitions of jobs, and manual runs."""

import asyncio
from collections.abc import Sequence

from cronquorum.clock import Clock
from jobstore.model import Execution, Job
from jobstore.protocols import JobQuery, Records
from schedapi.v1 import execution_pb2, job_pb2, job_service_pb2
from schedapi.v1.job_service_pb2_grpc import JobServiceServicer
from scheduler import definition_wire, wire
from scheduler.api.applying import answer, read_apply
from scheduler.api.checks import (
    decode_token,
    encode_token,
    expected_revision,
    job_name,
    name_filter,
    page_size,
    run_params,
    write_request,
)
from scheduler.api.door import Context, Door, answered
from scheduler.api.fires_ahead import FiresAhead
from scheduler.definitions import Defaults
from scheduler.errors import InvalidRequest, NotFound, Violation
from scheduler.leader.leader import Leader
from scheduler.selector import SelectorError, parse_selector

SCAN = 500
"""Jobs read at once while a listing looks for those with the right labels."""


class JobService(JobServiceServicer):
    """Reads from the store; passes writes on to the leader."""

    def __init__(self, door: Door, records: Records, defaults: Defaults, clock: Clock) -> None:
        self._door = door
        self._records = records
        self._defaults = defaults
        self._ahead = FiresAhead(records, clock)

    @answered
    async def Apply(self, request: job_service_pb2.ApplyRequest, context: Context) -> job_service_pb2.ApplyResponse:
        # on every node, so that a wrong definition is told also while there is no leader; and beside the
        # event loop, since a thousand definitions take a second
        wanted = await asyncio.to_thread(read_apply, request, self._records, self._defaults)
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "JobService/Apply", request, job_service_pb2.ApplyResponse)
        return answer(await leader.edits.apply(write_request("apply", request), wanted))

    @answered
    async def Get(self, request: job_service_pb2.GetJobRequest, context: Context) -> job_pb2.Job:
        return await self._job(job_name(request))

    async def _job(self, name: tuple[str, str]) -> job_pb2.Job:
        jobs = await asyncio.to_thread(self._records.jobs, JobQuery(names=(name,), limit=1))
        if not jobs:
            raise NotFound(f"there is no job {'/'.join(name)}")
        return (await self._with_last(jobs))[0]

    async def _with_last(self, jobs: Sequence[Job]) -> list[job_pb2.Job]:
        def read() -> list[job_pb2.Job]:
            last = self._records.latest([job.uid for job in jobs])
            return [definition_wire.job(job, last.get(job.uid)) for job in jobs]

        return await asyncio.to_thread(read)  # a page of a thousand takes a while to write down, too

    @answered
    async def List(
        self, request: job_service_pb2.ListJobsRequest, context: Context
    ) -> job_service_pb2.ListJobsResponse:
        size = page_size(request.page_size)
        place = decode_token(request.page_token, 2)
        try:
            selector = parse_selector(request.label_selector)
        except SelectorError as error:
            raise InvalidRequest(Violation("label_selector", str(error))) from None
        after = (place[0], place[1]) if place else None
        found: list[Job] = []
        while True:
            query = JobQuery(namespace=name_filter(request.namespace, "namespace"), after=after, limit=SCAN)
            jobs = await asyncio.to_thread(self._records.jobs, query)
            found.extend(job for job in jobs if selector.matches(job.labels))
            if len(jobs) < SCAN or len(found) > size:
                break
            after = (jobs[-1].namespace, jobs[-1].name)
        page = found[:size]
        token = encode_token([page[-1].namespace, page[-1].name]) if len(found) > size else ""
        return job_service_pb2.ListJobsResponse(jobs=await self._with_last(page), next_page_token=token)

    @answered
    async def Delete(
        self, request: job_service_pb2.DeleteJobRequest, context: Context
    ) -> job_service_pb2.DeleteJobResponse:
        name = job_name(request)
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "JobService/Delete", request, job_service_pb2.DeleteJobResponse)
        uid, cancelled = await leader.edits.delete(
            write_request("/".join(name), request), name, expected_revision(request.expected_revision)
        )
        return job_service_pb2.DeleteJobResponse(uid=uid, cancelled=cancelled)

    @answered
    async def Pause(self, request: job_service_pb2.PauseJobRequest, context: Context) -> job_pb2.Job:
        name = job_name(request)
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "JobService/Pause", request, job_pb2.Job)
        await leader.edits.set_paused(write_request("/".join(name), request), name, paused=True)
        return await self._job(name)

    @answered
    async def Resume(self, request: job_service_pb2.ResumeJobRequest, context: Context) -> job_pb2.Job:
        name = job_name(request)
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "JobService/Resume", request, job_pb2.Job)
        identity = write_request("/".join(name), request)
        await leader.edits.set_paused(identity, name, paused=False, catch_up=request.catch_up)
        return await self._job(name)

    @answered
    async def NextFires(
        self, request: job_service_pb2.NextFiresRequest, context: Context
    ) -> job_service_pb2.NextFiresResponse:
        return await self._ahead.answer(request, context.time_remaining())

    @answered
    async def Run(self, request: job_service_pb2.RunJobRequest, context: Context) -> job_service_pb2.RunJobResponse:
        name = job_name(request)
        params = run_params(request.params)
        trigger = name_filter(request.trigger, "trigger")
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "JobService/Run", request, job_service_pb2.RunJobResponse)
        identity = write_request("/".join(name), request)
        execution = await leader.runs.run(identity, *name, params, trigger, wait=request.wait)
        return job_service_pb2.RunJobResponse(execution=await self._execution(execution, leader))

    async def _execution(self, execution: Execution, leader: Leader) -> execution_pb2.Execution:
        definition = leader.catalog.definition(execution.job_uid, execution.revision)
        params = definition.params(execution.trigger, execution.params) if definition else None
        return wire.execution(execution, params)
