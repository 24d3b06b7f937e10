"""Election and registry through ZooKeeper.

    <chroot>/ensemble                  the ensemble's random id
    <chroot>/election/<candidate>...   the line for leadership: `election`
    <chroot>/nodes/<id>                who is there: `registry`, `watching`
    <chroot>/executors/<id>

`session` is the door to kazoo, `duty` the loop that keeps each of these right.
"""

from collections.abc import Collection
from datetime import timedelta

from cronquorum.clock import Clock
from cronquorum.coordination.access import Access
from cronquorum.coordination.contact import Contact, NoContact
from cronquorum.coordination.election import Leader, Line, ZooKeeperCandidacy
from cronquorum.coordination.ensemble import Ensemble
from cronquorum.coordination.hosts import parse_hosts
from cronquorum.coordination.protocols import Candidacy, CoordinationError, Member, Registration, Watch
from cronquorum.coordination.records import FOLDERS, checked_folder, encode
from cronquorum.coordination.registry import ZooKeeperRegistration
from cronquorum.coordination.session import Session
from cronquorum.coordination.watching import ZooKeeperWatch
from cronquorum.logs import get_logger

SESSION_TIMEOUT = timedelta(seconds=4)
"""How fast a dead leader is replaced; kazoo pings at a third of it less some jitter, so less is nervous."""

CONNECT_TIMEOUT = timedelta(seconds=10)
"""How long `start` tries: long enough for an ensemble that is electing its own leader."""

log = get_logger(__name__)


class ZooKeeperCoordinator:
    """Sessions with the ZooKeeper at `hosts`: `host:port[,host:port...][/chroot]`.

    `session_timeout` is what is asked for; ZooKeeper has the last word, and what it says is used.
    Raises CoordinationError when the hosts can't be read. With a user in `access`, nobody else can read or write
    anything of ours.
    """

    def __init__(
        self,
        hosts: str,
        *,
        clock: Clock,
        access: Access | None = None,
        session_timeout: timedelta = SESSION_TIMEOUT,
        connect_timeout: timedelta = CONNECT_TIMEOUT,
    ) -> None:
        if session_timeout < timedelta(seconds=1):
            raise CoordinationError(f"ZooKeeper session timeout {session_timeout}: less than 1 s")
        self._hosts = parse_hosts(hosts)
        self._clock = clock
        self._connect_timeout = connect_timeout.total_seconds()
        self._session = Session(self._hosts, session_timeout, clock, access)
        self._ensemble = Ensemble(self._path("ensemble"))
        self._line = Line(self._session, clock, self._path("election"), self._ensemble)
        self._leader: Leader | None = None
        self._candidacies: list[ZooKeeperCandidacy] = []
        self._registrations: dict[tuple[str, str], ZooKeeperRegistration] = {}
        self._watches: list[ZooKeeperWatch] = []
        self._started = False

    @property
    def session_timeout(self) -> timedelta:
        """As last negotiated; before that, as asked for."""
        return timedelta(seconds=self._session.timeout)

    async def start(self) -> None:
        """Raises BadAccess when what `access` names cannot be used, and Denied when ZooKeeper is closed to us."""
        if self._started:
            return
        deadline = self._clock.boottime() + self._connect_timeout
        self._session.access.check()
        for doubt in self._session.access.doubts(self._hosts):
            log.warning(doubt, hosts=str(self._hosts))
        try:
            await self._prepare(await self._session.open(self._connect_timeout), deadline)
        except NoContact as error:
            await self._session.close()
            why = f": {self._session.failure}" if self._session.failure else ""
            raise CoordinationError(
                f"no ZooKeeper answers at {self._hosts} within {self._connect_timeout:g} s{why}"
            ) from error
        except BaseException:
            await self._session.close()
            raise
        self._started = True

    async def _prepare(self, contact: Contact, deadline: float) -> None:
        """Make what is missing, and close what is open."""
        folders = [self._path(folder) for folder in ("election", *FOLDERS)]
        while True:
            try:
                for folder in folders:
                    await contact.ensure(folder)
                await self._ensemble.current(contact)
                await self._claim(contact, *folders, self._ensemble.path)
                return
            except NoContact:
                contact = await self._session.reach(deadline)

    async def _claim(self, contact: Contact, *paths: str) -> None:
        """Make what lasts ours alone: the chroot and what stands in it, but nothing above it, which others may share.

        What is ephemeral is left as it is: it ends with its session, and its owner could not prove contact any more.
        """
        above = (self._hosts.chroot,) if self._hosts.chroot else ()
        for path in (*above, *paths):
            others = await contact.claim(path)
            if others is not None:
                log.warning("a znode of ours was for others: it is for zookeeper_user alone now", path=path, was=others)

    async def stand(self, member: Member) -> Candidacy:
        self._leader = self._leader or self._follow_leader()
        candidacy = await self._line.stand(member)
        self._candidacies = [each for each in self._candidacies if not each.is_over]
        self._candidacies.append(candidacy)
        return candidacy

    def leader(self) -> Member | None:
        # Followed from the first question or candidacy on: executors never ask, and are many.
        self._leader = self._leader or self._follow_leader()
        return self._leader.member if self._leader is not None else None

    async def replace_ensemble(self, seen: str) -> str:
        return await self._ensemble.replace(self._session.require(), seen)

    async def announce(self, folder: str, member: Member, replaces: Collection[str] = ()) -> Registration:
        checked_folder(folder)
        encode(member)
        self._session.require()
        key = (folder, member.id)
        earlier = self._registrations.get(key)
        if earlier is not None and earlier.member.incarnation == member.incarnation:
            await earlier.hand_over()
        elif earlier is not None and not earlier.is_over:
            raise CoordinationError(
                f"{folder}/{member.id} is held by another live incarnation, at {earlier.member.address}"
            )
        path = self._path(f"{folder}/{member.id}")
        registration = ZooKeeperRegistration(self._session, self._clock, path, member, replaces)
        self._registrations[key] = registration
        try:
            await registration.made()
        except BaseException:
            await registration.withdraw()
            raise
        return registration

    async def watch(self, folder: str) -> Watch:
        self._session.require()
        watch = ZooKeeperWatch(self._session, self._clock, self._path(checked_folder(folder)))
        try:
            await watch.filled()
        except BaseException:
            await watch.close()
            raise
        self._watches = [each for each in self._watches if not each.is_over]
        self._watches.append(watch)
        return watch

    async def close(self) -> None:
        self._started = False
        for candidacy in self._candidacies:
            candidacy.close("the coordinator was closed")
        for watch in self._watches:
            watch.shut()
        await self._session.close()
        self._leader = None

    def _follow_leader(self) -> Leader | None:
        return Leader(self._line) if self._started else None

    def _path(self, name: str) -> str:
        return f"{self._hosts.chroot}/{name}"
