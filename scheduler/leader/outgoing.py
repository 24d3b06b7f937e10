"""What is still to be said to one executor, over one stream."""

import asyncio

from schedapi.v1 import executor_service_pb2 as wire

LARGEST_BATCH = 500
"""Dispatches, cancels or acknowledgements in one message."""

LARGEST_MESSAGE = 4 * 1024 * 1024
"""Bytes of dispatches in one message; a single one is always smaller."""


class Outgoing:
    """`something` is set while there is anything."""

    def __init__(self) -> None:
        self.something = asyncio.Event()
        self._dispatches: list[wire.Dispatch] = []
        self._cancels: list[wire.AttemptKey] = []
        self._acknowledged: list[wire.AttemptKey] = []
        self._grant: int | None = None
        self._ask = False
        self._farewell = False

    def dispatch(self, dispatch: wire.Dispatch) -> None:
        """Something to run."""
        self._dispatches.append(dispatch)
        self.something.set()

    def cancel(self, key: wire.AttemptKey) -> None:
        """An attempt to end; it does not overtake its dispatch."""
        self._cancels.append(key)
        self.something.set()

    def acknowledge(self, key: wire.AttemptKey) -> None:
        """What was reported of it is settled."""
        self._acknowledged.append(key)
        self.something.set()

    def grant(self, asked: int) -> None:
        """A question for the lease is to be answered."""
        self._grant = asked
        self.something.set()

    def ask(self) -> None:
        """The executor is to be asked whether it hears."""
        self._ask = True
        self.something.set()

    def farewell(self) -> None:
        """Nothing more comes; it does not overtake a dispatch."""
        self._farewell = True
        self.something.set()

    def take_grant(self) -> int | None:
        """The question for the lease, to be answered otherwise."""
        asked, self._grant = self._grant, None
        return asked

    def take_question(self) -> bool:
        """Whether the executor is to be asked."""
        asks, self._ask = self._ask, False
        return asks

    def clear(self) -> None:
        """The stream is over: attaching again finds out what was never received."""
        self._dispatches, self._cancels, self._acknowledged = [], [], []
        self._grant, self._ask, self._farewell = None, False, False

    def batch(self, epoch: int) -> wire.LeaderMessage:
        """As much as one message bears, but for the two questions; `something` says whether there is more."""
        self.something.clear()
        room, count = LARGEST_MESSAGE, 0
        for dispatch in self._dispatches[:LARGEST_BATCH]:
            room -= dispatch.ByteSize()
            if room < 0 and count:
                break
            count += 1
        cancels = self._cancels[:LARGEST_BATCH] if count == len(self._dispatches) else []
        message = wire.LeaderMessage(
            epoch=epoch,
            dispatches=self._dispatches[:count],
            cancels=cancels,
            acknowledged=self._acknowledged[:LARGEST_BATCH],
        )
        del self._dispatches[:count], self._cancels[: len(cancels)], self._acknowledged[:LARGEST_BATCH]
        if not self._dispatches:
            message.farewell, self._farewell = self._farewell, False
        if self._dispatches or self._cancels or self._acknowledged:
            self.something.set()
        return message
