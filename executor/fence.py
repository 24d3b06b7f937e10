"""Which leader this executor follows: the one of the highest epoch that it has seen."""

import asyncio

from cronquorum.names import shown
from executor.datadir import Leader, Memory
from executor.errors import BadMessage, CannotRecord, StaleEpoch


class Fence:
    """`record` before anything is said to a new leader, then `enter` in the step that follows it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._highest = memory.leader()
        self._recorded = self._highest
        self._recording = asyncio.Lock()

    @property
    def highest(self) -> Leader:
        return self._highest

    def check(self, leader: Leader) -> None:
        """Raises `StaleEpoch` for an epoch below the highest, or for a second leader of the same epoch."""
        if leader.epoch < 1:
            raise BadMessage(f"epoch {leader.epoch}: epochs begin at 1")
        highest = self._highest
        if leader.epoch < highest.epoch:
            raise StaleEpoch(f"epoch {leader.epoch} is over: epoch {highest.epoch} was seen here", highest.epoch)
        if leader.epoch == highest.epoch and leader.node_id != highest.node_id:
            raise StaleEpoch(
                f"epoch {leader.epoch} is that of node {shown(highest.node_id)}, not of {shown(leader.node_id)}",
                highest.epoch,
            )

    async def record(self, leader: Leader) -> None:
        """Remember the epoch for good, so that after a restart no earlier leader is let in either."""
        self.check(leader)
        async with self._recording:
            if leader.epoch > self._recorded.epoch:
                try:
                    await asyncio.to_thread(self._memory.record, leader)
                except OSError as error:
                    raise CannotRecord(f"cannot record epoch {leader.epoch}: {error.strerror}") from None
                self._recorded = leader

    def enter(self, leader: Leader) -> bool:
        """Follow it from now on; tells whether its epoch is later than all before. Raises `StaleEpoch` when another one
        was faster."""
        self.check(leader)
        later = leader.epoch > self._highest.epoch
        self._highest = leader
        return later
