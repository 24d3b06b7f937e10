"""The offsets of a zone from UTC, as spans of time without a clock change.

`zoneinfo` says the offset at a time, but not when it changes; those moments are found here, once, and kept.
All instants are whole seconds since 1970-01-01 UTC, and all offsets are seconds to add to UTC.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_CHUNK = 1 << 25  # what is worked out at a time: 388 days, in some 40 microseconds
_CHUNKS_KEPT = 8192  # about 1 KB each
# Two changes inside one probe that cancel each other would be missed. The shortest time between two changes
# in tzdata since 1970 is 7 days (America/Boa_Vista in 2000); a probe is 3 days.
_PROBE_BITS = 18
_PROBE = 1 << _PROBE_BITS
_STEPS = tuple(timedelta(seconds=1 << bit) for bit in reversed(range(_PROBE_BITS)))
_PROBE_STEP = timedelta(seconds=_PROBE)
_SECOND = timedelta(seconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A time with one offset: start <= t < end.

    before: the offset just before `start`; the same one when the span is only cut there.
    once_from, once_until: of the wall-clock times in the span, those below the former occurred already before
    it, and those from the latter on will occur again after it (the overlaps of the clock changes around it).
    """

    start: int
    end: int
    offset: int
    before: int
    once_from: int
    once_until: int


def span_at(zone: ZoneInfo, instant: int) -> Span:
    """The span that holds `instant`."""
    for span in _spans(zone, instant // _CHUNK):
        if instant < span.end:
            return span
    raise AssertionError("the last span of a chunk ends with it")


@lru_cache(maxsize=_CHUNKS_KEPT)
def _spans(zone: ZoneInfo, chunk: int) -> tuple[Span, ...]:
    start, end = chunk * _CHUNK, (chunk + 1) * _CHUNK
    # An overlap may reach over the ends of the chunk, so the changes nearby count as well.
    changes = _changes(zone, start - _PROBE, end + _PROBE)
    return tuple(
        Span(
            start=max(begin, start),
            end=min(finish, end),
            offset=offset,
            before=before if begin >= start else offset,
            once_from=begin + before,
            once_until=min(finish + after, min(finish, end) + offset),
        )
        for (_, before), (begin, offset), (finish, after) in zip(
            [changes[0], *changes], changes, [*changes[1:], (end + 2 * _PROBE, changes[-1][1])], strict=False
        )
        if begin < end and finish > start
    )


def _changes(zone: ZoneInfo, low: int, high: int) -> list[tuple[int, int]]:
    """The instants of changes and their new offsets, low <= instant < high, after one that stands for all before.

    A zone is asked for the offset at a wall-clock time, because it answers that much faster than for an instant. It
    means the first of a time that occurs twice, and the offset before a gap for one that is missing; so on the wall
    clock the new offset is seen where the larger of both offsets puts the change.
    """
    wall = _EPOCH + timedelta(seconds=low - _PROBE)
    offset = zone.utcoffset(wall)
    changes = [(low - 2 * _PROBE, _seconds(offset))]
    for _ in range((high - low) // _PROBE + 2):
        probe = wall + _PROBE_STEP
        expected = zone.utcoffset(probe)
        while offset != expected:
            wall = _next_offset(zone, wall)
            before, offset = offset, zone.utcoffset(wall)
            change = _seconds(wall - _EPOCH) - max(_seconds(before), _seconds(offset))
            changes.append((change, _seconds(offset)))
        wall = probe
    return changes


def _next_offset(zone: ZoneInfo, wall: datetime) -> datetime:
    """The first second after `wall`, and within a probe, that has another offset."""
    offset = zone.utcoffset(wall)
    for step in _STEPS:
        if zone.utcoffset(wall + step) == offset:
            wall += step
    return wall + _SECOND


def _seconds(duration: timedelta | None) -> int:
    assert duration is not None
    return duration.days * 86400 + duration.seconds
