"""Whether a node is fit to lead: its store answers, its clock is right, and it reaches executors."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from cronquorum.clock import Clock
from cronquorum.logs import get_logger
from scheduler.leader.leader import Leader
from scheduler.probe import StoreProbe

GIVE_WAY_EVERY = 10
"""Session timeouts between two times that a node gives way because it reaches no executor: should nobody reach
one, leadership must not go round and round."""
LOOKS = 4
"""Looks at the executors in a session timeout."""
CLOCK_LOOK = 2.0
"""Seconds between two looks at the clock while leading."""

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Since when a leader reaches nobody, and when it gave way for that last; in monotonic seconds."""

    nobody_since: float | None = None
    gave_way: float | None = None


def look(before: Reach, registered: int, attached: int, now: float) -> Reach:
    """Take in how many executors are registered, and how many of them are attached. None that is registered is
    none that is out of reach."""
    if attached or not registered:
        return replace(before, nobody_since=None)
    return replace(before, nobody_since=now if before.nobody_since is None else before.nobody_since)


def gives_way(reach: Reach, others: bool, now: float, session_timeout: float) -> bool:
    """Whether another node should try: nobody was reached for a whole session timeout, and there is another one."""
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
        while True:
            await self._clock.sleep(min(self._session_timeout / LOOKS, CLOCK_LOOK))
            now = self._clock.monotonic()
            if now - looked >= CLOCK_LOOK:
                looked = now
                await self._probe.check()
                if self._probe.out_of_time:
                    return "the host's clock is too far from the store's"
            if leader.term.held:
                continue  # it attaches to nobody
            registered, attached = leader.reach()
            self._reach = look(self._reach, registered, attached, now)
            if gives_way(self._reach, self._others(), now, self._session_timeout):
                self._reach = Reach(gave_way=now)
                _log.error("no executor is reached: another node shall try", registered=registered)
                return "no executor is reached"
