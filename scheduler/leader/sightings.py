"""Who is registered, as seen time and again: when many go at once, it was not they who died.

When ZooKeeper itself has stalled, all sessions may expire together, and their owners live on. So after that nobody
is declared dead for a while, in which they register again.
"""

from collections.abc import Set
from dataclasses import dataclass, replace

from scheduler.leader.ledger import Holder

MANY = 3
"""Registrations that must go at once, and half of all, to be taken for ZooKeeper's doing."""
CALM = 2
"""Session timeouts in which nobody is declared dead then."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sightings:
    """What was seen last, and what went in the last session timeout before that. Times are monotonic seconds."""

    present: frozenset[Holder] = frozenset()
    went: tuple[tuple[float, Holder], ...] = ()
    calm_until: float = float("-inf")

    def calm(self, now: float) -> bool:
        """Whether nobody may be declared dead now."""
        return now < self.calm_until


def look(before: Sightings, present: Set[Holder], now: float, session_timeout: float) -> Sightings:
    """Take in who is registered now.

    What goes within one session timeout goes at once: servers expire sessions in turns, and we look in turns.
    """
    since = now - session_timeout
    went = [(at, holder) for at, holder in before.went if at > since and holder not in present]
    went += ((now, holder) for holder in before.present - present)
    seen = replace(before, present=frozenset(present), went=tuple(went))
    together = len(present) + len(went)
    if len(went) >= MANY and 2 * len(went) >= together and any(at == now for at, _ in went):
        return replace(seen, calm_until=now + CALM * session_timeout)
    return seen


def lose_contact(before: Sightings, now: float, session_timeout: float) -> Sightings:
    """Take in that we ourselves are out of contact with ZooKeeper: what is not seen says nothing."""
    return replace(before, calm_until=now + CALM * session_timeout)
