"""Errors of the API, the same on both sides of the wire: gRPC's codes with google.rpc's details.

    ApiError
    ├── InvalidArgument      INVALID_ARGUMENT     violations say which fields
    ├── NotFound             NOT_FOUND
    ├── AlreadyExists        ALREADY_EXISTS       a request_id that was used for something else
    ├── Conflict             ABORTED              a stale expected_revision
    ├── FailedPrecondition   FAILED_PRECONDITION  not in this state; STALE_EPOCH
    ├── PermissionDenied     PERMISSION_DENIED
    ├── Unauthenticated      UNAUTHENTICATED
    ├── ResourceExhausted    RESOURCE_EXHAUSTED   retry_after says when to come again
    ├── Unavailable          UNAVAILABLE          no leader now, or nobody there: retry
    ├── DeadlineExceeded     DEADLINE_EXCEEDED
    └── (itself)             any other code

A server raises one and sends it by `abort`; a client gets it back from `from_rpc_error`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # ships no stubs

DOMAIN = "cronquorum"

STATUS_KEY = "grpc-status-details-bin"
"""The trailer that carries a google.rpc.Status."""

LARGEST_STATUS = 4096
"""Bytes of details. They travel as a header, base64-coded, and gRPC refuses headers beyond 8 KiB in all."""

LONGEST_MESSAGE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A field that is wrong, by its path as in the manifest, and what would be right."""

    field: str
    description: str


class ApiError(Exception):
    """What a call failed with. `reason` is a stable word in upper case; `metadata` holds its facts as texts.

    `answered` tells whether a server said so, and not the transport on our side.
    """

    code: grpc.StatusCode = grpc.StatusCode.UNKNOWN
    default_reason: ClassVar[str] = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        violations: Sequence[Violation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: timedelta | None = None,
        answered: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.violations = tuple(violations)
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.answered = answered


class InvalidArgument(ApiError):
    code = grpc.StatusCode.INVALID_ARGUMENT
    default_reason = "INVALID"


class NotFound(ApiError):
    code = grpc.StatusCode.NOT_FOUND
    default_reason = "NOT_FOUND"


class AlreadyExists(ApiError):
    code = grpc.StatusCode.ALREADY_EXISTS
    default_reason = "ALREADY_EXISTS"


class Conflict(ApiError):
    code = grpc.StatusCode.ABORTED
    default_reason = "CONFLICT"


class FailedPrecondition(ApiError):
    code = grpc.StatusCode.FAILED_PRECONDITION
    default_reason = "FAILED_PRECONDITION"


class PermissionDenied(ApiError):
    code = grpc.StatusCode.PERMISSION_DENIED
    default_reason = "PERMISSION_DENIED"


class Unauthenticated(ApiError):
    code = grpc.StatusCode.UNAUTHENTICATED
    default_reason = "UNAUTHENTICATED"


class ResourceExhausted(ApiError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    default_reason = "RESOURCE_EXHAUSTED"


class Unavailable(ApiError):
    code = grpc.StatusCode.UNAVAILABLE
    default_reason = "UNAVAILABLE"


class Cancelled(ApiError):
    """Of a call that nobody here cancelled: a server that was just ending took it, and dropped it."""

    code = grpc.StatusCode.CANCELLED
    default_reason = "CANCELLED"


class DeadlineExceeded(ApiError):
    code = grpc.StatusCode.DEADLINE_EXCEEDED
    default_reason = "DEADLINE_EXCEEDED"


_BY_CODE = {kind.code: kind for kind in ApiError.__subclasses__()}


def to_status(error: ApiError) -> status_pb2.Status:
    """The error as google.rpc.Status. Violations beyond what a header holds are counted in the last one."""
    status = status_pb2.Status(code=error.code.value[0], message=_cut(error.message, LONGEST_MESSAGE))
    metadata = {key: _cut(value, 200) for key, value in list(error.metadata.items())[:10]}
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata))
    if error.retry_after is not None:
        delay = Duration()
        delay.FromTimedelta(error.retry_after)
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    if error.violations:
        status.details.add().Pack(_bad_request(error.violations, LARGEST_STATUS - status.ByteSize()))
    return status


def _bad_request(violations: Sequence[Violation], room: int) -> error_details_pb2.BadRequest:
    request = error_details_pb2.BadRequest()
    room -= 200
    for index, violation in enumerate(violations):
        field, description = _cut(violation.field, 200), _cut(violation.description, 400)
        room -= len(field.encode()) + len(description.encode()) + 20
        if room < 0:
            left = len(violations) - index
            request.field_violations.add(field="", description=f"and {left} more")
            break
        request.field_violations.add(field=field, description=description)
    return request


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


async def abort(context: Any, error: ApiError) -> NoReturn:
    """End the call of a `grpc.aio` server with this error."""
    status = to_status(error)
    await context.abort(error.code, status.message, ((STATUS_KEY, status.SerializeToString()),))
    raise AssertionError("abort returned")


def abort_sync(context: grpc.ServicerContext, error: ApiError) -> NoReturn:
    """As `abort`, for a server with threads."""
    status = to_status(error)
    context.set_trailing_metadata(((STATUS_KEY, status.SerializeToString()),))
    context.abort(error.code, status.message)
    raise AssertionError("abort returned")


def from_rpc_error(error: grpc.RpcError) -> ApiError:
    """The error that a call raised, of `grpc` or `grpc.aio`, with whatever details the server gave."""
    code: grpc.StatusCode = getattr(error, "code", lambda: grpc.StatusCode.UNKNOWN)()
    details: str | None = getattr(error, "details", lambda: str(error))()
    message = _cut(" ".join((details or "").split()), LONGEST_MESSAGE) or code.name.lower().replace("_", " ")
    info, request, retry = _details(error)
    found = _BY_CODE.get(code, ApiError)(
        message,
        reason=info.reason if info else "" if code in _BY_CODE else code.name,
        violations=[Violation(field=v.field, description=v.description) for v in request.field_violations],
        metadata=dict(info.metadata) if info else {},
        retry_after=retry.retry_delay.ToTimedelta() if retry else None,
        answered=info is not None,
    )
    found.code = code
    return found


def _details(
    error: grpc.RpcError,
) -> tuple[error_details_pb2.ErrorInfo | None, error_details_pb2.BadRequest, error_details_pb2.RetryInfo | None]:
    info, request, retry = None, error_details_pb2.BadRequest(), None
    trailers = getattr(error, "trailing_metadata", lambda: None)() or ()
    content = next((value for key, value in trailers if key == STATUS_KEY), b"")
    status = status_pb2.Status()
    try:
        status.MergeFromString(content)
    except ValueError:  # DecodeError: details from a stranger; the code and the message stand
        return info, request, retry
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            detail.Unpack(request)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
    return info, request, retry
