"""A client of the API that waits for its answers: for `schedctl`, scripts, and programs with threads."""

import math
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import grpc
from google.protobuf.message import Message

from cronquorum.names import shown
from schedapi.errors import ApiError, Cancelled, Unauthenticated, Unavailable, from_rpc_error

if TYPE_CHECKING:
    from cronquorum.certificates import TlsFiles

Answer = TypeVar("Answer", bound=Message)
Result = TypeVar("Result")

UNREACHABLE = "UNREACHABLE"
"""The reason of an `Unavailable` when no endpoint could be connected to."""

NO_TLS = "TLS"
"""The reason of an `Unauthenticated` when somebody is there, and the handshake fails."""

TIMEOUT = timedelta(seconds=30)
"""A call's deadline unless told: an apply of a thousand jobs takes a few seconds."""

PATIENCE = timedelta(seconds=10)
"""How long a call that finds no leader is tried again: an election takes about one session timeout (4 s)."""

CONNECT_TIMEOUT = timedelta(seconds=3)
"""For a connection: somebody who is there answers in milliseconds."""

PAUSE = timedelta(milliseconds=200)
"""Between two rounds over the endpoints."""

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.enable_http_proxy", 0),  # a cluster is reached directly, whatever a shell's http_proxy says
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


def new_request_id() -> str:
    """An id for a write: the same one again returns the first answer and changes nothing."""
    return str(uuid.uuid4())


def parse_endpoints(text: str) -> tuple[str, ...]:
    """`HOST:PORT[,HOST:PORT]`, as a list. Raises `ValueError`."""
    endpoints = tuple(part.strip() for part in text.split(","))
    for endpoint in endpoints:
        host, _, port = endpoint.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port[:6]) < 65536:
            raise ValueError(f"{shown(endpoint)} is not HOST:PORT such as 127.0.0.1:7400")
    return endpoints


