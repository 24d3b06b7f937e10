"""From threads to the event loop: many letters, one wake-up."""

import asyncio
from collections import deque
from collections.abc import Callable


class Mailbox:
    """Letters are functions; they are called in the loop, in the order in which they were posted."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._letters: deque[Callable[[], None]] = deque()
        self._awake = False

    def post(self, letter: Callable[[], None]) -> None:
        """From any thread. After the loop has been closed nobody reads any more, and that is no error."""
        self._letters.append(letter)
        if not self._awake:
            self._wake()

    def _wake(self) -> None:
        self._awake = True
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            self._letters.clear()

    def _deliver(self) -> None:
        self._awake = False  # before the letters are taken: one that comes now wakes us again
        try:
            for _ in range(len(self._letters)):
                self._letters.popleft()()
        finally:
            if self._letters and not self._awake:
                self._wake()
