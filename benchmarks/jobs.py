"""Jobs by the thousand, applied through the API as a client would."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from benchmarks.tasks import NOOP
from schedapi.client import Client
from schedapi.v1.job_pb2 import Job, JobSpec, Metadata, PythonTask, Task, Trigger
from schedapi.v1.job_service_pb2 import ApplyRequest, ApplyResponse

NAMESPACE, WARM = "bench", "warm"
BATCH = 1000
"""Jobs in one Apply."""
TIMEOUT = timedelta(minutes=2)


def job(name: str, *triggers: Trigger, task: Task | None = None, namespace: str = NAMESPACE) -> Job:
    """A job that says nothing but what it must: all policies are the defaults."""
    spec = JobSpec(triggers=triggers, task=task or python(NOOP))
    return Job(api_version="sched/v1", kind="Job", metadata=Metadata(name=name, namespace=namespace), spec=spec)


def python(callable_: str) -> Task:
    """A task that calls a registered function."""
    return Task(python=PythonTask(callable=callable_))


def name(number: int) -> str:
    """Of the n-th job."""
    return f"job-{number:07}"


def at(instant: datetime) -> Trigger:
    """A trigger that fires once."""
    return Trigger(name="once", at=f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z")


def apply(client: Client, jobs: Sequence[Job]) -> None:
    """Apply them in batches; returns when the last is committed. Raises `ApiError`."""
    for batch in batched(jobs):
        client.unary("JobService/Apply", ApplyRequest(jobs=batch), ApplyResponse, timeout=TIMEOUT)


def batched(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Batches of what one Apply takes."""
    left = iter(jobs)
    while batch := list(islice(left, BATCH)):
        yield batch
