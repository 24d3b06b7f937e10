"""Whether the store takes writes, and what time it has."""

import asyncio

from cronquorum.clock import StoreClock
from cronquorum.logs import get_logger
from jobstore.errors import StoreError
from jobstore.protocols import JobStore

OFFSET_WARNING = 0.5
"""Seconds between the host's clock and the store's from which on it is worth a warning."""

_log = get_logger(__name__)


class StoreProbe:
    """Asks the store now and then; each answer sets the clock right, too."""

    def __init__(self, store: JobStore, clock: StoreClock) -> None:
        self._store = store
        self._clock = clock
        self.ok = False
        """What the last probe found."""

    async def measure(self) -> None:
        """Probe. Raises `StoreError` when the store does not take writes."""
        sent = self._clock.monotonic()
        try:
            store_time = await asyncio.to_thread(self._store.probe)
        except StoreError:
            self.ok = False
            raise
        self.ok = True
        off = self._clock.measured(store_time, sent, self._clock.monotonic())
        if abs(off) > OFFSET_WARNING:
            _log.warning("the host's clock and the store's differ", seconds=round(off, 3))

    async def check(self) -> bool:
        """Probe, and tell whether the store takes writes; that it stopped doing so is logged once."""
        before = self.ok
        try:
            await self.measure()
        except StoreError as error:
            if before:
                _log.warning("the job store does not answer", error=str(error))
        return self.ok
