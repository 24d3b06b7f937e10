"""Where calls come in: errors become statuses, and writes reach the leader from any node."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from cronquorum.certificates import Credentials
from cronquorum.coordination import Member
from cronquorum.logs import get_logger
from cronquorum.roles import Role
from cronquorum.transport import PlainTextRefused, Transport
from jobstore.errors import BadChange, StoreError
from schedapi.errors import (
    AlreadyExists,
    ApiError,
    Cancelled,
    InvalidArgument,
    ResourceExhausted,
    Unavailable,
    abort,
    from_rpc_error,
)
from schedapi.errors import Conflict as ApiConflict
from schedapi.errors import FailedPrecondition as ApiPrecondition
from schedapi.errors import NotFound as ApiNotFound
from schedapi.errors import Violation as ApiViolation
from schedapi.guard import FORWARDED
from scheduler.errors import (
    Conflict,
    Held,
    InvalidRequest,
    NotFound,
    NotLeading,
    Overloaded,
    SchedulerError,
)
from scheduler.leader.leader import Leader

RETRY_AFTER = timedelta(milliseconds=500)
MESSAGE_LIMIT = 16 * 1024 * 1024
REQUEST_LIMIT = 4 * 1024 * 1024
"""Bytes of a request: a thousand large jobs. Empty messages take two bytes each, and a hundred in memory."""
LONGEST_CALL = 3600.0
"""Seconds: a deadline beyond it, or none, is this one."""

R = TypeVar("R", bound=Message)
Context = Any
"""grpc.aio.ServicerContext, whose stubs are generic in what we never use."""
_log = get_logger(__name__)


class House(Protocol):
    """What the services need of the node they stand in."""

    @property
    def member(self) -> Member: ...

    def leading(self) -> Leader | None:
        """The leader, if this node leads and has taken over."""
        ...

    def leader_member(self) -> Member | None:
        """Who leads, as far as this node knows."""
        ...

    def nodes(self) -> Sequence[Member]:
        """All nodes that are there."""
        ...


def to_api_error(error: Exception) -> ApiError:
    """One table from errors to statuses."""
    match error:
        case ApiError():
            return error
        case InvalidRequest():
            violations = [ApiViolation(field=v.field, description=v.message) for v in error.violations]
            return InvalidArgument(str(error), violations=violations)
        case NotFound():
            return ApiNotFound(str(error))
        case Conflict(reason="REQUEST_ID_REUSED"):
            return AlreadyExists(str(error), reason=error.reason)
        case Held():
            return ApiPrecondition(str(error), reason="HELD")
        case Conflict(reason="FINAL" | "IN_USE" | "NOT_HELD"):
            return ApiPrecondition(str(error), reason=error.reason)
        case Conflict():
            return ApiConflict(str(error), reason=error.reason, metadata=error.facts)
        case NotLeading():
            return Unavailable(str(error), reason="NO_LEADER", retry_after=RETRY_AFTER)
        case Overloaded():
            return ResourceExhausted(str(error), retry_after=RETRY_AFTER)
        case BadChange():
            return InvalidArgument(str(error), reason="STORE_REFUSED")
        case StoreError():
            return Unavailable("the job store does not answer", reason="STORE", retry_after=RETRY_AFTER)
        case SchedulerError():
            return ApiPrecondition(str(error))
    _log.error("a call failed unexpectedly", exc_info=error)
    unexpected = ApiError("an unexpected error: the node's log has it", reason="UNEXPECTED")
    unexpected.code = grpc.StatusCode.UNKNOWN
    return unexpected


def answered(
    method: Callable[[Any, Any, Context], Awaitable[R]],
) -> Callable[[Any, Any, Context], Awaitable[R]]:
    """A unary method whose errors become statuses with details."""

    @functools.wraps(method)
    async def wrapper(self: Any, request: Any, context: Context) -> R:
        try:
            return await method(self, request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await abort(context, to_api_error(error))

    return wrapper


def streamed(
    method: Callable[[Any, Any, Context], AsyncIterator[R]],
) -> Callable[[Any, Any, Context], AsyncIterator[R]]:
    """A streaming method whose errors become statuses with details."""

    @functools.wraps(method)
    async def wrapper(self: Any, request: Any, context: Context) -> AsyncIterator[R]:
        try:
            async for message in method(self, request, context):
                yield message
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await abort(context, to_api_error(error))

    return wrapper


class Door:
    """Passes calls on to the leader: once, and with what is left of their deadline."""

    def __init__(self, house: House, transport: Transport) -> None:
        self.house = house
        self._transport = transport
        self._channels: dict[str, tuple[Credentials | None, grpc.aio.Channel]] = {}
        self._retired: set[asyncio.Task[None]] = set()

    def leader(self, context: Context) -> Leader | None:
        """The leader when it is this node; None when the call is to be forwarded.

        Raises `NotLeading` for a call that was forwarded already.
        """
        leader = self.house.leading()
        if leader is None and any(key == FORWARDED for key, _ in context.invocation_metadata() or ()):
            raise NotLeading("this node does not lead now")
        return leader

    async def forward(self, context: Context, method: str, request: Message, answer: type[R]) -> R:
        """Have the leader's node answer a unary call of `Service/Method`."""
        member = self._leader_elsewhere()
        call = self._channel(member).unary_unary(f"/schedapi.v1.{method}", _serialize, answer.FromString)
        try:
            response: R = await call(request, timeout=_time_left(context), metadata=((FORWARDED, "1"),))
            return response
        except grpc.aio.AioRpcError as error:
            raise _of_leader(error, member) from None

    async def forward_stream(
        self, context: Context, method: str, request: Message, answer: type[R]
    ) -> AsyncIterator[R]:
        """Have the leader's node answer a streaming call of `Service/Method`."""
        member = self._leader_elsewhere()
        call = self._channel(member).unary_stream(f"/schedapi.v1.{method}", _serialize, answer.FromString)
        stream = call(request, timeout=_time_left(context), metadata=((FORWARDED, "1"),))
        try:
            async for message in stream:
                yield message
        except grpc.aio.AioRpcError as error:
            raise _of_leader(error, member) from None
        finally:
            stream.cancel()

    def _leader_elsewhere(self) -> Member:
        member = self.house.leader_member()
        if member is None or member == self.house.member:
            raise NotLeading("there is no leader now")
        return member

    def _channel(self, member: Member) -> grpc.aio.Channel:
        """The channel to a node; a new one when the certificate is, and calls on the old one go on."""
        certificates = self._transport.certificates
        ours = None if certificates is None else certificates.current()
        made_with, channel = self._channels.get(member.address, (None, None))
        if channel is not None and made_with is ours:
            return channel
        if channel is not None:
            self._retire(channel)
        options = (
            ("grpc.max_receive_message_length", MESSAGE_LIMIT),
            ("grpc.max_send_message_length", MESSAGE_LIMIT),
            ("grpc.max_reconnect_backoff_ms", 1000),
        )
        try:
            channel = self._transport.channel(member.address, Role.SCHEDULER, options)
        except PlainTextRefused as error:
            _log.error("the leader is not dialled", error=str(error))
            raise NotLeading(f"this node may not reach the leader ({member.id}): its log says why") from None
        self._channels[member.address] = ours, channel
        return channel

    def _retire(self, channel: grpc.aio.Channel) -> None:
        task = asyncio.ensure_future(channel.close(LONGEST_CALL))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def close(self) -> None:
        """Close the channels to other nodes."""
        for task in self._retired:
            task.cancel()
        await asyncio.gather(*self._retired, return_exceptions=True)
        await asyncio.gather(*(channel.close(None) for _, channel in self._channels.values()))
        self._channels.clear()


def _of_leader(error: grpc.aio.AioRpcError, member: Member) -> ApiError:
    """What the leader answered, or that it does not."""
    found = from_rpc_error(error)
    if isinstance(found, Unavailable | Cancelled) and not found.answered:
        told = f"the leader ({member.id} at {member.address}) cannot be reached"
        return Unavailable(told, reason="NO_LEADER", retry_after=RETRY_AFTER)
    return found


def _serialize(message: Message) -> bytes:
    return message.SerializeToString()


def _time_left(context: Context) -> float:
    left = context.time_remaining()
    return LONGEST_CALL if left is None else min(LONGEST_CALL, max(0.0, left))
