"""The line for leadership: ephemeral sequential znodes, of which the lowest number leads.

    /election/<id>-<incarnation>-<random>-<number>      data: the member's record

Everybody watches the one before him only, so that the end of one wakes one. The random part finds one's
own entry again when the answer to its creation was lost, and tells it from those of earlier candidacies
of the same process. All is counted on the clock that goes on while the host is suspended.
"""

import re
import uuid
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from cronquorum.clock import Clock
from cronquorum.coordination.contact import Contact, Denied, NoContact, Znode
from cronquorum.coordination.duty import Duty
from cronquorum.coordination.ensemble import Ensemble
from cronquorum.coordination.protocols import Claim, CoordinationError, Member
from cronquorum.coordination.records import BadMember, decode, encode
from cronquorum.coordination.session import Session
from cronquorum.coordination.standing import Standing
from cronquorum.logs import get_logger

PROOF_PERIOD = 1 / 6
"""Session timeouts between two proofs of contact: two may fail before the leader has to pause."""

PROOF_VALID = 1 / 2
"""Session timeouts that a proof is good for, counted from its send."""

log = get_logger(__name__)

_NUMBER = re.compile(r"-([0-9]{10})$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An entry of one's own in the line, and when the request that made it was sent."""

    prefix: str
    znode: Znode
    session_id: int
    sent: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """A committed write on one's own entry, over this contact; good until then."""

    contact: Contact
    until: float


class Line:
    """The line of one coordinator's ZooKeeper."""

    def __init__(self, session: Session, clock: Clock, folder: str, ensemble: Ensemble) -> None:
        self.session = session
        self.clock = clock
        self.folder = folder
        self.ensemble = ensemble

    async def stand(self, member: Member) -> "ZooKeeperCandidacy":
        """Raises NoContact when there is none; when it is lost on the way, and doesn't come back within T."""
        data = encode(member)
        contact = self.session.require()
        prefix = f"{member.id}-{member.incarnation}-{uuid.uuid4().hex}-"
        try:
            place = await self._enter(prefix, data, contact)
        except Denied:
            raise
        except BaseException:
            self.leave(prefix)
            raise
        return ZooKeeperCandidacy(self, member, place)

    def leave(self, prefix: str) -> Duty:
        """Remove every entry that is named so, as soon as there is contact."""

        async def turn(contact: Contact | None) -> bool:
            if contact is None:
                return False
            try:
                for name in await self.entries(contact):
                    if name.startswith(prefix):
                        await contact.remove(f"{self.folder}/{name}")
            except Denied as error:
                # the folder was closed to us; nobody else could lead for as long as our entry stands
                self.session.start_over(str(error))
            return True

        return Duty(self.session, self.clock, turn, name=f"leave the line as {prefix}")

    async def entries(self, contact: Contact) -> list[str]:
        """The names in line, the first one first."""
        found = await contact.children(self.folder)
        return [] if found is None else in_order(found[0])

    async def _enter(self, prefix: str, data: bytes, contact: Contact) -> Place:
        deadline = self.clock.boottime() + self.session.timeout
        answer_lost = False
        while True:
            sent = self.clock.boottime()
            try:
                znode = await self._find(contact, prefix) if answer_lost else None
                if znode is None:
                    znode = await contact.create(f"{self.folder}/{prefix}", data, sequence=True)
            except NoContact:
                answer_lost = True
                contact = await self.session.reach(deadline)
                continue
            except Denied:
                if answer_lost:  # else nothing was made
                    self.leave(prefix)
                raise
            if znode is not None and znode.owner == contact.session_id:
                return Place(prefix=prefix, znode=znode, session_id=contact.session_id, sent=sent)
            answer_lost = True

    async def _find(self, contact: Contact, prefix: str) -> Znode | None:
        """The entry that was made when its answer was lost; one of a session that is lost is removed."""
        for name in await self.entries(contact):
            if name.startswith(prefix):
                found = await contact.children(f"{self.folder}/{name}")
                if found is not None and found[1].owner == contact.session_id:
                    return found[1]
                await contact.remove(f"{self.folder}/{name}")
        return None


class ZooKeeperCandidacy(Standing):
    """Ends when withdrawn, and when ZooKeeper says that its session or its entry is gone. Silence, however long, only
    keeps it from acting: the whole ensemble may be away, and the session goes on with it."""

    def __init__(self, line: Line, member: Member, place: Place) -> None:
        super().__init__(member)
        self._line = line
        self._clock = line.clock
        self._session = line.session
        self._place = place
        self._record = encode(member)
        self._proof: Proof | None = None
        self._last_sent = place.sent
        self._looking = Duty(self._session, self._clock, self._look, name=f"{member.id} in line")
        self._proving = Duty(
            self._session, self._clock, self._beat, name=f"contact of {member.id}", period=PROOF_PERIOD
        )

    def may_act(self) -> bool:
        proof = self._proof
        return (
            proof is not None
            and self.leads
            and proof.contact is self._session.contact
            and self._clock.boottime() < proof.until
        )

    async def withdraw(self) -> None:
        if self._end("withdrawn"):
            self._dismiss()
            await self._session.settled(self._line.leave(self._place.prefix).task)

    def end(self, reason: str) -> None:
        """End it, and take its entry out of the line if it still is there and we can."""
        if self._end(reason):
            log.info("a candidacy has ended", member=self.member.id, reason=reason)
            self._dismiss()
            self._line.leave(self._place.prefix)

    def close(self, reason: str) -> None:
        """End it; its entry goes with the session, which ends as well."""
        self._end(reason)

    def _dismiss(self) -> None:
        for duty in (self._looking, self._proving):
            duty.nudge()  # each sees that it is over, and ends

    async def _look(self, contact: Contact | None) -> bool:
        if self._is_out(contact):
            return True
        if contact is not None:
            await self._unless_shut_out(self._find_place(contact))
        return self.is_over

    async def _unless_shut_out(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Denied as error:
            # who cannot see the line, or prove contact, never acts, and would keep those behind it waiting for ever
            self.end(str(error))

    async def _find_place(self, contact: Contact) -> None:
        """Find out whether we are first; if not, watch the one before us."""
        if await contact.children(self._place.znode.path, watch=self._looking.nudge) is None:
            self.end("its entry is gone")
            return
        ahead = []
        for name in await self._line.entries(contact):
            if name == self._place.znode.name:
                break
            ahead.append(name)
        for name in reversed(ahead):
            try:
                found = await contact.children(f"{self._line.folder}/{name}", watch=self._looking.nudge)
            except Denied as error:
                raise CoordinationError(str(error)) from error  # it is somebody's all the same: look again later
            if found is None:
                self._looking.nudge()  # it went in between: the one before it has no watch yet
                return
            if found[1].owner != 0:  # else it never ends, and hence is no candidate
                return
        await self._prove(contact)
        if not self.leads and not self.is_over:
            ensemble = await self._line.ensemble.current(contact)
            self._elect(Claim(member=self.member, order=self._place.znode.order, ensemble=ensemble))

    async def _beat(self, contact: Contact | None) -> bool:
        if self._is_out(contact):
            return True
        if contact is not None:
            await self._unless_shut_out(self._prove(contact))
        return self.is_over

    async def _prove(self, contact: Contact) -> None:
        sent = self._clock.boottime()
        znode = await contact.write(self._place.znode.path, self._record)
        if znode is None:
            self.end("its entry is gone")
        elif znode.owner != self._place.session_id:
            self.end("its entry belongs to another session")
        elif sent >= self._last_sent:
            self._last_sent = sent
            self._proof = Proof(contact=contact, until=sent + PROOF_VALID * contact.timeout)

    def _is_out(self, contact: Contact | None) -> bool:
        lost = self._session.session_id != self._place.session_id
        if lost or (contact is not None and contact.session_id != self._place.session_id):
            self.end("the session was lost")
        return self.is_over


class Leader:
    """Who is first in line, as last seen."""

    def __init__(self, line: Line) -> None:
        self.member: Member | None = None
        self._line = line
        self._name = ""
        self._duty = Duty(line.session, line.clock, self._look, name="see who leads")

    async def _look(self, contact: Contact | None) -> bool:
        if contact is None:
            return False
        found = await contact.children(self._line.folder, watch=self._duty.nudge)
        if found is None:
            await contact.ensure(self._line.folder)
            self._duty.nudge()
            return False
        for name in in_order(found[0]):
            if name == self._name:
                return False
            entry = await contact.read(f"{self._line.folder}/{name}")
            if entry is not None and entry[1].owner != 0:
                self._name, self.member = name, self._read(name, entry[0])
                return False
        self._name, self.member = "", None
        return False

    def _read(self, name: str, data: bytes) -> Member | None:
        try:
            return decode(data)
        except BadMember as error:
            log.warning("the first in line is unreadable", entry=name, error=str(error))
            return None


def in_order(names: Iterable[str]) -> list[str]:
    """Those names that ZooKeeper has numbered, by their number."""
    numbered = [(int(match[1]), name) for name in names if (match := _NUMBER.search(name))]
    return [name for _, name in sorted(numbered)]
