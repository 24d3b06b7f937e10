"""Lets a call in when the peer's certificate bears a role that may make it; who is refused is put on record."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import Message

from cronquorum.logs import get_logger
from cronquorum.roles import Role, roles_of
from schedapi.errors import PermissionDenied, abort
from schedapi.permissions import allowed

FORWARDED = "cronquorum-forwarded"
"""Metadata of a call that one node passed on to another: it is not passed on again."""

MOST_NAMES, LONGEST_NAME = 10, 128
"""Of what a refused call named, in its line of the log: nobody has looked yet whether these are names."""

_NAMES = ("namespace", "name", "id", "job", "executor_id")
"""Fields of requests that say what is meant."""

Handler = Any
"""grpc.RpcMethodHandler, whose stubs know none of its fields."""
Context = Any

_log = get_logger(__name__)


class Peer(NamedTuple):
    """Whoever calls, as the certificate says, which was verified."""

    names: tuple[str, ...]
    common_name: str

    @property
    def roles(self) -> frozenset[Role]:
        return roles_of(self.names)

    @classmethod
    def of(cls, context: Context) -> "Peer":
        """The peer of a call on a secure port."""
        said: Mapping[str, Sequence[bytes]] = context.auth_context()
        common = said.get("x509_common_name", ())
        return cls(tuple(map(_text, said.get("peer_dns", ()))), _text(common[0]) if common else "")


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Stands before every method of a server whose port is secure.

    It is the innermost interceptor: so it has the request as a message, and can say what was asked for.
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        kind = f"{_word(handler.request_streaming)}_{_word(handler.response_streaming)}"
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        guarded = _guarded(handler_call_details.method, getattr(handler, kind))
        return make(guarded, handler.request_deserializer, handler.response_serializer)


def _word(streaming: bool) -> str:
    return "stream" if streaming else "unary"


def _guarded(method: str, behaviour: Callable[[Any, Context], Any]) -> Callable[[Any, Context], Any]:
    """The same behaviour behind a check: gRPC tells generators and coroutines apart, so this does too."""

    async def answer(request: Any, context: Context) -> Any:
        await _check(method, request, context)
        found = behaviour(request, context)
        return await found if inspect.isawaitable(found) else found

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        await _check(method, request, context)
        async for message in behaviour(request, context):
            yield message

    return stream if inspect.isasyncgenfunction(behaviour) else answer


async def _check(method: str, request: Any, context: Context) -> None:
    """Ends the call with PERMISSION_DENIED unless the peer may make it."""
    peer = Peer.of(context)
    may = allowed(method)
    if any(key == FORWARDED for key, _ in context.invocation_metadata() or ()):
        may &= {Role.SCHEDULER}
    if peer.roles & may:
        return
    _log.warning(
        "call refused: the peer's role does not allow it",
        method=method,
        peer=context.peer(),
        peer_names=list(peer.names),
        peer_common_name=peer.common_name,
        named=_named(request),
    )
    is_ = " and ".join(sorted(role.word for role in peer.roles)) or "no role"
    needed = " or ".join(sorted(role.word for role in may)) or "nobody"
    message = f"{method.rpartition('.')[2]} needs the role {needed}, and the certificate says {is_}"
    await abort(context, PermissionDenied(message, reason="ROLE"))


def _named(request: Any) -> list[str]:
    """What a request is about: `namespace/name` of one thing, or of each of many."""
    if not isinstance(request, Message):
        return []
    many = [each for field in ("jobs", "calendars") for each in getattr(request, field, ())]
    found = [_name(getattr(each, "metadata", each)) for each in many] or [_name(request)]
    return [name for name in found[:MOST_NAMES] if name]


def _name(message: Any) -> str:
    parts = (getattr(message, field, "") for field in _NAMES)
    return "/".join(part[:LONGEST_NAME] for part in parts if isinstance(part, str) and part)


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
