"""Whether an executor hears its leader, and is heard."""

from collections import deque

QUESTIONS_REMEMBERED = 16


class Hearing:
    """The questions that went over one executor's streams, and the last one that was answered.

    Pure: each method is told the time (monotonic seconds). An answer proves that the way there and the way back were
    open after its question was sent, so it counts from then.
    """

    def __init__(self) -> None:
        self.last: float | None = None
        """When the question was sent that was answered last; None if none ever was."""
        self._asked: deque[int] = deque(maxlen=QUESTIONS_REMEMBERED)

    @property
    def waits(self) -> bool:
        """Whether a question has no answer yet."""
        return bool(self._asked)

    def welcomed(self, sent: float) -> None:
        """The Hello of a new stream, sent then, was answered: what an earlier stream was asked, nobody answers."""
        self._asked.clear()
        self.last = sent

    def ask(self, now: float) -> int:
        """A question, sent now: nanoseconds of our clock."""
        asked = int(now * 1e9)
        self._asked.append(asked)
        return asked

    def answered(self, asked: int) -> None:
        """A question was given back, and answers those before it. One that we did not ask says nothing."""
        if asked in self._asked:
            while self._asked.popleft() != asked:
                pass
            self.last = asked / 1e9
