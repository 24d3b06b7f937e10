"""An entry of the outcome journal: one line, which another process can read.

<CRC-32, 8 hex digits> {"key": [...], "state": ..., ...}     an outcome
<CRC-32, 8 hex digits> {"done": [[...], ...]}                outcomes that were acknowledged
"""

import base64
import json
import zlib
from collections.abc import Sequence
from functools import cache, lru_cache
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any, NamedTuple

from cronquorum.clock import Clock
from executor.assignment import AttemptKey
from executor.report import Chunk, FinalReport, Outcome, OutcomeState, Progress, TaskFailure

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CRC = 8
_encode = json.JSONEncoder(separators=(",", ":")).encode
_encode_often = lru_cache(maxsize=128)(_encode)
"""For texts of which there are few."""


class BadEntry(ValueError):
    """A line that is none of ours, or no longer."""


class Moment(NamedTuple):
    """A point in time that a later process can still place: seconds of CLOCK_BOOTTIME, and the boot that they
    count from; seconds since 1970 for when the machine was started again in between."""

    boot: str
    boottime: float
    wall: float

    @classmethod
    def now(cls, clock: Clock, ago: float = 0.0) -> "Moment":
        """The present, or so many seconds before it."""
        return cls(boot=_boot_id(), boottime=clock.boottime() - ago, wall=clock.now().timestamp() - ago)

    def after(self, seconds: float) -> "Moment":
        """So many seconds later."""
        return Moment(self.boot, self.boottime + seconds, self.wall + seconds)

    def age(self, now: "Moment") -> float:
        """Seconds from this to now: never negative, whatever was done to the wall clock."""
        if self.boot and self.boot == now.boot:
            return max(0.0, now.boottime - self.boottime)
        return max(0.0, now.wall - self.wall)


@cache
def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Entry(NamedTuple):
    """An outcome and when it came about."""

    report: FinalReport
    ended: Moment


def write_entry(entry: Entry) -> bytes:
    """The line of an outcome. Put together by hand: each outcome has one, and the encoder takes three times as long
    for the table that this is."""
    (boot, boottime, wall), report = entry.ended, entry.report
    execution_id, part, attempt, placement, incarnation = report.key
    outcome, progress = report.what, report.progress
    assert isinstance(outcome, Outcome), "refusals are not journalled"
    error = outcome.error
    ran = "null" if report.started is None else f"{report.ended - report.started:.9f}"
    chunks = [[chunk.stream, base64.b64encode(chunk.data).decode()] for chunk in report.chunks]
    return _line(
        f'{{"key":[{encode_basestring_ascii(execution_id)},{part},{attempt},{placement},{_encode_often(incarnation)}],'
        f'"state":"{outcome.state.value}",'
        f'"ended":[{_encode_often(boot)},{boottime:.6f},{wall:.6f}],'
        f'"ran":{ran},'
        f'"result":{"null" if outcome.result is None else _encode(outcome.result)},'
        f'"exit":{"null" if outcome.exit_code is None else outcome.exit_code},'
        f'"error":{"null" if error is None else _encode([error.type, error.message, error.tail])},'
        f'"reason":{_encode_often(outcome.reason)},'
        f'"progress":{"null" if progress is None else _encode([progress.fraction, progress.note])},'
        f'"chunks":{_encode(chunks) if chunks else "[]"}}}'
    )


def write_done(keys: Sequence[AttemptKey]) -> bytes:
    """The line that says of outcomes that they are acknowledged."""
    return _line(_encode({"done": keys}))


def read_line(line: bytes, now: Moment, monotonic: float) -> Entry | list[AttemptKey]:
    """What a line (without its end) says; the report's times are those of our monotonic clock.

    Raises `BadEntry`.
    """
    try:
        if int(line[:_CRC], 16) != zlib.crc32(line[_CRC + 1 :]):
            raise BadEntry("the checksum is another one")
        said = json.loads(line[_CRC + 1 :])
        if "done" in said:
            return [_read_key(key) for key in said["done"]]
        return _read_entry(said, now, monotonic)
    except BadEntry:
        raise
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise BadEntry(f"not what an executor wrote: {type(error).__name__}: {error}") from None


def _read_entry(said: dict[str, Any], now: Moment, monotonic: float) -> Entry:
    boot, boottime, wall = said["ended"]
    ended = Moment(boot=str(boot), boottime=float(boottime), wall=float(wall))
    ended_at = monotonic - ended.age(now)
    error, progress = said["error"], said["progress"]
    report = FinalReport(
        key=_read_key(said["key"]),
        what=Outcome(
            state=OutcomeState(said["state"]),
            result=said["result"],
            exit_code=said["exit"],
            error=None if error is None else TaskFailure(type=error[0], message=error[1], tail=error[2]),
            reason=said["reason"],
        ),
        started=None if said["ran"] is None else ended_at - float(said["ran"]),
        ended=ended_at,
        progress=None if progress is None else Progress(fraction=progress[0], note=progress[1]),
        chunks=[Chunk(stream=stream, data=base64.b64decode(data)) for stream, data in said["chunks"]],
    )
    return Entry(report=report, ended=ended)


def _read_key(said: list[Any]) -> AttemptKey:
    execution_id, part, attempt, placement, incarnation = said
    return AttemptKey(str(execution_id), int(part), int(attempt), int(placement), str(incarnation))


def _line(said: str) -> bytes:
    text = said.encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)
