"""Between protobuf and definitions: jobs and calendars, as manifests and with their status."""

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format

from jobstore.calendar_spec import MAX_RULES
from jobstore.model import Calendar, Execution, Job, TriggerRecord
from schedapi.v1 import calendar_pb2, job_pb2
from scheduler.errors import InvalidJob, Violation
from scheduler.wire import NO_NUMBER, stamp

API_VERSION = "sched/v1"


def read_job(message: job_pb2.Job) -> Mapping[str, Any]:
    """A job's `spec` as its manifest says it: what is not set is not there. Raises `InvalidJob`."""
    if not message.HasField("spec"):
        return {}
    try:
        spec: Mapping[str, Any] = json_format.MessageToDict(message.spec)
    except (ValueError, json_format.Error):
        raise InvalidJob(Violation("spec", NO_NUMBER)) from None
    return spec


def read_calendar(message: calendar_pb2.Calendar) -> Mapping[str, Any]:
    """A calendar's `spec` as its manifest says it. Raises `InvalidJob` for more rules than are worth a look."""
    for field, rules in (("exclude", message.spec.exclude), ("include", message.spec.include)):
        if len(rules) > MAX_RULES:
            raise InvalidJob(Violation(f"spec.{field}", f"{len(rules)} items of at most {MAX_RULES}"))
    spec: Mapping[str, Any] = json_format.MessageToDict(message.spec)
    return spec


def job(value: Job, last: Execution | None) -> job_pb2.Job:
    """A job with its status."""
    message = job_pb2.Job(
        api_version=API_VERSION,
        kind="Job",
        metadata=_metadata(value),
        spec=json_format.ParseDict(value.spec.to_json(), job_pb2.JobSpec()),
        status=job_pb2.JobStatus(
            uid=str(value.uid),
            revision=value.revision,
            created=stamp(value.created),
            updated=stamp(value.updated),
            state=value.state,
            next_fire=stamp(min((t.next_fire for t in value.triggers if t.next_fire), default=None)),
            triggers=map(_trigger, value.triggers),
        ),
    )
    if last is not None:
        message.status.last_execution.CopyFrom(
            job_pb2.ExecutionRef(id=str(last.id), state=last.state.value, scheduled_time=stamp(last.scheduled_time))
        )
    return message


def _trigger(value: TriggerRecord) -> job_pb2.TriggerStatus:
    return job_pb2.TriggerStatus(
        name=value.name,
        uid=str(value.uid),
        next_fire=stamp(value.next_fire),
        previous_fire=stamp(value.previous_fire),
        error=value.error,
        fires=value.fires,
    )


def calendar(value: Calendar) -> calendar_pb2.Calendar:
    """A calendar with its status."""
    return calendar_pb2.Calendar(
        api_version=API_VERSION,
        kind="Calendar",
        metadata=_metadata(value),
        spec=json_format.ParseDict(value.spec.to_json(), calendar_pb2.CalendarSpec()),
        status=calendar_pb2.CalendarStatus(
            uid=str(value.uid),
            revision=value.revision,
            created=stamp(value.created),
            updated=stamp(value.updated),
        ),
    )


def _metadata(value: Job | Calendar) -> job_pb2.Metadata:
    return job_pb2.Metadata(name=value.name, namespace=value.namespace, labels=dict(value.labels))
