"""A running cluster that bad input is given to, and a look at whether something came of it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message

from schedapi.errors import Violation, from_rpc_error
from schedapi.v1 import execution_service_pb2, job_pb2, job_service_pb2
from schedctl.dev import Embedded

QUICK = 0.05
"""Seconds within which bad input is answered."""
TRIES = 10
"""A shared machine stalls at times: the best of so many counts."""

USED = "used"
"""A request_id that ran BASE once."""
BASE = "base"
"""A job that is there."""

JOBS = """
apiVersion: sched/v1
kind: Job
metadata: {name: base}
spec:
  task: {shell: {command: "true"}}
---
apiVersion: sched/v1
kind: Job
metadata: {name: twice}
spec:
  task: {shell: {command: "true"}}
  params: {a: 1}
---
apiVersion: sched/v1
kind: Job
metadata: {name: twice, namespace: other, labels: {team: data}}
spec:
  task: {shell: {command: "true"}}
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call was answered with; `seconds` is how long it took."""

    code: str
    message: str = ""
    reason: str = ""
    violations: Sequence[Violation] = ()
    metadata: Sequence[tuple[str, str]] = ()
    content: bytes = b""
    seconds: float = 0.0


class House:
    """The cluster, and a channel to it on which anything can be sent."""

    def __init__(self, embedded: Embedded) -> None:
        self.embedded = embedded
        options = [("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0)]
        self._channel = grpc.insecure_channel(embedded.address, options=options)

    @property
    def address(self) -> str:
        return self.embedded.address

    def furnish(self) -> None:
        """Put the jobs in that bad input is about."""
        self.embedded.apply(JOBS)
        request = job_service_pb2.RunJobRequest(request_id=USED, name=BASE, wait=True)
        self.embedded.client.unary("JobService/Run", request, job_service_pb2.RunJobResponse)

    def close(self) -> None:
        self._channel.close()

    def call(self, method: str, request: Message | bytes, timeout: float = 20.0, **how: Any) -> Answer:
        """Call a method of our services (or of another: `/service/Method`), with a message or with any bytes."""
        data = request if isinstance(request, bytes) else request.SerializeToString()
        path = method if method.startswith("/") else f"/schedapi.v1.{method}"
        streams = method in ("ExecutionService/Watch", "ExecutionService/Logs")
        make: Any = self._channel.unary_stream if streams else self._channel.unary_unary
        stub = make(path, request_serializer=None, response_deserializer=None)
        start = time.perf_counter()
        try:
            answer = stub(data, timeout=timeout, **how)
            content = b"".join(answer) if streams else answer
        except grpc.RpcError as error:
            found = from_rpc_error(error)
            return Answer(
                code=found.code.name,
                message=found.message,
                reason=found.reason,
                violations=found.violations,
                metadata=tuple(found.metadata.items()),
                seconds=time.perf_counter() - start,
            )
        return Answer(code="OK", content=content, seconds=time.perf_counter() - start)

    def quick(self, method: str, request: Message | bytes) -> Answer:
        """Call, and call again while the answer is slow; the last answer, with the least of all times."""
        seconds = []
        for _ in range(TRIES):
            answer = self.call(method, request)
            seconds.append(answer.seconds)
            if answer.seconds < QUICK:
                break
        assert min(seconds) < QUICK, f"answered after {seconds} s"
        return answer

    def picture(self) -> tuple[list[bytes], list[bytes]]:
        """All jobs and all executions, as they are now."""
        jobs = job_service_pb2.ListJobsResponse.FromString(
            self.call("JobService/List", job_service_pb2.ListJobsRequest(page_size=1000)).content
        )
        executions = execution_service_pb2.ListExecutionsResponse.FromString(
            self.call("ExecutionService/List", execution_service_pb2.ListExecutionsRequest(page_size=1000)).content
        )
        assert not jobs.next_page_token and not executions.next_page_token
        return _written(jobs.jobs), _written(executions.executions)


def _written(messages: Sequence[Message]) -> list[bytes]:
    return [message.SerializeToString(deterministic=True) for message in messages]


def job(name: str = "new", namespace: str = "", **trigger: Any) -> job_pb2.Job:
    """A job, with one trigger when there are fields for it."""
    made = job_pb2.Job(api_version="sched/v1", kind="Job")
    made.metadata.name, made.metadata.namespace = name, namespace
    made.spec.task.shell.command = "true"
    if trigger:
        made.spec.triggers.add(**{"name": "t", "cron": "0 0 3 * * ?", **trigger})
    return made


def apply(*jobs: job_pb2.Job, **fields: Any) -> job_service_pb2.ApplyRequest:
    """A request to apply jobs."""
    return job_service_pb2.ApplyRequest(**{"request_id": "bad", "jobs": jobs, **fields})
