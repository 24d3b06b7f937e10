"""What an executor says of an attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from executor.assignment import AttemptKey

MAX_TEXT = 4 * 1024
"""Bytes of an error's message, and of its tail: a page of either."""


class OutcomeState(StrEnum):
    """How an attempt ended, in the words of the wire contract."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timedOut"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFailure:
    """Why a task failed. `tail`: the last lines of its output or traceback; None: whoever knows fills it in."""

    type: str
    message: str
    tail: str | None = None


class Ended(NamedTuple):
    """What became of a run, as its kind saw it. `result` is JSON text.

    `stopped` when it ended because it was told to; a run that finished all the same says False.
    """

    result: str | None = None
    exit_code: int | None = None
    error: TaskFailure | None = None
    stopped: bool = False


class Outcome(NamedTuple):
    """How an attempt ended. Sent when nothing of it still runs."""

    state: OutcomeState
    result: str | None = None
    exit_code: int | None = None
    error: TaskFailure | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """Not taken; nothing ran, and nothing will."""

    reason: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a task says it is: `fraction` from 0 to 1."""

    fraction: float
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """A piece of output; its place in the attempt's list is its `seq`."""

    stream: str
    data: bytes


class FinalReport(NamedTuple):
    """The last word on an attempt, kept until acknowledged; with what else the leader may not have.

    `ended` and `started` are monotonic seconds; `started` is None when it never started.
    """

    key: AttemptKey
    what: Outcome | Refused
    ended: float
    started: float | None = None
    progress: Progress | None = None
    chunks: Sequence[Chunk] = ()

    @property
    def size(self) -> int:
        """About how many bytes this holds."""
        what, size = self.what, 500
        if self.chunks:
            size += sum(len(chunk.data) + 100 for chunk in self.chunks)
        if isinstance(what, Outcome):
            if what.result is not None:
                size += len(what.result)
            if what.error is not None:
                size += len(what.error.message) + len(what.error.tail or "")
        return size


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """A text that every message can bear: half surrogates replaced, and cut to `limit` bytes."""
    if len(text) * 4 <= limit and text.isascii():
        return text
    data = text[: limit + 1].encode("utf-8", "replace")
    if len(data) > limit:
        data = data[: limit - 3] + b"..."
    return data.decode("utf-8", "ignore")


def last_lines(data: bytes, limit: int = MAX_TEXT) -> str:
    """The end of an output as text of at most `limit` bytes: whole lines, if there are any."""
    if len(data) > limit:
        data = data[-limit:]
        _, newline, rest = data.partition(b"\n")
        data = rest if newline and rest else data
    text = data.decode("utf-8", "replace").strip("\n")
    while len(text.encode()) > limit:  # each undecodable byte became three
        text = text[len(text) // 8 + 1 :]
    return text
