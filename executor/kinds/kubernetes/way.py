"""How the Job of an attempt comes to be, so that no other one of its execution runs beside it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from executor.assignment import AttemptKey
from executor.kinds.kubernetes.cluster import Cluster, Resource
from executor.kinds.kubernetes.errors import Declined, Exists
from executor.kinds.kubernetes.job import EXECUTION, Found, label
from executor.kinds.kubernetes.standing import runs

FIRST = (1, 1)
"""`AttemptKey.order` of what no other attempt came before."""


class Way(Enum):
    """What is in the way of a new Job."""

    FREE = auto()
    OURS = auto()
    """The very Job that is to be made is there."""
    EARLIER = auto()
    """An earlier attempt's."""
    LATER = auto()
    STRANGER = auto()


def judge(job: dict[str, Any] | None, key: AttemptKey, owner: str) -> Way:
    """What a Job that has the name of ours is. Pure."""
    if job is None:
        return Way.FREE
    found = Found.read(job)
    if found is None or found.assignment.key.execution != key.execution:
        return Way.STRANGER
    there = found.assignment.key
    if there == key and found.owner == owner:
        return Way.OURS
    # of the same placement it is an earlier incarnation's, whose attempt was given back to us
    return Way.LATER if there.order > key.order else Way.EARLIER


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where the Job of an attempt is to be made. Its method blocks."""

    cluster: Cluster
    namespace: str
    name: str
    key: AttemptKey
    owner: str
    body: dict[str, Any]

    def make(self, sure: bool) -> dict[str, Any] | str:
        """The Job, made now or by an earlier call; or what has to end before.

        `sure`: no earlier call can have made it. Raises `Declined`, `Unavailable`.
        """
        if not sure or self.key.order != FIRST:
            found = self._look()
            if found is not None:
                return found
        try:
            return self.cluster.create_job(self.namespace, self.body)
        except Exists:
            return self._look() or "a Job of the same name is about to go"

    def _look(self) -> dict[str, Any] | str | None:
        """The Job if it is there, what has to end first, or None when the way is free."""
        job = self.cluster.job(self.namespace, self.name)
        match judge(job, self.key, self.owner):
            case Way.OURS:
                return job
            case Way.EARLIER:
                assert job is not None
                self.cluster.delete_job(self.namespace, self.name, job["metadata"]["uid"])
                return f"the Job of an earlier attempt, {self.name}, still ends"
            case Way.LATER:
                raise Declined("a later attempt of this execution is there already")
            case Way.STRANGER:
                raise Declined(f"there is a Job {self.name} in namespace {self.namespace} that is none of ours")
        # a Job that somebody deleted without its pods leaves them behind for a while
        selector = f"{EXECUTION}={label(self.key.execution_id)}"
        pods, _ = self.cluster.list(Resource.PODS, self.namespace, selector)
        left = [pod["metadata"]["name"] for pod in pods if runs(pod)]
        return f"a pod of an earlier attempt, {left[0]}, still ends" if left else None
