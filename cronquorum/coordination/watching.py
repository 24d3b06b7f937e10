"""Seeing who is there: the members under a folder, kept up to date by ZooKeeper's watches."""

import asyncio

from cronquorum.clock import Clock, wait_for_event
from cronquorum.coordination.contact import Contact, Denied, NoContact
from cronquorum.coordination.duty import Duty
from cronquorum.coordination.protocols import Member
from cronquorum.coordination.records import BadMember, decode
from cronquorum.coordination.session import Session
from cronquorum.coordination.view import View
from cronquorum.logs import get_logger

READ_PATIENCE = 1.5
"""Session timeouts that the first reading of a folder may take."""

log = get_logger(__name__)


class ZooKeeperWatch(View):
    """Children and their data. After a loss of contact all is read again, since watches end with it."""

    def __init__(self, session: Session, clock: Clock, folder: str) -> None:
        super().__init__({})
        self._session = session
        self._clock = clock
        self._folder = folder
        self._known: dict[str, Member | None] = {}
        self._reported: dict[str, bytes | str] = {}
        self._relist = True
        self._stale: set[str] = set()
        self._synced: Contact | None = None
        self._filled = asyncio.Event()
        self._following = Duty(session, clock, self._follow, name=f"watch {folder}")

    async def filled(self) -> None:
        """Return when the members were read for the first time. Raises NoContact."""
        deadline = self._session.timeout * READ_PATIENCE
        if not await wait_for_event(self._filled, self._clock, deadline):
            raise NoContact(f"could not read {self._folder} at ZooKeeper at {self._session.hosts} in time")
        self._changed.clear()

    def connected(self) -> bool:
        return self._synced is not None and self._synced is self._session.contact and not self._closed

    async def close(self) -> None:
        if not self._closed:
            self._shut()
            await self._following.stop()

    def shut(self) -> None:
        """Tell who waits that the session ends."""
        self._shut()

    def _on_children(self, path: str) -> None:
        self._relist = True
        self._following.nudge()

    def _on_data(self, path: str) -> None:
        self._stale.add(path.rpartition("/")[2])
        self._following.nudge()

    async def _follow(self, contact: Contact | None) -> bool:
        if contact is None:
            return False
        if contact is not self._synced:
            self._relist, self._stale = True, set(self._known)
        relist, self._relist = self._relist, False
        stale, self._stale = self._stale, set()
        try:
            await self._read(contact, relist, stale)
        except BaseException:
            self._synced = None  # read all of it again
            raise
        self._show({name: member for name, member in self._known.items() if member is not None})
        self._synced = contact
        self._filled.set()
        return False

    async def _read(self, contact: Contact, relist: bool, stale: set[str]) -> None:
        if relist:
            while (found := await contact.children(self._folder, watch=self._on_children)) is None:
                await contact.ensure(self._folder)
            present = set(found[0])
            for gone in self._known.keys() - present:
                self._forget(gone)
            stale |= present - self._known.keys()
        names = sorted(stale & present if relist else stale)
        records = await asyncio.gather(*(self._record(contact, name) for name in names))
        for name, record in zip(names, records, strict=True):
            if record is None:
                self._forget(name)
            else:
                self._known[name] = self._judge(name, record)

    async def _record(self, contact: Contact, name: str) -> bytes | Denied | None:
        """None: there is none. One that is somebody else's keeps nobody from seeing the others."""
        try:
            found = await contact.read(f"{self._folder}/{name}", watch=self._on_data)
        except Denied as error:
            return error
        return None if found is None else found[0]

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._reported.pop(name, None)

    def _judge(self, name: str, record: bytes | Denied) -> Member | None:
        """The member, or None when it is fit for nobody; each such record is told of once."""
        try:
            if isinstance(record, Denied):
                raise BadMember(str(record))
            member = decode(record, name=name)
        except BadMember as error:
            seen = str(record) if isinstance(record, Denied) else record
            if self._reported.get(name) != seen:
                self._reported[name] = seen
                log.warning("a member is ignored", path=f"{self._folder}/{name}", error=str(error))
            return None
        self._reported.pop(name, None)
        return member
