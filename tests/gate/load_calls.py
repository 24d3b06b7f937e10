"""The calls of the load, each with its outcome: carried out, refused, or nobody knows."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from schedapi.client import Client, new_request_id
from schedapi.errors import ApiError, DeadlineExceeded, Unavailable
from schedapi.manifest import read_documents
from schedapi.v1 import execution_pb2, execution_service_pb2, job_pb2, job_service_pb2
from tests.gate.load import NAMESPACE, Job
from tests.gate.load_history import OK, REFUSED, UNKNOWN, Call, History

TIMEOUT = timedelta(seconds=8)
_CERTAIN = ("INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "ABORTED", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED")
"""Codes by which a leader says that it did nothing. UNAVAILABLE may hide an earlier try that went through."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """How a call went."""

    outcome: str
    answer: dict[str, Any]
    request_id: str
    number: int


class Caller:
    """Calls for one thread of the load; another node is tried first after one that didn't answer."""

    def __init__(self, endpoints: Sequence[str], history: History) -> None:
        self._endpoints = list(endpoints)
        self._history = history
        self._client = Client(self._endpoints)

    def close(self) -> None:
        self._client.close()

    def apply(self, jobs: Sequence[Job], *, request_id: str = "", again: int = 0, timeout: timedelta = TIMEOUT) -> Done:
        """Apply jobs in one call; in the history it is a call on each."""
        request_id = request_id or new_request_id()
        documents = [
            {
                "apiVersion": "sched/v1",
                "kind": "Job",
                "metadata": {"name": job.name, "namespace": NAMESPACE},
                "spec": job.spec(),
            }
            for job in jobs
        ]
        messages = [
            document.message
            for each in documents
            for document in read_documents(json.dumps(each), each["metadata"]["name"])  # type: ignore[index]  # a dict
        ]
        request = job_service_pb2.ApplyRequest(request_id=request_id, jobs=messages)  # type: ignore[arg-type]  # jobs all
        calls = [
            self._history.begin("apply", job.name, request_id, manifest=job.manifest(), **_again(again)) for job in jobs
        ]
        outcome, answer = self._call("JobService/Apply", request, job_service_pb2.ApplyResponse, timeout)
        for index, call in enumerate(calls):
            told = (
                {"revision": answer.jobs[index].revision, "applied": answer.jobs[index].outcome}
                if outcome == OK
                else answer
            )
            self._history.end(call, outcome, told)
        return Done(outcome=outcome, answer={}, request_id=request_id, number=calls[0].number)

    def pause(self, job: str, *, request_id: str = "", again: int = 0) -> Done:
        request = job_service_pb2.PauseJobRequest(namespace=NAMESPACE, name=job)
        return self._one("pause", job, "JobService/Pause", request, job_pb2.Job, _revision, request_id, again)

    def resume(self, job: str, catch_up: bool, *, request_id: str = "", again: int = 0) -> Done:
        request = job_service_pb2.ResumeJobRequest(namespace=NAMESPACE, name=job, catch_up=catch_up)
        method = "JobService/Resume"
        return self._one("resume", job, method, request, job_pb2.Job, _revision, request_id, again, catch_up=catch_up)

    def delete(self, job: str, *, request_id: str = "", again: int = 0) -> Done:
        request = job_service_pb2.DeleteJobRequest(namespace=NAMESPACE, name=job)
        kind = job_service_pb2.DeleteJobResponse

        def told(answer: Any) -> dict[str, Any]:
            return {"uid": answer.uid, "cancelled": answer.cancelled}

        return self._one("delete", job, "JobService/Delete", request, kind, told, request_id, again)

    def run(self, job: str, params: dict[str, Any], *, request_id: str = "", again: int = 0) -> Done:
        request = job_service_pb2.RunJobRequest(namespace=NAMESPACE, name=job)
        request.params.update(params)
        kind = job_service_pb2.RunJobResponse

        def told(answer: Any) -> dict[str, Any]:
            return {"execution": answer.execution.id}

        return self._one("run", job, "JobService/Run", request, kind, told, request_id, again, params=params)

    def cancel(self, job: str, execution: str, *, request_id: str = "", again: int = 0) -> Done:
        request = execution_service_pb2.CancelExecutionRequest(id=execution, reason="the load")

        def told(answer: Any) -> dict[str, Any]:
            return {"execution": answer.id, "state": answer.state}

        method, kind = "ExecutionService/Cancel", execution_pb2.Execution
        return self._one("cancel", job, method, request, kind, told, request_id, again, execution=execution)

    def some_running(self) -> list[tuple[str, str]]:
        """Job and id of executions that run now; none when nobody answers."""
        filter_ = execution_service_pb2.ExecutionFilter(namespace=NAMESPACE, states=["running", "pending", "retrying"])
        request = execution_service_pb2.ListExecutionsRequest(filter=filter_, page_size=50)
        outcome, answer = self._call(
            "ExecutionService/List", request, execution_service_pb2.ListExecutionsResponse, TIMEOUT
        )
        return [(each.job, each.id) for each in answer.executions] if outcome == OK else []

    def _one(
        self,
        what: str,
        job: str,
        method: str,
        request: Any,
        kind: type[Any],
        told: Callable[[Any], dict[str, Any]],
        request_id: str,
        again: int,
        **facts: Any,
    ) -> Done:
        request.request_id = request_id or new_request_id()
        call: Call = self._history.begin(what, job, request.request_id, **facts, **_again(again))
        outcome, answer = self._call(method, request, kind, TIMEOUT)
        said = told(answer) if outcome == OK else answer
        self._history.end(call, outcome, said)
        return Done(outcome=outcome, answer=said, request_id=request.request_id, number=call.number)

    def _call(self, method: str, request: Message, kind: type[Any], timeout: timedelta) -> tuple[str, Any]:
        try:
            return OK, self._client.unary(method, request, kind, timeout=timeout)
        except ApiError as error:
            if isinstance(error, DeadlineExceeded | Unavailable):
                self._turn()
            certain = error.answered and error.code.name in _CERTAIN
            return (REFUSED if certain else UNKNOWN), {"reason": error.reason, "message": str(error)[:200]}

    def _turn(self) -> None:
        self._client.close()
        self._endpoints.append(self._endpoints.pop(0))
        self._client = Client(self._endpoints)


def _again(number: int) -> dict[str, int]:
    return {"again": number} if number else {}


def _revision(answer: Any) -> dict[str, Any]:
    return {"revision": answer.status.revision}


def _applied(job: Any) -> dict[str, Any]:
    return {"revision": job.revision, "applied": job.outcome}
