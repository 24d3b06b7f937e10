"""Identities: whoever records a fire gives it the same id, and ids are ordered by time."""

import hashlib
import os
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_LAST = 253_402_300_799_999
"""The last millisecond of the year 9999: 48 bits reach further than a datetime does."""


def milliseconds(instant: datetime) -> int:
    """Whole milliseconds since 1970, UTC."""
    return (instant - _EPOCH) // _MS


def from_milliseconds(value: int) -> datetime:
    """The instant so many milliseconds after 1970, UTC."""
    return _EPOCH + _MS * value


def _stamped(version: int, ms: int, rest: int) -> uuid.UUID:
    # RFC 9562: 48 bits of milliseconds, 4 of version, 12 free, 2 of variant, 62 free
    value = (ms & (1 << 48) - 1) << 80 | version << 76 | (rest >> 62 & 0xFFF) << 64
    return uuid.UUID(int=value | 0b10 << 62 | rest & (1 << 62) - 1)


def fire_id(trigger_uid: uuid.UUID, scheduled_time: datetime) -> uuid.UUID:
    """The id of a fire's execution: a UUIDv8 of the scheduled time and a hash of (trigger, time)."""
    ms = milliseconds(scheduled_time)
    digest = hashlib.blake2b(trigger_uid.bytes + ms.to_bytes(8, "big", signed=True), digest_size=10)
    return _stamped(8, max(0, ms), int.from_bytes(digest.digest(), "big"))


def time_of(stamped: uuid.UUID) -> datetime:
    """The instant that an id was made of, to the millisecond. Of an id of another make, some instant."""
    return from_milliseconds(min(stamped.int >> 80, _LAST))


def first_id(instant: datetime) -> uuid.UUID:
    """No id made of that instant, or a later one, is less; and none of an earlier one is as great."""
    return uuid.UUID(int=max(0, milliseconds(instant)) << 80)


def new_id(now: datetime) -> uuid.UUID:
    """A fresh id: a UUIDv7 (RFC 9562)."""
    return _stamped(7, milliseconds(now), int.from_bytes(os.urandom(10), "big"))
