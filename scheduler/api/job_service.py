"""JobService: definitions of jobs, and manual runs."""

import asyncio
from collections.abc import Sequence

from cronquorum.names import shown
from jobstore.model import Execution, Job
from jobstore.protocols import JobQuery, Records
from jobstore.spec import MAX_TRIGGERS, JobSpec
from schedapi.v1 import execution_pb2, job_pb2, job_service_pb2
from schedapi.v1.job_service_pb2_grpc import JobServiceServicer
from scheduler import wire
from scheduler.api.checks import (
    DEFAULT_NAMESPACE,
    decode_token,
    encode_token,
    expected_revision,
    job_name,
    name_filter,
    page_size,
    run_params,
    unreadable,
    write_request,
)
from scheduler.api.door import Context, Door, answered
from scheduler.definitions import Defaults, check_metadata, compile_definition, read_spec
from scheduler.errors import InvalidJob, InvalidRequest, NotFound, Violation
from scheduler.leader.edits import Proposal
from scheduler.leader.leader import Leader
from scheduler.selector import SelectorError, parse_selector

MOST_JOBS = 5_000
"""Jobs in one Apply: they are written in one transaction."""
SCAN = 500
"""Jobs read at once while a listing looks for those with the right labels."""


class JobService(JobServiceServicer):
    """Reads from the store; passes writes on to the leader."""

    def __init__(self, door: Door, records: Records, defaults: Defaults) -> None:
        self._door = door
        self._records = records
        self._defaults = defaults

    @answered
    async def Apply(self, request: job_service_pb2.ApplyRequest, context: Context) -> job_service_pb2.ApplyResponse:
        # on every node, so that a wrong definition is told also while there is no leader; and beside the
        # event loop, since a thousand definitions take a second
        proposals = await asyncio.to_thread(self._proposals, request)
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "JobService/Apply", request, job_service_pb2.ApplyResponse)
        applied = await leader.edits.apply(
            write_request("apply", request),
            proposals,
            request.dry_run,
            request.expected_revision,
        )
        return job_service_pb2.ApplyResponse(jobs=[job_service_pb2.AppliedJob(**facts) for facts in applied])

    def _proposals(self, request: job_service_pb2.ApplyRequest) -> list[Proposal]:
        wrong: list[Violation] = []
        proposals: dict[tuple[str, str], Proposal] = {}
        if len(request.jobs) > MOST_JOBS:
            raise InvalidRequest(Violation("jobs", f"{len(request.jobs)} jobs of at most {MOST_JOBS}"))
        if not request.jobs:
            raise InvalidRequest(Violation("jobs", "there is no job in the request"))
        if expected_revision(request.expected_revision) and len(request.jobs) != 1:
            raise InvalidRequest(Violation("expected_revision", "goes with a single job"))
        for index, message in enumerate(request.jobs):
            try:
                proposal = self._proposal(message)
                name = (proposal.namespace, proposal.name)
                if name in proposals:
                    told = f"{'/'.join(name)} is in this request twice"
                    raise InvalidJob(Violation("metadata.name", told))
                proposals[name] = proposal
            except InvalidJob as error:
                wrong.extend(violation.under(f"jobs[{index}]") for violation in error.violations)
        if wrong:
            raise InvalidRequest(*wrong)
        return list(proposals.values())

    def _proposal(self, message: job_pb2.Job) -> Proposal:
        wrong = []
        for field, value, right in (
            ("apiVersion", message.api_version, "sched/v1"),
            ("kind", message.kind, "Job"),
        ):
            if value not in ("", right):
                wrong.append(Violation(field, f"{shown(value)} is not {right!r}"))
        namespace = message.metadata.namespace or DEFAULT_NAMESPACE
        labels = dict(message.metadata.labels)
        wrong.extend(check_metadata(message.metadata.name, namespace, labels))
        try:
            definition = compile_definition(_read_spec(message), self._defaults)
        except InvalidJob as error:
            raise InvalidJob(*wrong, *error.violations) from None
        if wrong:
            raise InvalidJob(*wrong)
        return Proposal(namespace=namespace, name=message.metadata.name, labels=labels, definition=definition)

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
            return [wire.job(job, last.get(job.uid)) for job in jobs]

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
        return await self._set_paused(request, context, paused=True)

    @answered
    async def Resume(self, request: job_service_pb2.ResumeJobRequest, context: Context) -> job_pb2.Job:
        return await self._set_paused(request, context, paused=False)

    async def _set_paused(
        self,
        request: job_service_pb2.PauseJobRequest | job_service_pb2.ResumeJobRequest,
        context: Context,
        paused: bool,
    ) -> job_pb2.Job:
        name = job_name(request)
        leader = self._door.leader(context)
        if leader is None:
            method = "JobService/Pause" if paused else "JobService/Resume"
            return await self._door.forward(context, method, request, job_pb2.Job)
        await leader.edits.set_paused(write_request("/".join(name), request), name, paused)
        return await self._job(name)

    @answered
    async def Run(self, request: job_service_pb2.RunJobRequest, context: Context) -> job_service_pb2.RunJobResponse:
        name = job_name(request)
        params = run_params(request.params)
        leader = self._door.leader(context)
        if leader is None:
            return await self._door.forward(context, "JobService/Run", request, job_service_pb2.RunJobResponse)
        identity = write_request("/".join(name), request)
        execution = await leader.runs.run(identity, *name, params)
        if request.wait:
            execution = await leader.runs.final(execution)
        return job_service_pb2.RunJobResponse(execution=await self._execution(execution, leader))

    async def _execution(self, execution: Execution, leader: Leader) -> execution_pb2.Execution:
        definition = leader.catalog.definition(execution.job_uid, execution.revision)
        params = definition.params(execution.trigger, execution.params) if definition else None
        return wire.execution(execution, params)


def _read_spec(message: job_pb2.Job) -> JobSpec:
    triggers = message.spec.triggers
    if len(triggers) > MAX_TRIGGERS:  # counted before anything is done with each
        raise InvalidJob(Violation("spec.triggers", f"{len(triggers)} of at most {MAX_TRIGGERS}"))
    try:
        value = wire.read_job(message)
    except InvalidJob as error:
        places = {"spec.params": message.spec.params, "spec.task.python.params": message.spec.task.python.params}
        places |= {f"spec.triggers[{index}].params": each.params for index, each in enumerate(triggers)}
        raise InvalidJob(*(tuple(unreadable(places)) or error.violations)) from None
    return read_spec(value)
