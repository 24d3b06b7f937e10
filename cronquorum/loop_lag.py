"""How late the event loop is: what waits for a turn waits as long."""

from prometheus_client import CollectorRegistry

from cronquorum.clock import Clock, beat
from cronquorum.tally import Tally

LOOK_SECONDS = 1.0
"""Between two looks. A loop that stands still for so long is seen by each."""
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class LoopLag:
    """Sleeps, and measures by how much it wakes too late."""

    def __init__(self, clock: Clock, registry: CollectorRegistry) -> None:
        self._clock = clock
        self._tally = Tally(
            "cronquorum_event_loop_lag_seconds",
            "How much later than asked a sleep on the event loop ended",
            _BOUNDS,
            registry,
        )

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            asked = await beat(self._clock, LOOK_SECONDS)
            self._tally.add(max(0.0, self._clock.monotonic() - asked))
