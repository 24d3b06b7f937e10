"""What every request is checked for, before anything else is done with it."""

import base64
import binascii
import hashlib
import json
from typing import Any

from google.protobuf.message import Message

from cronquorum.names import is_dns_label, shown
from scheduler.errors import InvalidRequest, Violation
from scheduler.leader.requests import WriteRequest

DEFAULT_PAGE, LARGEST_PAGE = 100, 1_000
DEFAULT_NAMESPACE = "default"


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
    """Namespace and name of a request that names a job."""
    name = (request.namespace or DEFAULT_NAMESPACE, request.name)
    for field, value in zip(("namespace", "name"), name, strict=True):
        if not is_dns_label(value):
            raise InvalidRequest(Violation(field, f"{shown(value)} is not a DNS label"))
    return name


def namespace_filter(value: str) -> str:
    """A namespace, or nothing for all."""
    if value and not is_dns_label(value):
        raise InvalidRequest(Violation("namespace", f"{shown(value)} is not a DNS label"))
    return value


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
    except (ValueError, binascii.Error):
        place = None
    if not (isinstance(place, list) and len(place) == parts and all(isinstance(p, str) for p in place)):
        raise InvalidRequest(Violation("page_token", f"{shown(token)} is not one that a listing gave"))
    return place
