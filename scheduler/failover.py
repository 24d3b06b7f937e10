"""Failover strategies: what becomes of an execution whose executor was lost.

A strategy is a pure function, found by name in `STRATEGIES`; `register` adds one of a user's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What to do with an execution whose executor was lost."""

    RERUN = "rerun"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Loss:
    """What is known of the loss. `started` is whether the task may have begun to run."""

    started: bool
    reruns: int
    max_reruns: int
    idempotent: bool


Strategy = Callable[[Loss], Verdict]


def rerun(loss: Loss) -> Verdict:
    """Again, elsewhere, as often as `maxReruns` allows."""
    return Verdict.RERUN if loss.reruns < loss.max_reruns else Verdict.FAIL


def fail(loss: Loss) -> Verdict:
    """It is lost, and stays so: nobody knows how far it came."""
    return Verdict.FAIL


STRATEGIES: dict[str, Strategy] = {"rerun": rerun, "fail": fail}


def default(idempotent: bool) -> str:
    """`rerun` when the job may be run again, else `fail`."""
    return "rerun" if idempotent else "fail"


def register(name: str, strategy: Strategy) -> None:
    """Add a strategy under a name of its own. On every node, before it starts."""
    if name in STRATEGIES:
        raise ValueError(f"failover strategy {name!r} exists already")
    STRATEGIES[name] = strategy
