"""The last words on attempts, kept until a leader acknowledges them."""

import asyncio
from collections.abc import Iterator

from cronquorum import failpoints
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

    What is put in one turn of the event loop is written together, at its end. With a journal the outbox begins with
    what earlier incarnations left there.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self._reports: dict[AttemptKey, FinalReport] = {}
        self._bytes = 0
        self._journal = journal
        self._to_write = False
        self.empty = asyncio.Event()
        self.empty.set()
        for report in journal.kept if journal is not None else ():
            self._keep(report)

    def put(self, report: FinalReport) -> None:
        """Keep it. It may be sent after the next `write`."""
        if isinstance(report.what, Outcome):
            if self._journal is not None:
                self._journal.put(report)
            if not self._to_write:
                self._to_write = True
                asyncio.get_running_loop().call_soon(self.write)
        self._keep(report)

    def write(self) -> None:
        """Have the journal write what it was given. Nothing is sent before."""
        if self._to_write:
            self._to_write = False
            if self._journal is not None:
                self._journal.write()
            failpoints.hit("executor.journaled")

    def _keep(self, report: FinalReport) -> None:
        self._reports[report.key] = report
        self._bytes += report.size
        self.empty.clear()

    def acknowledge(self, key: AttemptKey) -> bool:
        """Forget a report; False when there is none."""
        report = self._reports.pop(key, None)
        if report is None:
            return False
        self._bytes -= report.size
        if self._journal is not None:
            self._journal.forget(key)
        if not self._reports:
            self.empty.set()
        return True

    def get(self, key: AttemptKey) -> FinalReport | None:
        return self._reports.get(key)

    @property
    def oldest(self) -> float | None:
        """When (monotonic seconds) what has waited longest had ended; None when nothing waits."""
        return next((report.ended for report in self._reports.values()), None)

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
