"""What a term does while its node has no contact with the coordinator: it waits, and vouches with the store's word.

It may not act, but it is not over: the coordinator itself may be away, and then nobody else can lead. Who runs
attempts asks it for their leases, and the store knows whether another term has begun.
"""

import asyncio
from collections.abc import Callable

from cronquorum.clock import Clock, beat
from cronquorum.logs import get_logger
from jobstore.errors import StaleTerm, StoreError
from jobstore.model import Term
from jobstore.protocols import JobStore

LOOK = 0.25
"""Seconds between two looks at whether the leader may act."""
ASK = 1.0
"""Seconds between two questions to the store, while the leader is silent."""

_log = get_logger(__name__)


class Vigil:
    """Of one term. `superseded` is called with the store's answer when another one has begun."""

    def __init__(
        self,
        term: Term,
        store: JobStore,
        clock: Clock,
        may_act: Callable[[], bool],
        patience: float,
        superseded: Callable[[StaleTerm], None],
    ) -> None:
        self.silent = False
        """Whether the leader has not acted for `patience` seconds: a session timeout, after which there may be
        another one."""
        self._term = term
        self._store = store
        self._clock = clock
        self._may_act = may_act
        self._patience = patience
        self._superseded = superseded
        self._asking = asyncio.Lock()
        self._turned = asyncio.Event()

    async def run(self) -> None:
        """Keep it until cancelled."""
        acted = asked = self._clock.monotonic()
        while True:
            now = self._clock.monotonic()
            if self._may_act():
                acted = now
            self._turn(now - acted >= self._patience)
            if self.silent and now - asked >= ASK:
                asked = now
                await self.vouches()
            await beat(self._clock, LOOK)

    async def turned(self) -> None:
        """Return when `silent` has become another since last this returned. For one who waits."""
        await self._turned.wait()
        self._turned.clear()

    async def vouches(self) -> bool:
        """Whether no other term had begun when the store was asked, just now."""
        async with self._asking:
            try:
                await asyncio.to_thread(self._store.commit, self._term, [])
            except StoreError as error:
                _log.warning("the store does not vouch for this term", epoch=self._term.epoch, error=str(error))
                if isinstance(error, StaleTerm):
                    self._superseded(error)
                return False
        return True

    def _turn(self, silent: bool) -> None:
        if silent is not self.silent:
            if silent:
                _log.warning("no contact with the coordinator: only leases are answered", epoch=self._term.epoch)
            self.silent = silent
            self._turned.set()
