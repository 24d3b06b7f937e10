"""Who is there: one ephemeral znode per member, `/<folder>/<id>`, whose data is the member's record."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from cronquorum.clock import Clock, wait_for_event
from cronquorum.coordination.contact import Contact, Denied, NoContact, Znode
from cronquorum.coordination.duty import Duty
from cronquorum.coordination.protocols import CoordinationError, Member
from cronquorum.coordination.records import BadMember, decode, encode
from cronquorum.coordination.session import Session
from cronquorum.logs import get_logger

HOLDER_PATIENCE = 1.5
"""Session timeouts to wait for an id's holder to go: the one before us may have died just now, and its
session lives on for up to one of them."""

log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Obstacle:
    """Why an announcement can't be made; `passing` when waiting may help."""

    reason: str
    passing: bool


class ZooKeeperRegistration:
    """Kept in place by one duty, which alone writes the record.

    Only an entry of our incarnation is ever replaced, that of a session of ours that was lost; or one of an incarnation
    that is known to be dead, whose session may live on for a while.
    """

    def __init__(
        self, session: Session, clock: Clock, path: str, member: Member, replaces: Collection[str] = ()
    ) -> None:
        self._session = session
        self._clock = clock
        self._path = path
        self._member = member
        self._replaces = frozenset(replaces)
        self._written: Member | None = None
        self._obstacle: Obstacle | None = None
        self._looked = asyncio.Event()
        self._over = False
        self._keeping = Duty(session, clock, self._keep, name=f"announce {path}")
        self._leaving: Duty | None = None

    @property
    def member(self) -> Member:
        return self._member

    @property
    def is_over(self) -> bool:
        return self._over

    async def made(self) -> None:
        """Return when it stands. Raises CoordinationError when that isn't to be."""
        deadline = self._clock.boottime() + HOLDER_PATIENCE * self._session.timeout
        while self._written is None:
            if self._obstacle is not None and not self._obstacle.passing:
                raise CoordinationError(self._obstacle.reason)
            self._looked.clear()
            if not await wait_for_event(self._looked, self._clock, deadline - self._clock.boottime()):
                if self._obstacle is not None:
                    raise CoordinationError(self._obstacle.reason)
                raise NoContact(f"could not announce {self._path} at ZooKeeper at {self._session.hosts} in time")

    async def prove(self) -> bool:
        contact = self._session.contact
        if contact is None or self._over:
            return False
        try:
            # Not its data: that would wake everybody who watches the folder, and, had our entry been taken
            # away, might fall upon somebody else's.
            znode = await contact.touch(self._path)
        except NoContact:
            return False
        except CoordinationError as error:
            log.warning("no proof of contact", path=self._path, error=str(error))
            return False
        if znode is None or znode.owner != contact.session_id:
            self._keeping.nudge()
            return False
        return not self._over

    async def update(self, member: Member) -> None:
        """Returns when it is written, or else will be with the next contact."""
        encode(member)
        if member.id != self._member.id:
            raise CoordinationError(f"{self._path} cannot become {member.id}: announce that one")
        self._member = member
        self._keeping.nudge()
        deadline = self._clock.boottime() + self._session.timeout
        with self._session.listening(self._looked.set):
            while self._written is not member and self._session.contact is not None and not self._over:
                self._looked.clear()
                if not await wait_for_event(self._looked, self._clock, deadline - self._clock.boottime()):
                    return

    async def withdraw(self) -> None:
        if self._over:
            return
        self._over = True
        await self._keeping.stop()
        self._leaving = Duty(self._session, self._clock, self._leave, name=f"withdraw {self._path}")
        await self._session.settled(self._leaving.task)

    async def hand_over(self) -> None:
        """Let go of the entry without removing it: another registration of the same incarnation takes it."""
        self._over = True
        for duty in (self._keeping, self._leaving):
            if duty is not None:
                await duty.stop()

    async def _keep(self, contact: Contact | None) -> bool:
        if contact is None:
            return False
        member = self._member
        while True:
            obstacle = await self._place(contact, member)
            # as an ephemeral znode has no children, this watch tells of its end only
            if await contact.children(self._path, watch=self._keeping.nudge) is not None:
                break
        if obstacle is None:
            self._written = member
        elif obstacle != self._obstacle:
            log.warning("cannot announce", path=self._path, reason=obstacle.reason)
        self._obstacle = obstacle
        self._looked.set()
        if self._member is not member:
            self._keeping.nudge()
        return False

    async def _place(self, contact: Contact, member: Member) -> Obstacle | None:
        record = encode(member)
        while await contact.create(self._path, record) is None:
            found = await contact.read(self._path)
            if found is None:
                continue
            data, znode = found
            holder = self._holder(data)
            if not self._is_ours(contact, znode, holder):
                return self._obstacle_of(znode, holder)
            if znode.owner != contact.session_id:
                done = await contact.replace(znode, record)
            else:
                done = data == record or await contact.write(self._path, record, znode.version) is not None
            if done:
                break
        return None

    async def _leave(self, contact: Contact | None) -> bool:
        if contact is None:
            return False
        try:
            while (found := await contact.read(self._path)) is not None:
                data, znode = found
                if not self._is_ours(contact, znode, self._holder(data)):
                    return True
                if await contact.remove(self._path, znode.version):
                    return True
        except Denied as error:
            log.warning("stays until the session ends", path=self._path, error=str(error))
        return True

    def _is_ours(self, contact: Contact, znode: Znode, holder: Member | None) -> bool:
        if znode.owner == 0:
            return False
        if holder is None:
            return znode.owner == contact.session_id
        return holder.incarnation == self._member.incarnation or holder.incarnation in self._replaces

    def _obstacle_of(self, znode: Znode, holder: Member | None) -> Obstacle:
        if znode.owner == 0:
            return Obstacle(
                reason=f"{self._path} in ZooKeeper is a lasting znode, made by hand: delete it", passing=False
            )
        whom = "somebody unreadable" if holder is None else f"another live incarnation, at {holder.address}"
        return Obstacle(
            reason=f"{self._path} is held by {whom}: every member needs an id of its own",
            passing=True,
        )

    def _holder(self, data: bytes) -> Member | None:
        try:
            return decode(data)
        except BadMember:
            return None
