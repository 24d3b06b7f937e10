"""Whether the store takes writes, what time it has, and how far off the host's own clock is."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from cronquorum.clock import StoreClock, host_time
from cronquorum.logs import get_logger
from jobstore.errors import StoreError
from jobstore.protocols import JobStore
from scheduler.metrics import NodeMetrics

OFFSET_WARNING = 0.5
"""Seconds between the host's clock and the store's from which on it is worth a warning."""

OFFSET_LIMIT = 2.0
"""Seconds from which on a node does not lead: one of the two machines has a clock that nobody should go by."""

PERSISTS = 1.5
"""Seconds for which each reading must have been beyond the limit to end a term: one alone may be mistaken."""

_log = get_logger(__name__)


class StoreProbe:
    """Asks the store now and then; each answer sets the clock right, too.

    Nothing is decided by the host's clock: it is only compared with the store's.
    """

    def __init__(
        self,
        store: JobStore,
        clock: StoreClock,
        metrics: NodeMetrics,
        host: Callable[[], datetime] = host_time,
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._host = host
        self._far_since: float | None = None
        self._warned = 0.0
        self.ok = False
        """What the last probe found."""

    @property
    def in_time(self) -> bool:
        """Whether the last reading found the host's clock near enough to the store's to stand in line."""
        return self._far_since is None

    @property
    def out_of_time(self) -> bool:
        """Whether the host's clock has stayed too far from the store's to lead on."""
        return self._far_since is not None and self._clock.monotonic() - self._far_since >= PERSISTS

    async def measure(self) -> None:
        """Probe. Raises `StoreError` when the store does not take writes."""
        sent, asked = self._clock.monotonic(), self._host()
        try:
            store_time = await asyncio.to_thread(self._store.probe)
        except StoreError:
            self._found(False)
            raise
        self._found(True)
        received, answered = self._clock.monotonic(), self._host()
        self._clock.measured(store_time, sent, received)
        # as the reading was made at any moment between: an answer that took its time accuses nobody
        precise = (answered - asked).total_seconds() <= OFFSET_WARNING
        self._judge(distance(store_time, asked, answered), precise)

    def _found(self, ok: bool) -> None:
        self.ok = ok
        self._metrics.store_up.set(ok)

    def _judge(self, off: float, precise: bool) -> None:
        self._metrics.clock_offset.set(off)
        far = abs(off) > OFFSET_LIMIT
        if far != (self._far_since is not None):
            self._far_since = self._clock.monotonic() if far else None
        if not (precise or far):
            return  # it may be further off than that: nothing to warn of anew, and no all-clear
        if abs(off) <= OFFSET_WARNING:
            self._warned = 0.0
        elif abs(off - self._warned) > OFFSET_WARNING:
            self._warned = off
            tell = _log.error if far else _log.warning
            tell(
                "the host's clock and the store's differ",
                seconds=round(off, 3),
                consequence="this node does not lead" if far else "none yet",
                right="run NTP on both machines",
            )

    async def check(self) -> bool:
        """Probe, and tell whether the store takes writes; that it stopped doing so is logged once."""
        before = self.ok
        try:
            await self.measure()
        except StoreError as error:
            if before:
                _log.warning("the job store does not answer", error=str(error))
        return self.ok


def distance(store_time: datetime, asked: datetime, answered: datetime) -> float:
    """How far (seconds) the store's clock is ahead of the host's, at the least: it was read somewhere between the
    question and the answer. Negative when it is behind."""
    ahead, behind = (store_time - answered).total_seconds(), (asked - store_time).total_seconds()
    return ahead if ahead > 0 else -behind if behind > 0 else 0.0
