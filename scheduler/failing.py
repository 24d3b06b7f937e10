"""Jobs whose last execution that ran ended badly: how an operator sees a failing job without a series for each."""

from collections import Counter
from collections.abc import Mapping
from uuid import UUID

from jobstore.model import Execution
from jobstore.states import State

MOST_JOBS = 10_000
"""Failing jobs that are remembered: those beyond are not counted."""
MOST_NAMESPACES = 100
"""Namespaces that are told apart."""
OTHERS = "(others)"
"""Stands for the namespaces beyond; no namespace has such a name."""
BAD = frozenset({State.FAILED, State.TIMED_OUT, State.LOST})


class FailingJobs:
    """Of one term: a new leader knows of nobody before the next execution has ended."""

    def __init__(self) -> None:
        self._namespaces: dict[int, str] = {}

    def ended(self, execution: Execution) -> None:
        """An execution became final. A skipped or cancelled one says nothing of its job."""
        uid = execution.job_uid.int
        if execution.state is State.SUCCEEDED:
            if self._namespaces:
                self._namespaces.pop(uid, None)
        elif execution.state in BAD and len(self._namespaces) < MOST_JOBS:
            self._namespaces[uid] = execution.namespace

    def forget(self, job_uid: UUID) -> None:
        """A job was deleted."""
        self._namespaces.pop(job_uid.int, None)

    def clear(self) -> None:
        """Another term."""
        self._namespaces.clear()

    def by_namespace(self) -> Mapping[str, int]:
        """How many jobs of a namespace are failing: of the `MOST_NAMESPACES` with the most, and of the others."""
        found = Counter(self._namespaces.values()).most_common()
        told = dict(found[:MOST_NAMESPACES])
        rest = sum(count for _, count in found[MOST_NAMESPACES:])
        return told | {OTHERS: rest} if rest else told
