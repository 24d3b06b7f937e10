"""What the jobs of a benchmark call on the executors: as little as there can be, so that the way there is measured."""

from cronquorum.clock import host_time
from executor.tasks import task

NOOP, STAMP = "bench-noop", "bench-stamp"


@task(NOOP)
def noop() -> None:
    """Nothing."""


@task(STAMP)
def stamp() -> float:
    """The task's own word for when it was called, in seconds since 1970: a second opinion on the recorded start."""
    return host_time().timestamp()
