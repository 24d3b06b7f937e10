"""The leader's duty to forget what nobody needs any more, in small writes with room for fires between them."""

import asyncio
from collections.abc import Iterator, Sequence

from cronquorum.clock import Clock
from jobstore.changes import Change
from jobstore.model import Term
from jobstore.protocols import History
from jobstore.retention import Retention
from scheduler.leader.leader import Leader

LOOKS = 40
"""Questions of a turn that find nothing: a large store is looked through in many turns, an idle one costs nothing."""

PAUSE = 0.05
"""Seconds between two writes: several times what one of them takes."""


class Forgetting:
    """Goes through the store again and again, some way in each turn, and through all that it finds at once."""

    def __init__(self, store: History, retention: Retention, clock: Clock) -> None:
        self._store = store
        self._retention = retention
        self._clock = clock
        self._term: Term | None = None
        self._pass: Iterator[Sequence[Change]] | None = None

    async def turn(self, leader: Leader | None) -> None:
        """Go on with the present pass, or begin one. A new term begins anew; who does not lead does nothing.

        Raises `StoreError` or `SchedulerError`; the next turn then begins anew.
        """
        if leader is None or leader.term.held:
            self._pass = None
            return
        looking = self._pass if leader.term == self._term else None
        self._term, self._pass = leader.term, None
        if looking is None:
            looking = self._store.outdated(self._retention, self._clock.now())
        for _ in range(LOOKS):
            while changes := await asyncio.to_thread(next, looking, None):
                await leader.write(*changes)
                await self._clock.sleep(PAUSE)
            if changes is None:
                return
        self._pass = looking
