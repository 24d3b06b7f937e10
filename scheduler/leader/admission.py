"""Whether a new execution may be: skipped, placed, or left to wait behind others of its job."""

from datetime import datetime

from jobstore.model import Execution
from scheduler import concurrency, settle
from scheduler.definitions import Definition
from scheduler.leader.chains import Chains
from scheduler.leader.ledger import Ledger
from scheduler.leader.placement import Placement


class Admission:
    """Applies the concurrency policy, and places what it lets in."""

    def __init__(self, ledger: Ledger, placement: Placement, chains: Chains) -> None:
        self._ledger = ledger
        self._placement = placement
        self._chains = chains

    def is_free(self, definition: Definition, open_count: int) -> bool:
        """Whether the job may have one more, with so many open."""
        return concurrency.POLICIES[definition.concurrency](open_count)

    def admit(
        self, execution: Execution, definition: Definition, now: datetime, *, late: bool = False, skipped: str = ""
    ) -> Execution:
        """Take in a new execution; the answer is in the ledger.

        `skipped` says why it is only recorded. `late`: a gap delayed it; without that, it is a run that somebody
        asked for, or a fire that is decided at its time.
        """
        if skipped:
            return settle.skip(execution, skipped, now)
        if self.is_free(definition, self._ledger.open_count(execution.job_uid)):
            placed = self._placement.place(execution, definition, now)
            if late:
                self._chains.begin(placed, now)
            return placed
        if execution.trigger_uid is not None and self._chains.may_wait(execution.job_uid, now, late=late):
            return self._chains.wait(execution, definition.spec.start_deadline, now)
        return settle.skip(execution, "overlap", now)
