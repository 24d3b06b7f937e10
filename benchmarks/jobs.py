"""Jobs by the thousand, applied through the API as a client would."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from benchmarks.tasks import NOOP
from benchmarks.waiting import whole_second
from cronquorum.clock import host_time
from schedapi.client import Client
from schedapi.errors import InvalidArgument
from schedapi.v1.job_pb2 import Job, JobSpec, Metadata, PythonTask, Task, Trigger
from schedapi.v1.job_service_pb2 import ApplyRequest, ApplyResponse

NAMESPACE, WARM = "bench", "warm"
BATCH = 1000
"""Jobs in one Apply."""
TIMEOUT = timedelta(minutes=2)
PATIENCE = (1, 3, 10)
"""How many times as long as foreseen applying may take."""


def job(
    name: str, *triggers: Trigger, task: Task | None = None, namespace: str = NAMESPACE, concurrency: str = ""
) -> Job:
    """A job that says nothing but what it must: all policies are the defaults, unless told."""
    spec = JobSpec(triggers=triggers, task=task or python(NOOP))
    if concurrency:
        spec.concurrency.policy = concurrency
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


def apply_ahead(
    client: Client, make: Callable[[datetime], Sequence[Job]], seconds: float, margin: float = 0.0
) -> tuple[datetime, float]:
    """Apply jobs that are made for an instant so many seconds ahead, and have that at least `margin` seconds before it.

    When the machine is too busy for that they are applied again, for a later one. Returns the instant, and how many
    jobs a second were applied.
    """
    for patience in PATIENCE:
        due = whole_second(host_time() + timedelta(seconds=seconds * patience))
        jobs, began = make(due), time.monotonic()
        try:
            apply(client, jobs)
        except InvalidArgument as error:
            if host_time() < due:  # else the instant was over, and it is that which it complains of
                raise RuntimeError(f"the jobs of a benchmark are not right: {error}") from error
        if host_time() < due - timedelta(seconds=margin):
            return due, len(jobs) / (time.monotonic() - began)
    raise RuntimeError(f"applying {len(jobs)} jobs took longer than {seconds * PATIENCE[-1]:.0f} s")


def batched(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Batches of what one Apply takes."""
    left = iter(jobs)
    while batch := list(islice(left, BATCH)):
        yield batch
