"""Whether a node is fit to lead: its store answers, its clock is right, and it reaches executors."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from cronquorum.clock import Clock, beat
from cronquorum.logs import get_logger
from scheduler.leader.leader import Leader
from scheduler.probe import StoreProbe

GIVE_WAY_EVERY = 10
"""Session timeouts between two times that a node gives way because it reaches no executor: should nobody reach
one, leadership must not go round and round."""
LOOKS = 8
"""Looks at the executors in a session timeout, each after a question to some of them."""
CLOCK_LOOK = 2.0
"""Seconds between two looks at the clock while leading."""

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Since when a leader has heard from nobody, and when it gave way for that last; in monotonic seconds."""

    nobody_since: float | None = None
    looked: float = 0.0
    """When this was found."""
    gave_way: float | None = None


def look(before: Reach, registered: int, heard: float | None, now: float, interval: float) -> Reach:
    """Take in how many executors are registered, and when the question was sent that one of them answered last.

    None that is registered is none that is out of reach. Of the time between two looks no more counts than an
    `interval`: a node that stood still asked nobody, and what it was told may lie unread.
    """
    if not registered:
        return replace(before, nobody_since=None, looked=now)
    if before.nobody_since is None:
        return replace(before, nobody_since=now, looked=now)
    since = before.nobody_since + max(0.0, now - before.looked - interval)
    return replace(before, nobody_since=since if heard is None else max(since, heard), looked=now)


def is_quiet(reach: Reach, interval: float) -> bool:
    """Whether those who were asked before the last look did not answer by then: everybody is to be asked."""
    return reach.nobody_since is not None and reach.looked - reach.nobody_since > 1.5 * interval


def gives_way(reach: Reach, others: bool, now: float, session_timeout: float) -> bool:
    """Whether another node should try: nobody was heard for a whole session timeout, and there is another one."""
    if reach.nobody_since is None or now - reach.nobody_since < session_timeout or not others:
        return False
    return reach.gave_way is None or now - reach.gave_way >= GIVE_WAY_EVERY * session_timeout


class Fitness:
    """Judges one node, in line and while it leads."""

    def __init__(self, probe: StoreProbe, clock: Clock, session_timeout: timedelta, others: Callable[[], bool]) -> None:
        self._probe = probe
        self._clock = clock
        self._session_timeout = session_timeout.total_seconds()
        self._others = others
        self._reach = Reach()

    async def may_stand(self) -> bool:
        """Whether the store takes writes, and the host's clock is near enough to the store's."""
        return await self._probe.check() and self._probe.in_time

    async def lost(self, leader: Leader) -> str:
        """Return when this node should lead no more, with the reason."""
        self._reach = replace(self._reach, nobody_since=None)
        looked = self._clock.monotonic()
        interval = min(self._session_timeout / LOOKS, CLOCK_LOOK)
        while True:
            leader.ask(everybody=is_quiet(self._reach, interval))
            await beat(self._clock, interval)
            now = self._clock.monotonic()
            if now - looked >= CLOCK_LOOK:
                looked = now
                await self._probe.check()
                if self._probe.out_of_time:
                    return "the host's clock is too far from the store's"
            if leader.term.held:
                continue  # it attaches to nobody
            registered, heard = leader.reach()
            self._reach = look(self._reach, registered, heard, now, interval)
            if gives_way(self._reach, self._others(), now, self._session_timeout):
                self._reach = Reach(gave_way=now)
                _log.error("no executor is reached: another node shall try", registered=registered)
                return "no executor is reached"
