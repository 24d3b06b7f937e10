"""Election and registry for the embedded mode: everybody is in this process, and in one event loop.

Contact is never lost here, and an announcement is gone when it is withdrawn or its coordinator is closed.
"""

import time
import uuid
from collections.abc import Collection

from cronquorum.coordination.protocols import (
    Candidacy,
    Claim,
    CoordinationError,
    Member,
    Registration,
    Watch,
)
from cronquorum.coordination.records import checked_folder, encode
from cronquorum.coordination.standing import Standing
from cronquorum.coordination.view import View


class _Hub:
    """The line and the registry that all coordinators of one process share."""

    def __init__(self, ensemble: str, order: int) -> None:
        self.ensemble = ensemble
        self._order = order
        self._line: list[InProcessCandidacy] = []
        self._announced: dict[str, dict[str, InProcessRegistration]] = {}
        self._watches: dict[str, list[InProcessWatch]] = {}

    def next_order(self) -> int:
        self._order += 1
        return self._order

    def leader(self) -> Member | None:
        return self._line[0].member if self._line else None

    def join(self, candidacy: "InProcessCandidacy") -> None:
        self._line.append(candidacy)
        self._line[0].lead()

    def leave(self, candidacy: "InProcessCandidacy") -> None:
        self._line.remove(candidacy)
        if self._line:
            self._line[0].lead()

    def holder(self, folder: str, id: str) -> "InProcessRegistration | None":
        return self._announced.get(folder, {}).get(id)

    def put(self, registration: "InProcessRegistration") -> None:
        self._announced.setdefault(registration.folder, {})[registration.member.id] = registration
        self._tell(registration.folder)

    def take(self, registration: "InProcessRegistration") -> None:
        del self._announced[registration.folder][registration.member.id]
        self._tell(registration.folder)

    def members(self, folder: str) -> dict[str, Member]:
        return {id: each.member for id, each in self._announced.get(folder, {}).items()}

    def attach(self, watch: "InProcessWatch") -> None:
        self._watches.setdefault(watch.folder, []).append(watch)

    def detach(self, watch: "InProcessWatch") -> None:
        self._watches[watch.folder].remove(watch)

    def _tell(self, folder: str) -> None:
        for watch in self._watches.get(folder, []):
            watch.show(self.members(folder))


class InProcessCandidacy(Standing):
    def __init__(self, hub: _Hub, member: Member) -> None:
        super().__init__(member)
        self._hub = hub
        self._order = hub.next_order()

    def lead(self) -> None:
        """Called when this one is first in line."""
        self._elect(Claim(member=self.member, order=self._order, ensemble=self._hub.ensemble))

    def may_act(self) -> bool:
        return self.leads

    async def withdraw(self) -> None:
        self.end("withdrawn")

    def end(self, reason: str) -> None:
        if self._end(reason):
            self._hub.leave(self)


class InProcessRegistration:
    def __init__(self, hub: _Hub, folder: str, member: Member) -> None:
        self.folder = folder
        self.member = member
        self._hub = hub

    @property
    def is_over(self) -> bool:
        return not self._holds

    @property
    def _holds(self) -> bool:
        return self._hub.holder(self.folder, self.member.id) is self

    async def prove(self) -> bool:
        return self._holds

    async def update(self, member: Member) -> None:
        encode(member)
        if member.id != self.member.id:
            raise CoordinationError(f"{self.folder}/{self.member.id} cannot become {member.id}: announce that one")
        if self._holds:
            self.member = member
            self._hub.put(self)

    async def withdraw(self) -> None:
        self.end("withdrawn")

    def end(self, reason: str) -> None:
        if self._holds:
            self._hub.take(self)


class InProcessWatch(View):
    """Shown every change at once by the hub."""

    def __init__(self, hub: _Hub, folder: str) -> None:
        super().__init__(hub.members(folder))
        self.folder = folder
        self._hub = hub

    def show(self, members: dict[str, Member]) -> None:
        self._show(members)

    def connected(self) -> bool:
        return not self._closed

    async def close(self) -> None:
        self.end("closed")

    def end(self, reason: str) -> None:
        if not self._closed:
            self._shut()
            self._hub.detach(self)


class InProcessCoordinator:
    """A coordinator without a server. Several of one process share a line and a registry by `beside`.

    `order_start` is what the first candidate's order comes after. It must grow from one start of the
    process to the next, because the store on disk remembers the last order; the wall clock's nanoseconds
    do. (Should the host's clock have gone back, the order is older than the store's last, which is then the
    case of a coordinator that was restored: `replace_ensemble` gets it going again.)
    """

    def __init__(
        self,
        *,
        ensemble: str | None = None,
        order_start: int | None = None,
        beside: "InProcessCoordinator | None" = None,
    ) -> None:
        if beside is None:
            order = time.time_ns() if order_start is None else order_start
            self._hub = _Hub(ensemble or uuid.uuid4().hex, order)
        else:
            self._hub = beside._hub
        self._running = False
        self._mine: list[InProcessCandidacy | InProcessRegistration | InProcessWatch] = []
        """What ends with this coordinator."""

    async def start(self) -> None:
        self._running = True

    async def stand(self, member: Member) -> Candidacy:
        self._require_contact()
        encode(member)
        candidacy = InProcessCandidacy(self._hub, member)
        self._hub.join(candidacy)
        self._keep(candidacy)
        return candidacy

    def leader(self) -> Member | None:
        return self._hub.leader() if self._running else None

    async def replace_ensemble(self, seen: str) -> str:
        self._require_contact()
        if self._hub.ensemble == seen:
            self._hub.ensemble = uuid.uuid4().hex
        return self._hub.ensemble

    async def announce(self, folder: str, member: Member, replaces: Collection[str] = ()) -> Registration:
        self._require_contact()
        checked_folder(folder)
        encode(member)
        holder = self._hub.holder(folder, member.id)
        if holder is not None and holder.member.incarnation not in (member.incarnation, *replaces):
            raise CoordinationError(
                f"{folder}/{member.id} is held by another live incarnation, at {holder.member.address}"
            )
        registration = InProcessRegistration(self._hub, folder, member)
        self._hub.put(registration)
        self._keep(registration)
        return registration

    async def watch(self, folder: str) -> Watch:
        self._require_contact()
        watch = InProcessWatch(self._hub, checked_folder(folder))
        self._hub.attach(watch)
        self._keep(watch)
        return watch

    async def close(self) -> None:
        self._running = False
        while self._mine:
            self._mine.pop().end("the coordinator was closed")

    def _keep(self, made: InProcessCandidacy | InProcessRegistration | InProcessWatch) -> None:
        self._mine = [each for each in self._mine if not each.is_over]
        self._mine.append(made)

    def _require_contact(self) -> None:
        if not self._running:
            raise CoordinationError("the in-process coordinator is not started, or was closed")
