"""What every request is checked for, before anything else is done with it."""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from pydantic import TypeAdapter, ValidationError

from cronquorum.names import is_dns_label, shown
from jobstore.spec import MAX_PARAMS
from jobstore.spec_values import JsonObject
from scheduler import wire
from scheduler.errors import InvalidRequest, Violation
from scheduler.leader.requests import WriteRequest

DEFAULT_PAGE, LARGEST_PAGE = 100, 1_000
DEFAULT_NAMESPACE = "default"

_LABEL = "is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not first or last a '-'"
_PARAMS: TypeAdapter[dict[str, Any]] = TypeAdapter(JsonObject)


def write_request(scope: str, request: Any) -> WriteRequest:
    """The identity of a write: its scope, its id, and a digest of what it asks for.

    Whether the caller waits for the end is no part of that: who lost patience may ask again without.
    """
    rest: Message = type(request)()
    rest.CopyFrom(request)
    for field in ("request_id", "wait"):
        if field in rest.DESCRIPTOR.fields_by_name:
            rest.ClearField(field)
    content = request.DESCRIPTOR.full_name.encode() + rest.SerializeToString(deterministic=True)
    digest = hashlib.sha256(content).hexdigest()
    return WriteRequest(scope=scope, request_id=request.request_id, digest=digest)


def job_name(request: Any) -> tuple[str, str]:
    """Namespace and name of a request that names a job or a calendar."""
    name = (request.namespace or DEFAULT_NAMESPACE, request.name)
    for field, value in zip(("namespace", "name"), name, strict=True):
        if not is_dns_label(value):
            raise InvalidRequest(Violation(field, f"{shown(value)} {_LABEL}"))
    return name


def name_filter(value: str, field: str) -> str:
    """A name of a request that may be left out."""
    if value and not is_dns_label(value):
        raise InvalidRequest(Violation(field, f"{shown(value)} {_LABEL}"))
    return value


def instant(message: Any, field: str, place: str) -> datetime | None:
    """A time of a request, or None when it is not given. `place` is the field as the caller knows it."""
    if not message.HasField(field):
        return None
    try:
        found: datetime = getattr(message, field).ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(Violation(place, "is not a time")) from None
    return found


def expected_revision(value: int) -> int:
    """A job's or a calendar's revision, or 0 for any."""
    if value < 0:
        raise InvalidRequest(Violation("expected_revision", f"{value} is not a revision, nor 0 for any"))
    return value


def run_params(message: Struct) -> Mapping[str, Any]:
    """The parameters of a run, within the same bounds as those of a definition."""
    if not message.fields:
        return {}
    if message.ByteSize() > MAX_PARAMS:
        raise InvalidRequest(Violation("params", f"{message.ByteSize()} bytes of at most {MAX_PARAMS}"))
    try:
        return _PARAMS.validate_python(wire.unstruct(message))
    except ValidationError as error:
        raise InvalidRequest(Violation("params", str(error.errors()[0]["ctx"]["error"]))) from None


def unreadable(places: Mapping[str, Struct]) -> Iterator[Violation]:
    """Which of these hold what JSON cannot."""
    for place, message in places.items():
        try:
            wire.unstruct(message)
        except InvalidRequest as error:
            yield from (Violation(place, violation.message) for violation in error.violations)


def page_size(value: int) -> int:
    """How many rows a page has."""
    if not 0 <= value <= LARGEST_PAGE:
        raise InvalidRequest(Violation("page_size", f"{value} is not in 0-{LARGEST_PAGE}"))
    return value or DEFAULT_PAGE


def encode_token(place: list[str]) -> str:
    """A place in a listing, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def decode_token(token: str, parts: int) -> list[str] | None:
    """The place that a page token stands for; None for the first page."""
    if not token:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if not (isinstance(place, list) and len(place) == parts and all(map(_is_plain, place))):
        raise wrong_token(token)
    return place


def wrong_token(token: str) -> InvalidRequest:
    """The error for a page token that no listing gave."""
    return InvalidRequest(Violation("page_token", f"{shown(token)} is not one that a listing gave"))


def _is_plain(part: object) -> bool:
    return isinstance(part, str) and part.isascii() and part.isprintable()
