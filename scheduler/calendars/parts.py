"""What rules are made of, and how answers are joined.

Inside this package an instant is whole seconds since 1970-01-01 UTC. That loses nothing: every calendar changes
its answer on a whole second.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from jobstore.spec_values import MAX_YEAR

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FIRST = 0
"""The first instant at which a rule may match: 1970-01-01 UTC, as for all times in definitions."""
END = int(datetime(MAX_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
"""The instant from which on no rule matches."""


class Stretch(NamedTuple):
    """The answer at every instant with since <= instant < until; before and after it may be the same."""

    matches: bool
    since: int
    until: int


class Part(Protocol):
    """Something that matches at some instants. Pure."""

    def at(self, instant: int) -> Stretch:
        """What it says at an instant from FIRST to before END, and around it."""
        ...


class Always:
    """Matches all the time."""

    def at(self, instant: int) -> Stretch:
        return Stretch(True, FIRST, END)


def all_of(stretches: Sequence[Stretch]) -> Stretch:
    """Matches where all do; there is at least one, and they have an instant in common."""
    return _joined(stretches, decides=False)


def any_of(stretches: Sequence[Stretch]) -> Stretch:
    """Matches where at least one does; as of `all_of`."""
    return _joined(stretches, decides=True)


def _joined(stretches: Sequence[Stretch], *, decides: bool) -> Stretch:
    """One stretch that says `decides` suffices for its whole length; else the answer holds where all hold.

    The stretches share an instant, so those that decide follow on one another without a gap.
    """
    if len(stretches) == 1:
        return stretches[0]
    deciding = [stretch for stretch in stretches if stretch.matches is decides]
    if deciding:
        return Stretch(decides, min(s.since for s in deciding), max(s.until for s in deciding))
    return Stretch(not decides, max(s.since for s in stretches), min(s.until for s in stretches))
