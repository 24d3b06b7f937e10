"""How long this executor may run attempts without hearing from anybody.

Two witnesses extend the lease: the leader of the highest epoch, by giving a question back, and the
coordinator, by a committed write. Either counts from the *send* of what it answers, on a clock that
counts through a suspended host.
"""

from collections import deque
from collections.abc import Awaitable, Callable

from cronquorum.clock import Clock, every
from cronquorum.logs import get_logger

QUESTIONS_REMEMBERED = 16
QUESTIONS_PER_LEASE = 3
"""Two of three answers may be lost."""
LONGEST_LOOK = 0.5
LOOKS_PER_LEASE = 30
"""An end is seen within a thirtieth of the lease: a leader waits for a tenth more than it."""

_log = get_logger(__name__)


class LeaseState:
    """Pure: each method is told the time (seconds of `Clock.boottime`)."""

    def __init__(self, length: float, now: float) -> None:
        self.length = length
        self.until = now + length
        self._asked: deque[int] = deque(maxlen=QUESTIONS_REMEMBERED)

    def holds(self, now: float) -> bool:
        return now < self.until

    def remaining(self, now: float) -> float:
        return max(0.0, self.until - now)

    def ask(self, now: float) -> int:
        """A question, sent now: nanoseconds of our clock, that only we can read."""
        asked = int(now * 1e9)
        self._asked.append(asked)
        return asked

    def forget_questions(self) -> None:
        """What an earlier leader was asked, a later one cannot answer."""
        self._asked.clear()

    def answered(self, asked: int) -> None:
        """The leader gave a question back. One that we did not ask says nothing."""
        if asked in self._asked:
            self.proved(asked / 1e9)

    def proved(self, sent: float) -> None:
        """Somebody vouched for us, by an answer to what was sent then."""
        self.until = max(self.until, sent + self.length)


class Lease:
    """The lease of a running executor. `on_lost` is called once each time that it runs out, `on_extended` each
    time that its end has moved on: with that end.

    That it ran out is noticed before anything extends it again: what ran meanwhile was not vouched for.
    """

    def __init__(
        self,
        length: float,
        clock: Clock,
        on_lost: Callable[[], None],
        on_extended: Callable[[float], None] = lambda until: None,
    ) -> None:
        self.length = length
        self._clock = clock
        self._state = LeaseState(length, clock.boottime())
        self._on_lost = on_lost
        self._on_extended = on_extended
        self._lost = False

    @property
    def until(self) -> float:
        """When it ends, in seconds of `Clock.boottime`."""
        return self._state.until

    @property
    def remaining(self) -> float:
        """Seconds until it ends; 0 when it has."""
        return self._state.remaining(self._clock.boottime())

    def holds(self) -> bool:
        """Whether attempts may run now. Cheap: ask before each start."""
        now = self._clock.boottime()
        holds = self._state.holds(now)
        if not holds and not self._lost:
            self._lost = True
            self._on_lost()
        elif holds:
            self._lost = False
        return holds

    def in_force(self) -> bool:
        """Whether attempts may run now, from any thread: that it ran out is noticed elsewhere."""
        return self._state.holds(self._clock.boottime())

    def ask(self) -> int:
        """The question to send to the leader now."""
        return self._state.ask(self._clock.boottime())

    def begin_stream(self) -> None:
        """Another leader, or the same one anew: earlier questions are void."""
        self.holds()
        self._state.forget_questions()

    def answered(self, asked: int) -> None:
        self.holds()
        before = self._state.until
        self._state.answered(asked)
        self._after(before)

    async def prove(self, witness: Callable[[], Awaitable[bool]]) -> None:
        """Ask the coordinator once."""
        sent = self._clock.boottime()
        try:
            proven = await witness()
        except Exception as error:  # a witness that fails vouches for nothing, and ends nobody's loop
            _log.warning("no proof of contact with the coordinator", error=str(error))
            return
        self.holds()
        if proven:
            before = self._state.until
            self._state.proved(sent)
            self._after(before)

    def _after(self, before: float) -> None:
        if self._state.until > before and self.holds():
            self._on_extended(self._state.until)

    async def keep_watch(self) -> None:
        """Notice the end of the lease soon after it."""
        await every(self._clock, min(LONGEST_LOOK, self.length / LOOKS_PER_LEASE), self.holds)

    async def keep_asking(self, ask: Callable[[], None]) -> None:
        """Have the leader asked, again and again."""
        await every(self._clock, self.length / QUESTIONS_PER_LEASE, ask)

    async def keep_proving(self, witness: Callable[[], Awaitable[bool]]) -> None:
        """Have the coordinator asked, again and again."""
        while True:
            await self.prove(witness)
            await self._clock.sleep(self.length / QUESTIONS_PER_LEASE)
