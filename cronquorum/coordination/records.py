"""What a member looks like on the wire, and which members are fit to be announced.

A record is a JSON object: `{"id": ..., "incarnation": ..., "address": "host:port", "facts": {...}}`.
Anybody who can write to the coordinator can write nonsense there, so every record that is read is
judged as strictly as one that is written; keys that we don't know are left to later versions.
"""

import ipaddress
import json
import re
import socket
from collections.abc import Mapping

from cronquorum.coordination.protocols import EXECUTORS, NODES, CoordinationError, Member
from cronquorum.names import shown

MAX_RECORD = 64 * 1024
"""Bytes of one encoded member."""

FOLDERS = (NODES, EXECUTORS)
"""Where members may be announced."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")
_ADDRESS = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[A-Za-z0-9][A-Za-z0-9._-]{0,252})):(?P<port>[0-9]{1,5})")


class BadMember(CoordinationError, ValueError):
    """A member that nobody could use: its name is none, or its address cannot be dialled."""


def checked(member: Member) -> Member:
    """The same member, when it is fit to be announced. Raises BadMember, naming the field."""
    for name, value in (("id", member.id), ("incarnation", member.incarnation)):
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise BadMember(
                f"member {name} {shown(value)}: not 1 to 128 letters, digits, and . _ : @ - after the first"
            )
    _check_address(member.address)
    if not isinstance(member.facts, Mapping):
        raise BadMember(f"facts of {member.id}: not a mapping of texts")
    for key, value in member.facts.items():
        if not (_is_text(key) and _is_text(value)):
            raise BadMember(f"fact {shown(key)} of {member.id}: {shown(value)} is not a text")
    return member


def encode(member: Member) -> bytes:
    """A member as its record. Raises BadMember."""
    checked(member)
    record = {
        "id": member.id,
        "incarnation": member.incarnation,
        "address": member.address,
        "facts": dict(member.facts),
    }
    data = json.dumps(record, separators=(",", ":"), sort_keys=True).encode()
    if len(data) > MAX_RECORD:
        raise BadMember(f"member {member.id}: its record has {len(data)} bytes, more than {MAX_RECORD}")
    return data


def decode(data: bytes, *, name: str | None = None) -> Member:
    """A record as its member, whose id must be `name` where one is given. Raises BadMember."""
    if len(data) > MAX_RECORD:
        raise BadMember(f"its record has {len(data)} bytes, more than {MAX_RECORD}")
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadMember(f"its record is not JSON: {shown(str(error))}") from None
    if not isinstance(record, dict):
        raise BadMember(f"its record is {shown(record)}, not a JSON object")
    member = Member(
        id=record.get("id", ""),
        incarnation=record.get("incarnation", ""),
        address=record.get("address", ""),
        facts=record.get("facts", {}),
    )
    checked(member)
    if name is not None and member.id != name:
        raise BadMember(f"its record says id {shown(member.id)}")
    return member


def checked_folder(folder: str) -> str:
    """The same folder, when members may be announced there. Raises CoordinationError."""
    if folder not in FOLDERS:
        raise CoordinationError(f"folder {shown(folder)}: not one of {', '.join(FOLDERS)}")
    return folder


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()  # JSON can spell half a surrogate pair, which nobody can write down again
    except UnicodeEncodeError:
        return False
    return True


def _check_address(address: object) -> None:
    match = _ADDRESS.fullmatch(address) if isinstance(address, str) and len(address) <= 300 else None
    if match is None:
        raise BadMember(f"address {shown(address)}: not host:port")
    if not 1 <= int(match["port"]) <= 65535:
        raise BadMember(f"address {shown(address)}: the port is not in 1-65535")
    if match["v6"] is not None:
        try:
            if ipaddress.IPv6Address(match["v6"]).is_unspecified:
                raise BadMember(f"address {shown(address)}: that host is everywhere; name one to dial")
        except ipaddress.AddressValueError:
            raise BadMember(f"address {shown(address)}: no IPv6 address stands in the brackets") from None
    elif _is_anywhere(match["host"]):
        raise BadMember(f"address {shown(address)}: that host is everywhere; name one to dial")


def _is_anywhere(host: str) -> bool:
    try:
        return not any(socket.inet_aton(host))  # it also reads "0" and "0x0", as a dialler would
    except OSError:
        return False
