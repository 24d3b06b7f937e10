"""What can be said to ZooKeeper, over one stretch of being connected."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from kazoo.exceptions import (
    AuthFailedError,
    BadVersionError,
    ConnectionClosedError,
    ConnectionLoss,
    KazooException,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    OperationTimeoutError,
    SessionClosedRequireSaslError,
    SessionExpiredError,
)
from kazoo.protocol.states import WatchedEvent

from cronquorum.coordination.client import Client
from cronquorum.coordination.identity import SET_USER, acl_text, is_same
from cronquorum.coordination.protocols import CoordinationError

if TYPE_CHECKING:
    from cronquorum.coordination.session import Session

_LOST_CONTACT = (
    AuthFailedError,
    ConnectionClosedError,
    ConnectionLoss,
    OperationTimeoutError,
    SessionExpiredError,
)


class NoContact(CoordinationError):
    """Contact was lost, or there is none. A write that raises it may have happened all the same."""


class Denied(CoordinationError):
    """A znode's ACL keeps us out, or ZooKeeper itself does; the message says what to set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Znode:
    """`order` is its czxid, `owner` the id of the session that it ends with (0: it doesn't end)."""

    path: str
    order: int
    owner: int
    version: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Contact:
    """One stretch of being connected, within one session. Its methods raise NoContact when it is over."""

    def __init__(self, session: "Session", client: Client, session_id: int, timeout: float) -> None:
        self.session_id = session_id
        self.timeout = timeout
        """The session timeout T as negotiated, in seconds."""
        self._session = session
        self._client = client
        self._identity = client.identity
        self._acl = client.identity.acl

    async def create(self, path: str, data: bytes = b"", *, sequence: bool = False) -> Znode | None:
        """Make an ephemeral znode; None when there is one already. Missing folders are made."""
        send = partial(
            self._client.create_async,
            path,
            data,
            acl=self._acl,
            ephemeral=True,
            sequence=sequence,
            include_data=True,
        )
        while True:
            try:
                made, stat = await self._call("create", path, send)
                return _znode(made, stat)
            except NodeExistsError:
                return None
            except NoNodeError:
                await self.ensure(path.rpartition("/")[0])

    async def ensure(self, path: str, data: bytes = b"") -> None:
        """Make a lasting znode, and those above it, where they are missing."""
        while await self._call("look for", path, partial(self._client.exists_async, path)) is None:
            try:
                await self._call("create", path, partial(self._client.create_async, path, data, acl=self._acl))
            except NodeExistsError:
                return
            except NoNodeError:
                await self.ensure(path.rpartition("/")[0])

    async def read(self, path: str, watch: Callable[[str], None] | None = None) -> tuple[bytes, Znode] | None:
        """Data and znode; `watch` is called once with the path when they change. None: there is none."""
        try:
            data, stat = await self._call(
                "read", path, partial(self._client.get_async, path, watch=self._bridge(watch))
            )
        except NoNodeError:
            return None
        return data or b"", _znode(path, stat)

    async def children(self, path: str, watch: Callable[[str], None] | None = None) -> tuple[list[str], Znode] | None:
        """Names and znode; `watch` is called once when a child comes or goes, or the znode itself goes.

        An ephemeral znode has no children: watched by this, it tells of its end, and not of its writes.
        """
        try:
            names, stat = await self._call(
                "list",
                path,
                partial(self._client.get_children_async, path, watch=self._bridge(watch), include_data=True),
            )
        except NoNodeError:
            return None
        return names, _znode(path, stat)

    async def write(self, path: str, data: bytes, version: int = -1) -> Znode | None:
        """Committed by a quorum when it returns. None: no such znode, or no longer of this version."""
        try:
            return _znode(path, await self._call("write", path, partial(self._client.set_async, path, data, version)))
        except (NoNodeError, BadVersionError):
            return None

    async def touch(self, path: str) -> Znode | None:
        """Commit a write that changes nothing and wakes no watch: the ACL, again. None: no such znode."""
        try:
            return _znode(path, await self._call("touch", path, partial(self._client.set_acls_async, path, self._acl)))
        except NoNodeError:
            return None

    async def claim(self, path: str) -> str | None:
        """Give a znode our ACL if it has another; returns who that was for. Without a user, nothing is claimed."""
        if not self._identity.user:
            return None
        try:
            acl, stat = await self._call("read the ACL of", path, partial(self._client.get_acls_async, path))
            if is_same(acl, self._identity):
                return None
            await self._call(
                "set the ACL of", path, partial(self._client.set_acls_async, path, self._acl, stat.aversion)
            )
        except (NoNodeError, BadVersionError):
            return None  # somebody else was faster
        return acl_text(acl)

    async def remove(self, path: str, version: int = -1) -> bool:
        """False: it is there, in another version."""
        try:
            await self._call("remove", path, partial(self._client.delete_async, path, version))
        except NoNodeError:
            return True
        except BadVersionError:
            return False
        return True

    async def replace(self, old: Znode, data: bytes) -> bool:
        """Put an ephemeral znode of this session in the place of another, in one step.

        False: that other one has changed.
        """

        def send() -> Any:
            transaction = self._client.transaction()
            transaction.delete(old.path, old.version)
            transaction.create(old.path, data, acl=self._acl, ephemeral=True)
            return transaction.commit_async()

        try:
            results = await self._call("replace", old.path, send)
        except (NoNodeError, NodeExistsError, BadVersionError):
            return False
        return not any(isinstance(result, KazooException) for result in results)

    def _bridge(self, watch: Callable[[str], None] | None) -> "_WatchBridge | None":
        return None if watch is None else _WatchBridge(self._session, watch)

    async def _call(self, what: str, path: str, send: Callable[[], Any]) -> Any:
        try:
            return await self._session.call(self, send)
        except _LOST_CONTACT as error:
            raise NoContact(f"lost contact with ZooKeeper at {self._session.hosts}: {error!r}") from error
        except (NoNodeError, NodeExistsError, BadVersionError):
            raise
        except KazooException as error:
            refusal = f"ZooKeeper at {self._session.hosts} refuses to {what} {path}"
            if isinstance(error, NoAuthError):
                raise Denied(f"{refusal}: {self._identity.advice} (NoAuth)") from error
            if isinstance(error, SessionClosedRequireSaslError) and not self._identity.user:
                raise Denied(f"{refusal}: it asks for credentials: {SET_USER}") from error
            raise CoordinationError(f"{refusal}: {error!r}") from error


@dataclass(frozen=True)
class _WatchBridge:
    """From kazoo's thread into the loop. Kazoo holds watches in sets: equal ones count once."""

    session: "Session"
    callback: Callable[[str], None]

    def __call__(self, event: WatchedEvent) -> None:
        if event.path is not None:  # else it only says that contact was lost
            self.session.post(self.callback, event.path)


def _znode(path: str, stat: Any) -> Znode:
    return Znode(path=path, order=stat.czxid, owner=stat.ephemeralOwner, version=stat.version)
