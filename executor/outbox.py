"""The last words on attempts, kept until a leader acknowledges them."""

import asyncio
from collections.abc import Iterator

from executor.assignment import AttemptKey
from executor.report import FinalReport

MOST_REPORTS = 20_000
MOST_BYTES = 64 * 1024 * 1024
"""Beyond either, the leader's stream ends: one that takes up work and acknowledges nothing fills no memory."""


class Outbox:
    """In memory. A journal on disk goes here: `put` before anything is sent, `acknowledge` to forget."""

    def __init__(self) -> None:
        self._reports: dict[AttemptKey, FinalReport] = {}
        self._sizes: dict[AttemptKey, int] = {}
        self._bytes = 0
        self.empty = asyncio.Event()
        self.empty.set()

    def put(self, report: FinalReport) -> None:
        self._reports[report.key] = report
        self._sizes[report.key] = size = report.size
        self._bytes += size
        self.empty.clear()

    def acknowledge(self, key: AttemptKey) -> bool:
        """Forget a report; False when there is none."""
        if self._reports.pop(key, None) is None:
            return False
        self._bytes -= self._sizes.pop(key)
        if not self._reports:
            self.empty.set()
        return True

    def get(self, key: AttemptKey) -> FinalReport | None:
        return self._reports.get(key)

    @property
    def full(self) -> bool:
        return len(self._reports) >= MOST_REPORTS or self._bytes >= MOST_BYTES

    def __contains__(self, key: AttemptKey) -> bool:
        return key in self._reports

    def __len__(self) -> int:
        return len(self._reports)

    def __iter__(self) -> Iterator[AttemptKey]:
        return iter(self._reports)
