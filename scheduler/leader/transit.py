"""How long an executor's messages are on the way."""

WINDOW = 30.0
"""Seconds for which the fastest message is remembered, at least; twice that at most. Two machines' clocks drift apart
by some milliseconds in that time, if they are bad ones."""
LONGEST_DELAY = 1.0
"""Seconds that are believed: more is a clock that has stood still, as that of a machine that slept does."""


class Transit:
    """Compares the executor's clock in each message with ours at its receipt: who is later than the fastest of late
    was delayed by the difference. Neither clock is ever set, and only differences count.

    Pure: each call is told the time (monotonic seconds). The fastest message was on the way for some time, too: what
    is dated by this is never too early.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._least_before: float | None = None
        self._since = 0.0

    def delay(self, sent: float, received: float) -> float:
        """For how many seconds a message was delayed that was sent then, by the executor's clock."""
        took = received - sent
        if self._least is None or received - self._since >= WINDOW:
            self._least_before, self._least, self._since = self._least, took, received
        self._least = min(self._least, took)
        least = self._least if self._least_before is None else min(self._least, self._least_before)
        return min(took - least, LONGEST_DELAY)
