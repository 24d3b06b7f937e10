"""A small server with the API's services, on loopback: the answers are made up, the wire is real."""

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import grpc

from schedapi.errors import (
    ApiError,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    Unavailable,
    Violation,
    abort_sync,
)
from schedapi.v1 import (
    calendar_pb2,
    calendar_service_pb2,
    calendar_service_pb2_grpc,
    cluster_service_pb2,
    cluster_service_pb2_grpc,
    execution_pb2,
    execution_service_pb2,
    execution_service_pb2_grpc,
    job_pb2,
    job_service_pb2,
    job_service_pb2_grpc,
)

EPOCH = datetime(2026, 11, 21, 2, 30, tzinfo=UTC)


class Service:
    """Jobs and executions in dicts, and a server that speaks for them."""

    def __init__(self) -> None:
        self.jobs: dict[tuple[str, str], job_pb2.Job] = {}
        self.calendars: dict[tuple[str, str], calendar_pb2.Calendar] = {}
        self.moved: list[job_service_pb2.MovedTrigger] = []  # by each calendar that is applied
        self.fires: list[job_service_pb2.NextFire] = []
        self.executions: dict[str, execution_pb2.Execution] = {}
        self.requests: list[Any] = []
        self.answers: dict[str, Any] = {}
        self.failures: list[ApiError] = []  # each fails one call, in order
        self.ends_as = "succeeded"
        self.lasts = 0.0  # seconds that a waiting Run takes
        self.logs = [("stdout", b"one\n"), ("stderr", b"two\n")]
        self.held: cluster_service_pb2.Held | None = None
        self.released = threading.Event()
        self.on_get: Callable[[execution_pb2.Execution], None] = lambda execution: None

    def __enter__(self) -> Self:
        self._server = grpc.server(ThreadPoolExecutor(8))
        parts: list[tuple[Any, Any]] = [
            (job_service_pb2_grpc.add_JobServiceServicer_to_server, _Jobs(self)),
            (calendar_service_pb2_grpc.add_CalendarServiceServicer_to_server, _Calendars(self)),
            (execution_service_pb2_grpc.add_ExecutionServiceServicer_to_server, _Executions(self)),
            (cluster_service_pb2_grpc.add_ClusterServiceServicer_to_server, _Cluster(self)),
        ]
        for add, servicer in parts:
            add(servicer, self._server)
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.stop(None).wait()

    def received(self, request: Any, context: grpc.ServicerContext) -> None:
        self.requests.append(request)
        if self.failures:
            abort_sync(context, self.failures.pop(0))

    def find(self, request: Any, context: grpc.ServicerContext) -> job_pb2.Job:
        job = self.jobs.get((request.namespace, request.name))
        if job is None:
            abort_sync(context, NotFound(f"job {request.namespace}/{request.name} does not exist"))
        return job

    def execute(self, job: job_pb2.Job, state: str, params: Any = None) -> execution_pb2.Execution:
        """Record an execution."""
        number = len(self.executions) + 1
        execution = execution_pb2.Execution(
            id=f"0193a000-0000-8000-8000-{number:012d}",
            origin="manual",
            namespace=job.metadata.namespace,
            job=job.metadata.name,
            job_uid=job.status.uid,
            job_revision=job.status.revision,
            state=state,
            executor_id="exec-1",
            incarnation="i1",
            attempt=1,
            placement=1,
            epoch=7,
            params=params,
        )
        execution.scheduled_time.FromDatetime(EPOCH + timedelta(minutes=number))
        execution.recorded.FromDatetime(EPOCH + timedelta(minutes=number))
        execution.started.FromDatetime(EPOCH + timedelta(minutes=number, milliseconds=12))
        if state not in ("pending", "dispatched", "running"):
            execution.ended.FromDatetime(EPOCH + timedelta(minutes=number, seconds=2, milliseconds=512))
        if state == "succeeded":
            execution.result.struct_value.update({"rows": 3})
        if state == "failed":
            execution.exit_code = 2
            execution.error.type, execution.error.message = "exit", "exit code 2"
            execution.error.tail = "line one\nbad \x1b[31mred\x1b[0m\n"
        self.executions[execution.id] = execution
        return execution


