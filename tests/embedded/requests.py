"""Requests as a client of the API makes them, from plain manifests."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from schedapi.client import new_request_id
from schedapi.v1.calendar_pb2 import Calendar
from schedapi.v1.calendar_service_pb2 import DeleteCalendarRequest, DeleteCalendarResponse, GetCalendarRequest
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.execution_service_pb2 import ListExecutionsRequest, ListExecutionsResponse
from schedapi.v1.job_pb2 import Job
from schedapi.v1.job_service_pb2 import (
    ApplyRequest,
    ApplyResponse,
    GetJobRequest,
    NextFire,
    NextFiresRequest,
    NextFiresResponse,
    PauseJobRequest,
    ResumeJobRequest,
)
from schedctl.dev import Embedded

Manifest = dict[str, Any]


class Caller:
    """Calls of a cluster, in one namespace."""

    def __init__(self, cluster: Embedded, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def job(self, *triggers: Manifest, name: str = "it", **spec: Any) -> Manifest:
        """The manifest of a job."""
        return {
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"triggers": list(triggers), "task": {"shell": {"command": "true"}}, **spec},
        }

    def calendar(self, name: str = "days", **spec: Any) -> Manifest:
        """The manifest of a calendar."""
        return {"metadata": {"name": name, "namespace": self.namespace}, "spec": spec}

    def apply(self, jobs: Sequence[Manifest] = (), calendars: Sequence[Manifest] = (), **fields: Any) -> ApplyResponse:
        """Apply manifests."""
        request = ApplyRequest(request_id=new_request_id(), **fields)
        ParseDict({"jobs": list(jobs), "calendars": list(calendars)}, request)
        return self.cluster.client.unary("JobService/Apply", request, ApplyResponse)

    def get(self, name: str = "it") -> Job:
        """A job as it is."""
        request = GetJobRequest(namespace=self.namespace, name=name)
        return self.cluster.client.unary("JobService/Get", request, Job)

    def spec(self, name: str = "it") -> Manifest:
        """A job's spec as its manifest would say it."""
        return MessageToDict(self.get(name).spec)

    def get_calendar(self, name: str = "days") -> Calendar:
        """A calendar as it is."""
        request = GetCalendarRequest(namespace=self.namespace, name=name)
        return self.cluster.client.unary("CalendarService/Get", request, Calendar)

    def delete_calendar(self, name: str = "days", **fields: Any) -> str:
        """Delete a calendar; returns its uid."""
        request = DeleteCalendarRequest(
            **{"request_id": new_request_id(), "namespace": self.namespace, "name": name, **fields}
        )
        return self.cluster.client.unary("CalendarService/Delete", request, DeleteCalendarResponse).uid

    def next_fires(self, name: str = "it", **fields: Any) -> list[NextFire]:
        """The next fires of a job."""
        request = NextFiresRequest(namespace=self.namespace, name=name, **fields)
        return list(self.cluster.client.unary("JobService/NextFires", request, NextFiresResponse).fires)

    def times(self, name: str = "it", **fields: Any) -> list[str]:
        """The times of the next fires."""
        return [fire.time.ToJsonString() for fire in self.next_fires(name, **fields)]

    def pause(self, name: str = "it") -> Job:
        request = PauseJobRequest(request_id=new_request_id(), namespace=self.namespace, name=name)
        return self.cluster.client.unary("JobService/Pause", request, Job)

    def resume(self, name: str = "it", catch_up: bool = False) -> Job:
        request = ResumeJobRequest(request_id=new_request_id(), namespace=self.namespace, name=name, catch_up=catch_up)
        return self.cluster.client.unary("JobService/Resume", request, Job)

    def executions(self, name: str = "it") -> list[Execution]:
        """A job's executions, newest first."""
        request = ListExecutionsRequest(page_size=1000)
        request.filter.namespace, request.filter.job = self.namespace, name
        return list(self.cluster.client.unary("ExecutionService/List", request, ListExecutionsResponse).executions)
