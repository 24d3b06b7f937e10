"""Routing strategies: which executor, among those that may run an execution and have a free slot.

A strategy is a pure function, found by name in `STRATEGIES`; `register` adds one of a user's own.
"""

import hashlib
from collections.abc import Callable, Sequence
from uuid import UUID

from jobstore.values import value


@value(frozen=True, slots=True)
class Candidate:
    """An executor that may take the execution: it accepts the kind, matches the selector, has room."""

    executor_id: str
    slots: int
    used: int


@value(frozen=True, slots=True)
class Request:
    """What is to be placed. `turn` counts the job's placements in this term; `draw` is random in [0, 1)."""

    job_uid: UUID
    execution_id: UUID
    turn: int
    draw: float


Strategy = Callable[[Sequence[Candidate], Request], Candidate]
"""Chooses one of the candidates, which are at least one, in the order of their ids."""


def round_robin(candidates: Sequence[Candidate], request: Request) -> Candidate:
    """Each in its turn, job by job."""
    return candidates[request.turn % len(candidates)]


def at_random(candidates: Sequence[Candidate], request: Request) -> Candidate:
    """Any, with equal chance."""
    return candidates[int(request.draw * len(candidates))]


def least_loaded(candidates: Sequence[Candidate], request: Request) -> Candidate:
    """The smallest used share of its slots; among equals, each in its turn."""
    least = min(candidate.used / candidate.slots for candidate in candidates)
    equals = [candidate for candidate in candidates if candidate.used / candidate.slots == least]
    return equals[request.turn % len(equals)]


def consistent_hash(candidates: Sequence[Candidate], request: Request) -> Candidate:
    """The same executor for the same job, as long as it is there and free; its going or coming moves
    only the jobs that it had or gets (rendezvous hashing, Thaler and Ravishankar 1998)."""

    def weight(candidate: Candidate) -> bytes:
        return hashlib.blake2b(candidate.executor_id.encode(), key=request.job_uid.bytes, digest_size=8).digest()

    return max(candidates, key=weight)


STRATEGIES: dict[str, Strategy] = {
    "leastLoaded": least_loaded,
    "roundRobin": round_robin,
    "random": at_random,
    "consistentHash": consistent_hash,
}
DEFAULT = "leastLoaded"


def register(name: str, strategy: Strategy) -> None:
    """Add a strategy under a name of its own. On every node, before it starts."""
    if name in STRATEGIES:
        raise ValueError(f"routing strategy {name!r} exists already")
    STRATEGIES[name] = strategy
