"""The spans of a zone against what `zoneinfo` says, and against the zone files themselves."""

import io
import struct
from datetime import UTC, datetime
from importlib import resources
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.cron.offsets import span_at
from scheduler.cron.search import _FIRST_INSTANT, _LAST_INSTANT

from .strategies import CHANGES

_ZONES = sorted({zone for zone, _ in CHANGES} | {"Africa/Casablanca", "Asia/Gaza", "Africa/Cairo", "Asia/Tehran"})
_Y2100 = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


@settings(deadline=None, max_examples=500)
@given(st.sampled_from(_ZONES), st.integers(_FIRST_INSTANT, _LAST_INSTANT - 1))
def test_a_span_holds_its_instant_and_its_offset(name: str, instant: int) -> None:
    zone = ZoneInfo(name)
    span = span_at(zone, instant)
    assert span.start <= instant < span.end
    for at, expected in (
        (span.start - 1, span.before),
        (span.start, span.offset),
        (instant, span.offset),
        (span.end - 1, span.offset),
    ):
        offset = datetime.fromtimestamp(at, zone).utcoffset()
        assert offset is not None
        assert offset.total_seconds() == expected


def test_every_change_in_every_zone_file_is_found() -> None:
    count = 0
    for name in sorted(available_timezones()):
        file = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
        if file.is_file():  # `localtime` is the machine's
            content = file.read_bytes()
            changes = _changes_in_file(content)
            end = changes[-1] + 1 if changes else 0  # after that, the file has a rule instead of a table
            assert _changes_in_spans(ZoneInfo.from_file(io.BytesIO(content)), end) == changes, name
            count += len(changes)
    assert count > 15_000


def _changes_in_spans(zone: ZoneInfo, end: int) -> list[int]:
    """The instants of new offsets from 1970 until `end`."""
    found = []
    instant = 0
    while instant < end:
        span = span_at(zone, instant)
        if span.before != span.offset and 0 <= span.start < end:
            found.append(span.start)
        instant = span.end
    return found


def _changes_in_file(content: bytes) -> list[int]:
    """The instants of new offsets since 1970 in the 64-bit table of a TZif file (RFC 8536, section 3)."""
    header = struct.Struct(">4sc15x6l")
    magic, _, utc, std, leaps, times, types, letters = header.unpack_from(content)
    second = header.size + times * 5 + types * 6 + letters + leaps * 8 + std + utc
    assert magic == content[second : second + 4] == b"TZif"
    times = header.unpack_from(content, second)[5]
    at = second + header.size
    instants = struct.unpack_from(f">{times}q", content, at)
    indices = content[at + 8 * times : at + 9 * times]
    offsets = [struct.unpack_from(">l", content, at + 9 * times + 6 * index)[0] for index in indices]
    return [
        instant
        for (_, before), (instant, offset) in pairwise(zip(instants, offsets, strict=True))
        if before != offset and 0 <= instant < _Y2100
    ]
