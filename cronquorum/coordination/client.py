"""Kazoo's client with what it lacks.

What kazoo 2.11 does not do for us, each reproduced, and what is done here and in `session`:

* It says nothing of the negotiated session timeout (kazoo#769): `Client` reads it from the handshake.
* It tries one server for a whole session timeout before the next: `_Handler` shares T out among them.
* Every request counts as a ping, so that a connection on which requests are made but nothing is answered is
  never found dead: a request that has no answer after T/2 makes `Session` drop the connection.
* Waking its thread is a blocking `send` on a socket pair that holds some 270 of them: `Session` has no more
  than `MAX_IN_FLIGHT` under way.
* It holds on to the highest zxid that it has seen, so that it never returns to a ZooKeeper that was restored
  from a backup: `Session` replaces it after `GIVE_UP_AFTER`.
* A connection thread that died (of `xids do not match`, after a reconnect) stays dead: `Session` replaces the client
  at once. A client that replaces another goes on with the same session, if there still is one.
* Its threads ping on when the event loop is stuck, so that a leader that does nothing would lead for ever:
  without a sign of life from the loop within T, `_Handler` breaks the connection, and makes no other.
* Over TLS, it believes the machine's authorities beside ours, checks no host name unless told, and waits for the
  network when what it waits for is decrypted already: `_Handler` makes the connections.
* It keeps why it cannot connect to itself: `Client.failure` has it.
* Requests that are made while it is not connected wait without limit, and may be sent in the next session:
  they go through `Contact` only.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError, ConnectionDropped
from kazoo.handlers.threading import SequentialThreadingHandler
from kazoo.protocol.serialization import Connect
from kazoo.retry import KazooRetry

from cronquorum.coordination.hosts import Hosts
from cronquorum.coordination.identity import BadAccess, Identity
from cronquorum.coordination.tls import Tls, failure_text

MAX_RETRY_DELAY = 1.0
"""Seconds between two rounds of connection attempts, at most (before kazoo's jitter)."""

FAREWELL_PATIENCE = 1.0
"""Seconds that a server has to answer the end of a session, before the connection is dropped."""

# Its transitions are told by our own log; what remains are its unhandled errors.
_kazoo_log = logging.getLogger("cronquorum.kazoo")
_kazoo_log.setLevel(logging.ERROR)  # nor is it to be less: it tells of all that it sends, passwords too


class Client(KazooClient):  # type: ignore[misc] # kazoo has no types
    """A KazooClient that never gives up, tells its negotiated timeout, and can be dropped and disposed of."""

    def __init__(
        self,
        hosts: Hosts,
        timeout: float,
        tls: Tls | None,
        *,
        identify: Callable[[], Identity],
        is_alive: Callable[[], bool],
        on_state: Callable[["Client", str], None],
        session: tuple[int, bytes] | None = None,
    ) -> None:
        """All are called on the connection's thread, and must not block. `session` is to be gone on with."""
        handler = _Handler(timeout / (len(hosts.servers) + 1), is_alive, tls)
        super().__init__(
            hosts=hosts.connect_string,
            timeout=timeout,
            client_id=session,
            handler=handler,
            logger=_kazoo_log,
            connection_retry=KazooRetry(
                max_tries=-1,
                delay=0.1,
                backoff=2,
                max_delay=MAX_RETRY_DELAY,
                sleep_func=handler.sleep_func,
            ),
        )
        self.negotiated: float = timeout
        self.identity = Identity()
        """Who we are on the present connection."""
        self._identify = identify
        self._tls = tls
        self._shake_hands = self._connection._invoke
        self._connection._invoke = self._invoke
        self._resolve = self._connection._expand_client_hosts
        self._connection._expand_client_hosts = self._resolved
        self.add_listener(partial(on_state, self))

    @property
    def failure(self) -> str:
        """Why there is no connection, as far as was found out; empty when there is one."""
        why: str = self.handler.failure
        return why

    def _resolved(self) -> Any:
        found = self._resolve()
        if not found:
            self.handler.failure = "no host of zookeeper has an address that is known here"
        return found

    def _invoke(self, timeout: float, request: Any, xid: int | None = None) -> Any:
        # called for the handshake, which alone has no xid, and then for each of the credentials
        try:
            answer = self._shake_hands(timeout, request, xid)
            if isinstance(request, Connect) and answer[0].time_out > 0:
                self.negotiated = answer[0].time_out / 1000
                self.handler.failure = ""
                self.identity = self._identify()
                self.auth_data = self.identity.auth  # which kazoo shows next
        except AuthFailedError:
            self.handler.failed(f"it refuses the credentials of zookeeper_user {self.identity.user!r} (AuthFailed)")
            raise
        except ConnectionDropped as error:
            wish = "or that port is for TLS" if self._tls is None else "or it asks for a certificate of ours"
            self.handler.failed(f"{error}: perhaps it does not serve now, {wish}")
            raise
        except Exception as error:
            self.handler.failed(failure_text(error))
            raise
        return answer

    def drop(self) -> None:
        """Break the connection, so that kazoo notices, and makes another."""
        self.handler.drop()

    def abandon(self) -> None:
        """Say nothing more to ZooKeeper, not even farewell: the session is another client's now."""
        self.handler.silence()

    async def dispose(self) -> None:
        """End the session, unless abandoned, and all threads. Kazoo's own way of it blocks, hence a thread."""
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def stop() -> None:
            farewell = threading.Thread(target=self._say_farewell, name="zookeeper-farewell", daemon=True)
            farewell.start()
            farewell.join(FAREWELL_PATIENCE)
            while farewell.is_alive():
                self.drop()
                farewell.join(0.1)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(done.set)

        thread = threading.Thread(target=stop, name="zookeeper-stop", daemon=True)
        thread.start()
        await done.wait()
        thread.join()

    def _say_farewell(self) -> None:
        try:
            self.stop()
            self.close()
        except Exception as error:  # its threads are daemons: there is nothing more to be done for them
            _kazoo_log.error("could not stop kazoo's client: %r", error)


class _Handler(SequentialThreadingHandler):  # type: ignore[misc] # kazoo has no types
    """Kazoo's threads, with a limit to how long one server may take to accept a connection, and none
    on behalf of the dead."""

    def __init__(self, connect_timeout: float, is_alive: Callable[[], bool], tls: Tls | None) -> None:
        super().__init__()
        self._connect_timeout = connect_timeout
        self._is_alive = is_alive
        self._tls = tls
        self._silenced = False
        self._socket: socket.socket | None = None
        self._dialled = ""
        self.failure = ""

    def failed(self, why: str) -> None:
        if not self._silenced:
            self.failure = f"{self._dialled}: {why}"

    def select(self, rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None) -> Any:
        # before and after each wait of the connection's thread, which are some T/3 long
        self._require_life()
        decrypted = [each for each in rlist if isinstance(each, ssl.SSLSocket) and each.pending()]
        ready = super().select(rlist, wlist, xlist, 0 if decrypted else timeout)
        if decrypted:
            ready = ([*decrypted, *(each for each in ready[0] if each not in decrypted)], *ready[1:])
        self._require_life()
        return ready

    def silence(self) -> None:
        self._silenced = True
        self.drop()

    def _require_life(self) -> None:
        if self._silenced:
            raise OSError("this client was given up")
        if not self._is_alive():
            raise OSError("the event loop is stuck")  # to kazoo, one more broken connection

    def create_connection(self, address: tuple[str, int], hostname: str = "", **_: Any) -> socket.socket:
        """Called with the address that was resolved, and the host that it is of."""
        self._require_life()
        self._dialled = f"{hostname}:{address[1]}"
        try:
            connection: socket.socket = super().create_connection(address, timeout=self._connect_timeout)
            self._socket = connection
            return connection if self._tls is None else self._over_tls(connection, self._tls, hostname)
        except BadAccess as error:
            self.failed(str(error))
            raise OSError(str(error)) from error  # to kazoo, a server that it cannot connect to
        except OSError as error:
            self.failed(failure_text(error))
            raise

    def _over_tls(self, connection: socket.socket, tls: Tls, host: str) -> ssl.SSLSocket:
        try:
            connection.settimeout(self._connect_timeout)
            wrapped = tls.context().wrap_socket(
                connection, server_hostname=host.removesuffix("."), do_handshake_on_connect=False
            )
        except BaseException:
            connection.close()
            raise
        self._socket = wrapped
        try:
            wrapped.do_handshake()
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    def spawn(self, func: Callable[..., object], *args: Any, **kwargs: Any) -> threading.Thread:
        thread: threading.Thread = super().spawn(func, *args, **kwargs)
        thread.name = f"zookeeper-{thread.name}"
        return thread

    def drop(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # closed already
                # Not its own: that ends TLS first, and what kazoo sends meanwhile would go in plain text
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
