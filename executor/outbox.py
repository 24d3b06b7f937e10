"""The last words on attempts, kept until a leader acknowledges them."""

import asyncio
from collections.abc import Iterator

from executor.assignment import AttemptKey
from executor.journal import Journal
from executor.report import FinalReport, Outcome

CROWDED_REPORTS = 10_000
CROWDED_BYTES = 32 * 1024 * 1024
"""Beyond either, nothing new is taken: outcomes wait for a leader, and each waits in memory and on disk."""
MOST_REPORTS = 20_000
MOST_BYTES = 64 * 1024 * 1024
"""Beyond either, the leader's stream ends: one that acknowledges not even refusals fills no memory."""


class Outbox:
    """In memory, and outcomes also in the journal, if there is one: there before anything is sent.

    With a journal it begins with what earlier incarnations left there.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self._reports: dict[AttemptKey, FinalReport] = {}
        self._sizes: dict[AttemptKey, int] = {}
        self._bytes = 0
        self._journal = journal
        self.empty = asyncio.Event()
        self.empty.set()
        for report in journal.kept if journal is not None else ():
            self._keep(report)

    def put(self, report: FinalReport) -> None:
        """Keep it. When this returns, it may be sent."""
        if self._journal is not None and isinstance(report.what, Outcome):
            self._journal.put(report)
        self._keep(report)

    def _keep(self, report: FinalReport) -> None:
        self._reports[report.key] = report
        self._sizes[report.key] = size = report.size
        self._bytes += size
        self.empty.clear()

    def acknowledge(self, key: AttemptKey) -> bool:
        """Forget a report; False when there is none."""
        if self._reports.pop(key, None) is None:
            return False
        self._bytes -= self._sizes.pop(key)
        if self._journal is not None:
            self._journal.forget(key)
        if not self._reports:
            self.empty.set()
        return True

    def get(self, key: AttemptKey) -> FinalReport | None:
        return self._reports.get(key)

    @property
    def outcomes(self) -> Iterator[AttemptKey]:
        """How attempts ended, of whichever incarnation; without refusals."""
        return (key for key, report in self._reports.items() if isinstance(report.what, Outcome))

    @property
    def crowded(self) -> bool:
        """Whether so much waits that nothing should be added by new work."""
        return len(self._reports) >= CROWDED_REPORTS or self._bytes >= CROWDED_BYTES

    @property
    def full(self) -> bool:
        return len(self._reports) >= MOST_REPORTS or self._bytes >= MOST_BYTES

    def __contains__(self, key: AttemptKey) -> bool:
        return key in self._reports

    def __len__(self) -> int:
        return len(self._reports)

    def __iter__(self) -> Iterator[AttemptKey]:
        return iter(self._reports)