class Client:
    """Calls one of several nodes: any of them takes every call, and passes writes on to the leader.

    A call that no node can take now is tried again for `PATIENCE`, with the same request_id, so that it is
    carried out once. When nobody is there at all it fails at once. Safe to use from several threads.

    `tls`: the files of mutual TLS, read for each connection; None: plain text.
    """

    def __init__(self, endpoints: Sequence[str], tls: "TlsFiles | None" = None) -> None:
        self._endpoints = list(endpoints)
        self._tls = tls
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and the streams on them. Idempotent."""
        with self._lock:
            self._closed = True
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()

    def unary(self, method: str, request: Message, answer: type[Answer], *, timeout: timedelta = TIMEOUT) -> Answer:
        """Call a method such as `JobService/Get`. A request_id that is empty is filled in.

        Raises `ApiError`.
        """
        _identify(request)
        end = time.monotonic() + timeout.total_seconds()

        def call(channel: grpc.Channel) -> Answer:
            stub: Callable[..., Answer] = channel.unary_unary(
                f"/schedapi.v1.{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
            return stub(request, timeout=max(0.001, end - time.monotonic()))

        return self._patiently(call, end)

    def stream(
        self, method: str, request: Message, answer: type[Answer], *, timeout: timedelta | None = None
    ) -> Iterator[Answer]:
        """Call a method that answers with a stream; `timeout` None: as long as it goes. Raises `ApiError`."""
        end = time.monotonic() + timeout.total_seconds() if timeout else math.inf

        def call(channel: grpc.Channel) -> tuple[Iterator[Answer], Answer | None]:
            stub: Any = channel.unary_stream(
                f"/schedapi.v1.{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
            left = max(0.001, end - time.monotonic()) if timeout else None
            answers = stub(request, timeout=left)
            return answers, next(answers, None)

        answers, first = self._patiently(call, end)
        try:
            while first is not None:
                yield first
                first = next(answers, None)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def _patiently(self, call: Callable[[grpc.Channel], Result], end: float) -> Result:
        """Go round the endpoints until one answers, or it is too late."""
        last = min(end, time.monotonic() + PATIENCE.total_seconds())
        broken = False
        while True:
            try:
                return self._round(call)
            except Unavailable as error:
                gone = error.reason == UNREACHABLE
                if gone and broken:
                    doubt = f"{error}; the connection broke, and whether the call was carried out is not known"
                    raise Unavailable(doubt, reason=UNREACHABLE, answered=False) from None
                if gone or time.monotonic() + PAUSE.total_seconds() >= last:
                    raise
                broken = broken or not error.answered
            threading.Event().wait(PAUSE.total_seconds())

    def _round(self, call: Callable[[grpc.Channel], Result]) -> Result:
        """Try each endpoint once, the one that last answered first. Raises the most telling `ApiError`."""
        refused: list[str] = []
        unavailable: ApiError | None = None
        for endpoint in list(self._endpoints):
            try:
                result = call(self._channel(endpoint))
            except OSError as error:
                refused.append(f"{endpoint}: {_os_reason(error)}")
                continue
            except grpc.RpcError as error:
                found = from_rpc_error(error)
                if isinstance(found, Cancelled) and not self._closed:
                    found = Unavailable("the node was ending", answered=False)
                if not isinstance(found, Unavailable):
                    raise found from None
                if not found.answered:
                    self._forget(endpoint)
                unavailable = found if unavailable is None or found.answered else unavailable
                continue
            self._endpoints.sort(key=lambda known: known != endpoint)
            return result
        if unavailable is not None:
            raise unavailable
        raise Unavailable(f"cannot reach {'; '.join(refused)}", reason=UNREACHABLE, answered=False)

    def _channel(self, endpoint: str) -> grpc.Channel:
        """The endpoint's channel. A new one is made when a connection of our own succeeds: gRPC by itself would
        not say why it does not, and would go on trying."""
        with self._lock:
            if endpoint not in self._channels:
                self._channels[endpoint] = self._dial(endpoint)
            return self._channels[endpoint]

    def _dial(self, endpoint: str) -> grpc.Channel:
        host, _, port = endpoint.rpartition(":")
        connection = socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT.total_seconds())
        with connection:
            if self._tls is None:
                return grpc.insecure_channel(endpoint, options=_OPTIONS)
            # only with TLS: these take their time to import
            from cronquorum.certificates import read_credentials
            from cronquorum.channels import secured
            from cronquorum.clock import host_time
            from cronquorum.roles import Role

            ours = read_credentials(self._tls, host_time())
            _try_handshake(connection, endpoint, self._tls, Role.SCHEDULER.value)
            return grpc.secure_channel(endpoint, *secured(ours, Role.SCHEDULER, _OPTIONS))

    def _forget(self, endpoint: str) -> None:
        """Dial anew next time. The channel is not closed: other threads' calls on it may go on."""
        with self._lock:
            self._channels.pop(endpoint, None)


def _try_handshake(connection: socket.socket, endpoint: str, files: "TlsFiles", name: str) -> None:
    """Raises `Unauthenticated`, with the reason, which gRPC's own attempt would not tell."""
    why = ""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=files.ca)
    context.load_cert_chain(files.cert, files.key)
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(connection, server_hostname=name) as secure:
            # the server looks at our certificate when our part is over, and then says something, or goes
            if not secure.recv(1):
                why = f"the certificate in {files.cert} is not taken"
    except ConnectionResetError:
        why = f"the certificate in {files.cert} is not taken"
    except ssl.SSLError as error:
        found = getattr(error, "verify_message", "") or error.reason or str(error)
        why = "it speaks plain text" if found == "WRONG_VERSION_NUMBER" else found.lower().replace("_", " ")
    if why:
        raise Unauthenticated(f"{endpoint}: no TLS connection: {why}", reason=NO_TLS, answered=False)


def _identify(request: Any) -> None:
    if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
        request.request_id = new_request_id()


def _os_reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT.total_seconds():.0f} s"
    return (error.strerror or str(error)).lower()
