"""The offsets of a zone from UTC, as spans of time without a clock change.

`zoneinfo` says the offset at an instant, but not when it changes; those moments are found here, once, and
kept. All instants are whole seconds since 1970-01-01 UTC, and all offsets are seconds to add to UTC.
"""

from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

_CHUNK = 1 << 25  # what is worked out at a time: 388 days, in about 0.2 ms
# Two changes inside one probe that cancel each other would be missed. The shortest time between two changes
# in tzdata since 1970 is 7 days (America/Boa_Vista in 2000); a probe is 3 days.
_PROBE = 1 << 18
_CHUNKS_KEPT = 8192  # about 1 KB each


class Span(NamedTuple):
    """A time with one offset: start <= t < end.

    before: the offset just before `start`; the same one when the span is only cut there.
    shown_until, shown_again_from: of the wall-clock times in the span, those below the former occurred
    already before it, and those from the latter on will occur again after it (the overlaps of the clock
    changes around it).
    """

    start: int
    end: int
    offset: int
    before: int
    shown_until: int
    shown_again_from: int


def span_at(zone: ZoneInfo, instant: int) -> Span:
    """The span that holds `instant`."""
    spans = _spans(zone, instant // _CHUNK)
    for span in spans:
        if instant < span.end:
            return span
    raise AssertionError("the last span of a chunk ends with it")


@lru_cache(maxsize=_CHUNKS_KEPT)
def _spans(zone: ZoneInfo, chunk: int) -> tuple[Span, ...]:
    start, end = chunk * _CHUNK, (chunk + 1) * _CHUNK
    # An overlap may reach over the ends of the chunk, so the changes nearby count as well.
    changes = _changes(zone, start - _PROBE, end + _PROBE)
    starts = [start - _PROBE, *changes, end + _PROBE]
    offsets = [_offset(zone, at) for at in starts]
    offsets.insert(0, offsets[0])
    return tuple(
        Span(
            start=max(begin, start),
            end=min(finish, end),
            offset=offset,
            before=before if begin >= start else offset,
            shown_until=begin + before,
            shown_again_from=finish + after,
        )
        for (begin, finish), before, offset, after in zip(
            pairwise(starts), offsets, offsets[1:], offsets[2:], strict=False
        )
        if begin < end and finish > start
    )


def _changes(zone: ZoneInfo, low: int, high: int) -> list[int]:
    """The first instants of new offsets, low < instant <= high."""
    changes = []
    offset = _offset(zone, low)
    for probe in range(low + _PROBE, high + 1, _PROBE):
        while _offset(zone, probe) != offset:
            low = _change(zone, low, probe)
            offset = _offset(zone, low)
            changes.append(low)
        low = probe
    return changes


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The first instant of another offset than that at `low`; at `high` there is one."""
    offset = _offset(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: ZoneInfo, instant: int) -> int:
    offset = datetime.fromtimestamp(instant, zone).utcoffset()
    assert offset is not None
    return offset.days * 86400 + offset.seconds