class _Jobs(job_service_pb2_grpc.JobServiceServicer):
    def __init__(self, service: Service) -> None:
        self.service = service

    def Apply(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        wrong = [
            Violation(field=f"jobs[{i}].spec.triggers[{j}].cron", description="hours: 25 is not in 0-23")
            for i, job in enumerate(request.jobs)
            for j, trigger in enumerate(job.spec.triggers)
            if trigger.cron.split()[2:3] == ["25"]
        ]
        wrong += [
            Violation(field=f"calendars[{i}].spec.exclude[{j}].ics.text", description="has no event")
            for i, calendar in enumerate(request.calendars)
            for j, rule in enumerate(calendar.spec.exclude)
            if rule.HasField("ics") and "VEVENT" not in rule.ics.text
        ]
        if wrong:
            abort_sync(context, InvalidArgument(f"{len(wrong)} fields are wrong", violations=wrong))
        response = job_service_pb2.ApplyResponse()
        for calendar in request.calendars:
            key = (calendar.metadata.namespace, calendar.metadata.name)
            outcome = "updated" if key in self.service.calendars else "created"
            applied = response.calendars.add(namespace=key[0], name=key[1], outcome=outcome, revision=1)
            applied.moved.extend(self.service.moved[:1000])
            applied.moved_count = len(self.service.moved)
            if not request.dry_run:
                self.service.calendars[key] = _kept(calendar)
        for job in request.jobs:
            key = (job.metadata.namespace, job.metadata.name)
            old = self.service.jobs.get(key)
            same = old is not None and old.spec == job.spec and old.metadata == job.metadata
            revision = old.status.revision + (not same) if old else 1
            outcome = "unchanged" if same else "updated" if old else "created"
            response.jobs.add(namespace=key[0], name=key[1], outcome=outcome, revision=revision)
            if not request.dry_run and not same:
                self.service.jobs[key] = _stored(job, revision)
        return response

    def Get(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        return self.service.find(request, context)

    def List(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        found = [job for key, job in sorted(self.service.jobs.items()) if request.namespace in ("", key[0])]
        start, size = int(request.page_token or 0), request.page_size or 100
        more = str(start + size) if start + size < len(found) else ""
        return job_service_pb2.ListJobsResponse(jobs=found[start : start + size], next_page_token=more)

    def Delete(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        job = self.service.find(request, context)
        del self.service.jobs[request.namespace, request.name]
        return job_service_pb2.DeleteJobResponse(uid=job.status.uid, cancelled=2)

    def Pause(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        job = self.service.find(request, context)
        job.status.state = "paused"
        return job

    def Resume(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        job = self.service.find(request, context)
        job.status.state = "active"
        return job

    def NextFires(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        job = self.service.find(request, context)
        fires = self.service.fires[: request.count or (10_000 if request.HasField("until") else 10)]
        return job_service_pb2.NextFiresResponse(fires=fires, state=job.status.state)

    def Run(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        if request.request_id not in self.service.answers:
            job = self.service.find(request, context)
            self.service.answers[request.request_id] = self.service.execute(job, "pending", request.params)
        execution = self.service.answers[request.request_id]
        if request.wait and not self.service.released.wait(self.service.lasts):
            execution = self.service.execute(
                self.service.jobs[execution.namespace, execution.job], self.service.ends_as, request.params
            )
        return job_service_pb2.RunJobResponse(execution=execution)


def _stored(job: job_pb2.Job, revision: int) -> job_pb2.Job:
    kept = job_pb2.Job()
    kept.CopyFrom(job)
    kept.status.uid = f"uid-{job.metadata.name}"
    kept.status.revision = revision
    kept.status.state = "active"
    kept.status.created.FromDatetime(EPOCH)
    kept.status.updated.FromDatetime(EPOCH)
    kept.status.next_fire.FromDatetime(EPOCH + timedelta(days=1))
    for trigger in job.spec.triggers:
        status = kept.status.triggers.add(name=trigger.name, uid=f"uid-{trigger.name}")
        status.next_fire.FromDatetime(EPOCH + timedelta(days=1))
    return kept


class _Calendars(calendar_service_pb2_grpc.CalendarServiceServicer):
    def __init__(self, service: Service) -> None:
        self.service = service

    def Get(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        if (request.namespace, request.name) not in self.service.calendars:
            abort_sync(context, NotFound(f"there is no calendar {request.namespace}/{request.name}"))
        return self.service.calendars[request.namespace, request.name]

    def List(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        found = [each for key, each in sorted(self.service.calendars.items()) if request.namespace in ("", key[0])]
        start = int(request.page_token or 0)
        more = str(start + request.page_size) if start + request.page_size < len(found) else ""
        page = found[start : start + request.page_size]
        return calendar_service_pb2.ListCalendarsResponse(calendars=page, next_page_token=more)

    def Delete(self, request: Any, context: Any) -> Any:
        self.Get(request, context)
        calendar = self.service.calendars.pop((request.namespace, request.name))
        return calendar_service_pb2.DeleteCalendarResponse(uid=calendar.status.uid)


def _kept(calendar: calendar_pb2.Calendar) -> calendar_pb2.Calendar:
    kept = calendar_pb2.Calendar()
    kept.CopyFrom(calendar)
    kept.status.uid, kept.status.revision = f"uid-{calendar.metadata.name}", 1
    kept.status.created.FromDatetime(EPOCH)
    kept.status.updated.FromDatetime(EPOCH)
    return kept


class _Executions(execution_service_pb2_grpc.ExecutionServiceServicer):
    def __init__(self, service: Service) -> None:
        self.service = service

    def _find(self, id: str, context: Any) -> execution_pb2.Execution:
        if not re.fullmatch(r"[0-9a-f-]{36}", id):
            wrong = Violation(field="id", description=f"{id!r} is not an execution id")
            abort_sync(context, InvalidArgument("1 field is wrong", violations=[wrong]))
        if id not in self.service.executions:
            abort_sync(context, NotFound(f"execution {id} does not exist"))
        return self.service.executions[id]

    def Get(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        execution = self._find(request.id, context)
        self.service.on_get(execution)
        return execution

    def List(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        only = request.filter
        found = [
            each
            for each in reversed(self.service.executions.values())
            if only.namespace in ("", each.namespace)
            and only.job in ("", each.job)
            and (not only.states or each.state in only.states)
        ]
        start, size = int(request.page_token or 0), request.page_size or 100
        more = str(start + size) if start + size < len(found) else ""
        return execution_service_pb2.ListExecutionsResponse(
            executions=found[start : start + size], next_page_token=more
        )

    def Logs(self, request: Any, context: Any) -> Iterator[Any]:
        self.service.received(request, context)
        self._find(request.id, context)
        for stream, data in self.service.logs:
            yield execution_service_pb2.LogChunk(attempt=1, stream=stream, data=data)
        if request.follow:
            self.service.released.wait(60)

    def Cancel(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        execution = self._find(request.id, context)
        if execution.HasField("ended"):
            abort_sync(context, FailedPrecondition(f"execution {request.id} has ended: {execution.state}"))
        execution.cancelling = True
        return execution


class _Cluster(cluster_service_pb2_grpc.ClusterServiceServicer):
    def __init__(self, service: Service) -> None:
        self.service = service

    def Status(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        status = cluster_service_pb2.ClusterStatus(epoch=7, open={"running": 2, "pending": 0})
        node = cluster_service_pb2.Node(node_id="node-a", address="127.0.0.1:7400", version="0.1.0")
        status.nodes.append(node)
        status.leader.CopyFrom(node)
        status.executors.append(_executor())
        status.time.FromDatetime(EPOCH)
        if self.service.held is not None:
            status.held.CopyFrom(self.service.held)
        due = status.due.add(namespace="default", job="nightly", trigger="night")
        due.scheduled_time.FromDatetime(EPOCH + timedelta(seconds=5))
        return status

    def Release(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        if self.service.held is None:
            abort_sync(context, FailedPrecondition("the cluster is not held", reason="NOT_HELD"))
        self.service.held = None
        return cluster_service_pb2.ReleaseResponse()

    def Executors(self, request: Any, context: Any) -> Any:
        self.service.received(request, context)
        return cluster_service_pb2.ExecutorsResponse(executors=[_executor()])


def _executor() -> cluster_service_pb2.Executor:
    return cluster_service_pb2.Executor(
        executor_id="exec-1",
        incarnation="i1",
        address="127.0.0.1:7500",
        state="attached",
        slots=16,
        free_slots=14,
        kinds=["python", "shell"],
        labels={"zone": "a", "gpu": "h100"},
        version="0.1.0",
    )


NO_LEADER = Unavailable("there is no leader now", reason="NO_LEADER")
