"""Tasks for the tests: a package, which an executor searches whole."""

import os  # not a task, although it is here
from subprocess import run  # nor is this

from executor import Context, current, task

__all__ = ["Context", "os", "run"]


@task
def nothing() -> None:
    """A bare decorator."""


@task("add")
def add_numbers(a: int, b: int = 1) -> int:
    return a + b


def plain(word: str = "x") -> str:
    """Not declared: `tests.executor.sample:plain`."""
    return word * 2


def _private() -> None:
    raise AssertionError("never called")


@task("about")
def about(context: Context, mode: str = "") -> dict[str, object]:
    assert current() is context
    return {
        "namespace": context.namespace,
        "job": context.job,
        "trigger": context.trigger,
        "executionId": context.execution_id,
        "scheduledTime": context.scheduled_time.isoformat(),
        "attempt": context.attempt,
        "epoch": context.epoch,
        "params": dict(context.params),
        "pid": os.getpid(),
        "environment": {key: value for key, value in os.environ.items() if key.startswith("SCHED_")},
        "secrets": sorted(key for key in os.environ if key.startswith("CRONQUORUM_")),
    }


@task("pid")
async def pid() -> int:
    return os.getpid()
