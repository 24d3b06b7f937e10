"""Tasks for the tests: a package, which an executor searches whole."""

import copy
import os  # not a task, although it is here
from subprocess import run  # nor is this
from typing import Any

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


@task("spoil")
def spoil(context: Context, **params: Any) -> dict[str, Any]:
    """Returns what it got, and leaves something else."""
    found: dict[str, Any] = copy.deepcopy(dict(context.params))
    assert found == params
    for value in context.params.values():
        if isinstance(value, list):
            value.append("spoilt")
        elif isinstance(value, dict):
            value["spoilt"] = True
    dict.clear(context.params)  # type: ignore[arg-type]  # what a careless task would do
    return found


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
