"""The door to ZooKeeper.

    kazoo's threads ──call_soon_threadsafe──► Session ──► Contact (one stretch of being connected)

A `Contact` is what requests are made over. It is a value with an identity: as soon as kazoo reports
anything but CONNECTED, `Session.contact` is None, and after a reconnect it is another object. So whoever
has proven something over a contact knows that it is stale by `is`, and no request that was meant for
one connection is sent, or believed, on the next.

`client`, `contact`, `identity` and `session` are the only modules that know kazoo.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from kazoo.exceptions import ConnectionLoss
from kazoo.protocol.states import KazooState, KeeperState

from cronquorum.clock import Clock, beat, wait_for_event
from cronquorum.coordination.access import Access
from cronquorum.coordination.client import Client
from cronquorum.coordination.contact import Contact, NoContact
from cronquorum.coordination.hosts import Hosts
from cronquorum.coordination.identity import BadAccess, Identity
from cronquorum.logs import get_logger

MAX_IN_FLIGHT = 64
"""Requests that wait for an answer at once; the others wait for their turn."""

NO_ANSWER = 0.5
"""Session timeouts without an answer to a request after which the connection is dropped: what is
proven by it would be stale by then, and another server may be better off."""

GIVE_UP_AFTER = 3.0
"""Session timeouts of silence after which the client is replaced by one that goes on with its session: whether
that is lost only ZooKeeper knows, and its quorum may be away for longer."""

log = get_logger(__name__)


class Session:
    """One ZooKeeper session after the other, for as long as it is open. Belongs to one event loop.

    A session is lost when ZooKeeper says so, and never by silence.
    """

    def __init__(self, hosts: Hosts, timeout: timedelta, clock: Clock, access: Access | None = None) -> None:
        self.hosts = hosts
        self.access = access or Access()
        self.contact: Contact | None = None
        """Written by kazoo's connection thread, so that it is never older than what kazoo knows."""
        self.session_id: int | None = None
        """The present session, also while contact is suspended. None: not yet, or lost."""
        self._credentials: tuple[int, bytes] | None = None
        """What a client needs to go on with it."""
        self._identity = Identity()
        """Who we were on the latest connection."""
        self._asked_timeout = timeout.total_seconds()
        self.timeout = self._asked_timeout
        """The session timeout T in seconds: as last negotiated, before that as asked for."""
        self.is_open = False
        self._clock = clock
        self._client: Client | None = None
        self._died = False
        """Whether its connection thread has ended, which nobody asked it to."""
        self._changing = threading.Lock()
        """Held while client, contact and session id change together, and never for long."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._disposals: set[asyncio.Task[None]] = set()
        self._in_flight: dict[asyncio.Future[Any], tuple[Contact, float]] = {}
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._told: Contact | None = None
        self._failure = ""
        """Of the client before the present one."""
        self._told_failures: set[str] = set()
        """Those of the present silence: each is told once."""
        self._silent_since = 0.0
        self._last_tick = 0.0

    async def open(self, connect_timeout: float) -> Contact:
        """Connect. Raises NoContact when that takes longer than `connect_timeout` seconds, and BadAccess."""
        self._identity = self.access.identity()
        self._loop = asyncio.get_running_loop()
        self.is_open = True
        self._last_tick = self._silent_since = self._clock.boottime()
        self._new_client()
        self.spawn(self._watch(), name="zookeeper watchdog")
        try:
            return await self.reach(self._clock.boottime() + connect_timeout)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the session, and with it its ephemeral znodes. Idempotent."""
        self.is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        client = self._exchange(None)
        self.session_id = self._credentials = None
        if client is not None:
            self._told = None
            self._on_change()
            self._dispose(client)
        await asyncio.gather(*self._disposals)

    def start_over(self, why: str) -> None:
        """End this session, and with it all of ours that is ephemeral, and begin another."""
        log.warning("ending the session with ZooKeeper", why=why)
        old = self._exchange(None)
        self.session_id = self._credentials = None
        self._new_client()
        self._on_change()
        if old is not None:
            self._dispose(old)

    def require(self) -> Contact:
        """The contact of now. Raises NoContact."""
        contact = self.contact
        if contact is None:
            why = f": {self.failure}" if self.failure else ""
            raise NoContact(f"no contact with ZooKeeper at {self.hosts}{why}")
        return contact

    @property
    def failure(self) -> str:
        """Why there is no contact, as far as is known; else empty."""
        now = "" if self._client is None else self._client.failure
        return now or self._failure

    async def reach(self, deadline: float) -> Contact:
        """A contact, as soon as there is one. Raises NoContact at the deadline (the clock's boottime)."""
        changed = asyncio.Event()
        with self.listening(changed.set):
            while (contact := self.contact) is None:
                changed.clear()
                if not await wait_for_event(changed, self._clock, deadline - self._clock.boottime()):
                    return self.require()
        return contact

    @contextlib.contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call the listener, in the event loop, after each change of contact or session."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """A task that ends with this session at the latest."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def settled(self, task: asyncio.Task[None]) -> None:
        """Return when the task has ended, or contact is lost, or T has passed; the task goes on."""
        changed = asyncio.Event()
        task.add_done_callback(lambda _: changed.set())
        deadline = self._clock.boottime() + self.timeout
        with self.listening(changed.set):
            while not task.done() and self.contact is not None:
                changed.clear()
                if not await wait_for_event(changed, self._clock, deadline - self._clock.boottime()):
                    return

    async def call(self, contact: Contact, send: Callable[[], Any]) -> Any:
        """Send a request over this contact, and return its answer. Raises kazoo's errors."""
        async with self._slots:
            if self.contact is not contact or self._loop is None:
                raise ConnectionLoss
            answer = self._loop.create_future()
            self._in_flight[answer] = (contact, self._clock.boottime())
            try:
                send().rawlink(partial(self.post, _settle, answer))
                return await answer
            finally:
                del self._in_flight[answer]
                if not answer.cancel() and not answer.cancelled():
                    answer.exception()  # it may have come while we were cancelled: then nobody else looks

    def post(self, callback: Callable[..., object], *arguments: object) -> None:
        """From any thread: run it in the event loop, or never when that is closed."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(callback, *arguments)

    def _new_client(self) -> Client | None:
        with self._changing:
            credentials = self._credentials
        client = Client(
            self.hosts,
            self._asked_timeout,
            self.access.tls,
            identify=self._identify,
            is_alive=self._is_alive,
            on_state=self._on_kazoo_state,
            session=credentials,
        )
        old = self._exchange(client)
        client.start_async()
        return old

    def _identify(self) -> Identity:
        """Who we are by now; while that cannot be read, who we were. Called on kazoo's connection thread."""
        try:
            self._identity = self.access.identity()
        except BadAccess as error:
            log.warning("the earlier password is used", error=str(error))
        return self._identity

    def _exchange(self, client: Client | None) -> Client | None:
        """Listen to this client from now on; return the old one, which nobody listens to any more."""
        with self._changing:
            old, self._client = self._client, client
            self.contact, self._died = None, False
        if old is not None:
            self._failure = old.failure
        return old

    def _on_kazoo_state(self, client: Client, state: str) -> None:
        """Called on kazoo's connection thread: it must not block, and not call kazoo."""
        with self._changing:
            if client is not self._client:
                return
            if state == KazooState.CONNECTED:
                session_id: int = client.client_id[0]
                self.session_id, self._credentials = session_id, client.client_id
                self.contact = Contact(self, client, session_id, client.negotiated)
            else:
                self.contact = None
                if state == KazooState.LOST and client.client_state == KeeperState.EXPIRED_SESSION:
                    self.session_id = self._credentials = None
                elif state == KazooState.LOST and client.client_state != KeeperState.AUTH_FAILED:
                    self._died = True  # its thread, of which ZooKeeper knows nothing
        self.post(self._on_change)

    def _on_change(self) -> None:
        contact = self.contact
        for answer, (over, _) in list(self._in_flight.items()):
            if over is not contact and not answer.done():
                answer.set_exception(ConnectionLoss())
        if contact is not self._told:
            hosts = str(self.hosts)
            if contact is None:
                self._silent_since = self._clock.boottime()
                log.warning("no contact with ZooKeeper", hosts=hosts, session_lost=self.session_id is None)
            else:
                if contact.timeout not in (self.timeout, self._asked_timeout):
                    log.warning(
                        "ZooKeeper grants another session timeout than was asked for (2 to 20 tickTime)",
                        asked=self._asked_timeout,
                        granted=contact.timeout,
                    )
                self.timeout = contact.timeout
                self._failure = ""
                self._told_failures.clear()
                log.info("in contact with ZooKeeper", hosts=hosts, session=f"{contact.session_id:#x}")
            self._told = contact
        for listener in list(self._listeners):
            listener()

    async def _watch(self) -> None:
        """Drop a connection that doesn't answer, and replace a client that doesn't connect."""
        while True:
            self._last_tick = now = self._clock.boottime()
            if self.contact is None:
                self._tell_failure()
                if self._died or now - self._silent_since > GIVE_UP_AFTER * self.timeout:
                    self._replace_client()
            elif any(now - sent > NO_ANSWER * self.timeout for _, sent in self._in_flight.values()):
                log.warning("ZooKeeper does not answer: connecting anew", hosts=str(self.hosts))
                if self._client is not None:
                    self._client.drop()
            await beat(self._clock, self.timeout / 8)

    def _tell_failure(self) -> None:
        failure = self.failure
        if failure and failure not in self._told_failures:
            self._told_failures.add(failure)
            log.warning("cannot connect to ZooKeeper", error=failure)

    def _is_alive(self) -> bool:
        """Whether the event loop has lately come round. Called on kazoo's connection thread."""
        return not self.is_open or self._clock.boottime() - self._last_tick < self.timeout

    def _replace_client(self) -> None:
        why = "the connection's thread died" if self._died else "ZooKeeper is silent for long"
        log.warning("starting another client", why=why, hosts=str(self.hosts))
        self._silent_since = self._clock.boottime()
        if self._client is not None:
            self._client.abandon()  # it must not end the session that another one goes on with
        old = self._new_client()
        self._on_change()
        if old is not None:
            self._dispose(old)

    def _dispose(self, client: Client) -> None:
        disposal = asyncio.create_task(client.dispose(), name="zookeeper farewell")
        self._disposals.add(disposal)
        disposal.add_done_callback(self._disposals.discard)


def _settle(answer: asyncio.Future[Any], result: Any) -> None:
    if answer.done():
        return
    if result.exception is None:
        answer.set_result(result.value)
    else:
        answer.set_exception(result.exception)
