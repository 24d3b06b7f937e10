"""Requests that cannot be read are told so, as any other wrong argument; those that come too late do nothing."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from schedapi.errors import DeadlineExceeded, InvalidArgument, abort

LEAST_TIME = 0.002
"""Seconds that a call must have left: gRPC sends a deadline that is over as one of up to 1 ms."""

Handler = Any
"""grpc.RpcMethodHandler, whose stubs know none of its fields."""


class ReadRequests(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs only
    """Reads the one request of a method here: what gRPC's own reading raises, it answers with UNKNOWN.

    A method's handler is made once, with those of the interceptors behind this one, and not anew for each call.
    """

    def __init__(self) -> None:
        self._made: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        method = handler_call_details.method
        handler = self._made.get(method)
        if handler is None:
            handler = await continuation(handler_call_details)
            if handler is None:  # there is no such method: of those there is no end
                return None
            handler = self._made[method] = _reading(handler)
        return handler


def _reading(handler: Handler) -> Handler:
    if handler.request_streaming or handler.request_deserializer is None:
        return handler
    read = handler.request_deserializer
    if handler.response_streaming:
        # one that is no generator writes its answers itself, as the health service does
        wrap = _streaming if inspect.isasyncgenfunction(handler.unary_stream) else _answering
        return grpc.unary_stream_rpc_method_handler(wrap(read, handler.unary_stream), None, handler.response_serializer)
    return grpc.unary_unary_rpc_method_handler(_answering(read, handler.unary_unary), None, handler.response_serializer)


def _answering(read: Callable[[bytes], Any], method: Callable[[Any, Any], Any]) -> Callable[[bytes, Any], Any]:
    async def answer(data: bytes, context: Any) -> Any:
        answer = method(await _read(read, data, context), context)
        return await answer if inspect.isawaitable(answer) else answer

    async def answer_directly(data: bytes, context: Any) -> Any:
        return await method(await _read(read, data, context), context)

    return answer_directly if inspect.iscoroutinefunction(method) else answer


def _streaming(read: Callable[[bytes], Any], method: Callable[[Any, Any], Any]) -> Callable[[bytes, Any], Any]:
    async def answer(data: bytes, context: Any) -> AsyncIterator[Any]:
        async for message in method(await _read(read, data, context), context):
            yield message

    return answer


async def _read(read: Callable[[bytes], Any], data: bytes, context: Any) -> Any:
    left = context.time_remaining()
    if left is not None and left < LEAST_TIME:  # a write goes on when its caller is gone: this one is not begun
        await abort(context, DeadlineExceeded("the call's deadline was over when it came"))
    try:
        return read(data)
    except DecodeError as error:
        # upb says: Error parsing message with type 'x': Wire format was corrupt
        reason = str(error).rpartition(": ")[2][:200]
        if "MaxDepth" in reason:
            reason = "it is nested too deeply"
        await abort(context, InvalidArgument(f"the request cannot be read: {reason}", reason="UNREADABLE"))
