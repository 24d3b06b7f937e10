"""How long finished executions are kept: what the cluster, a namespace and a job say about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from jobstore.states import State

FAILED = frozenset({State.FAILED, State.TIMED_OUT, State.LOST})
"""Ends that somebody may have to look into; `failed` counts for these, `succeeded` for all others."""

KEPT = timedelta(days=30)
ANSWERS_KEPT = timedelta(days=1)
"""How long a repeated request gets its first answer."""
SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a namespace or a job says for itself; None where it is silent."""

    succeeded: timedelta | None = None
    failed: timedelta | None = None

    def about(self, state: State) -> timedelta | None:
        """What it says about executions that ended so."""
        return self.failed if state in FAILED else self.succeeded


SILENT = Said()


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """How long after its end an execution is forgotten: a job's word counts before its namespace's, and that
    before the cluster's. `failed` is no less than `succeeded`."""

    succeeded: timedelta = KEPT
    failed: timedelta = KEPT
    namespaces: Mapping[str, Said] = field(default_factory=dict)
    answers: timedelta = ANSWERS_KEPT

    def kept(self, state: State, namespace: str, job: Said = SILENT) -> timedelta:
        """How long an execution that ended in `state` stays."""
        said = job.about(state) or self.namespaces.get(namespace, SILENT).about(state)
        return said or (self.failed if state in FAILED else self.succeeded)

    def shortest(self, namespace: str, job: Said = SILENT) -> timedelta:
        """How long the first ones to go of such a job stay."""
        return min(self.kept(State.SUCCEEDED, namespace, job), self.kept(State.FAILED, namespace, job))

    def longest(self, namespace: str, job: Said = SILENT) -> timedelta:
        """How long the last ones to go of such a job stay."""
        return max(self.kept(State.SUCCEEDED, namespace, job), self.kept(State.FAILED, namespace, job))
