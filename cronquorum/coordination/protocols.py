"""The seams to the coordinator. The docstrings are the contract; `tests/contract` checks each sentence.

Two implementations: `inprocess` for the embedded mode, `zookeeper` for a cluster.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

EXECUTORS = "executors"
NODES = "nodes"


class CoordinationError(Exception):
    """The coordinator cannot be used; the message says which one, and what was tried."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """Somebody who announced himself: a node or an executor.

    `incarnation` is random per process. `facts` are small texts of his own (lease, version).
    """

    id: str
    incarnation: str
    address: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Being first in line.

    `order` is greater for every later candidate of the same ensemble (ZooKeeper: the czxid).
    `ensemble` is the random id that the coordinator keeps for itself.
    """

    member: Member
    order: int
    ensemble: str


class Candidacy(Protocol):
    """One standing in line for leadership. It ends once, and a new one is made for the next try."""

    async def elected(self) -> Claim:
        """Return when this candidate is first in line.

        Candidates become first in the order in which they stood. Raises `CoordinationError` when the
        candidacy has ended before.
        """
        ...

    def may_act(self) -> bool:
        """Whether the last proof of contact is younger than half the session timeout.

        Counted from the send of a committed write on the candidate's own entry. False before the
        election, while contact is suspended, and for ever once ended. Costs nothing: ask before each act.
        """
        ...

    async def ended(self) -> str:
        """Return when the candidacy has ended, with the reason: withdrawn, or the session lost, or the
        entry gone. An ended candidate is never first again.

        Silence is no end, however long: until contact tells what has become of the entry, the candidacy
        goes on, and may not act.
        """
        ...

    async def withdraw(self) -> None:
        """Leave the line at once, so that the next one is first without waiting for a timeout.

        Idempotent; never raises because contact is lost.
        """
        ...


class Registration(Protocol):
    """An announcement of oneself, which holds until withdrawn or until its process is gone."""

    async def prove(self) -> bool:
        """Prove contact by a committed write on the session that owns the announcement.

        False when there is no contact, or the announcement is not there (it is then made again as soon
        as there is contact).
        """
        ...

    async def update(self, member: Member) -> None:
        """Replace what is announced, under the same id."""
        ...

    async def withdraw(self) -> None:
        """Take the announcement back at once. Idempotent; never raises because contact is lost."""
        ...


class Watch(Protocol):
    """The members announced under a folder."""

    def current(self) -> Mapping[str, Member]:
        """The members by id, as last seen. A member that went, and every change, shows here soon after.

        While contact is suspended it stays as it was: silence is no departure.
        """
        ...

    async def changed(self) -> None:
        """Return when `current` has changed since last this returned (or since the start)."""
        ...

    def connected(self) -> bool:
        """Whether what `current` says is backed by contact with the coordinator now."""
        ...

    async def close(self) -> None:
        """Stop watching. Idempotent."""
        ...


class Coordinator(Protocol):
    """A connection to the coordinator: election and registry."""

    async def start(self) -> None:
        """Connect. Raises `CoordinationError`, naming the address, when nobody answers in time."""
        ...

    async def stand(self, member: Member) -> Candidacy:
        """Stand in line as the last. Raises `CoordinationError` when there is no contact."""
        ...

    def leader(self) -> Member | None:
        """Who is first in line, as last seen; None when nobody is, or it is not known."""
        ...

    async def replace_ensemble(self, seen: str) -> str:
        """Give the coordinator a new random id, if it is still `seen`; return the one in force."""
        ...

    async def announce(self, folder: str, member: Member, replaces: Collection[str] = ()) -> Registration:
        """Announce a member. It is made again on each new session, until withdrawn.

        `replaces` are incarnations that are known to be dead: their entry is taken over at once.
        Raises `CoordinationError` when another live incarnation holds the id.
        """
        ...

    async def watch(self, folder: str) -> Watch:
        """Watch a folder's members; `current` is filled when this returns."""
        ...

    async def close(self) -> None:
        """End the session: candidacies end, announcements go. Idempotent."""
        ...
