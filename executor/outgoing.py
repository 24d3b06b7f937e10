"""What is still to be said to one leader, over one stream."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from executor.assignment import AttemptKey
from executor.attempt import Attempt
from executor.outbox import Outbox
from executor.report import Chunk, Outcome, Progress, Refused

LARGEST_MESSAGE = 1024 * 1024
"""Bytes after which a message is sent, and the next begun."""


class Writer(Protocol):
    """Writes one message. Ages are in seconds."""

    @property
    def size(self) -> int: ...

    def started(self, key: AttemptKey, age: float) -> None: ...

    def progress(self, key: AttemptKey, progress: Progress) -> None: ...

    def output(self, key: AttemptKey, seq: int, chunk: Chunk) -> None: ...

    def outcome(self, key: AttemptKey, outcome: Outcome, age: float, ran: float | None) -> None: ...

    def refused(self, key: AttemptKey, refused: Refused) -> None: ...


@dataclass(kw_only=True, slots=True)
class _Sent:
    """What of an attempt went over this stream."""

    started: bool = False
    progress: Progress | None = None
    chunks: int = 0


class Outgoing:
    """Which attempts have news. What the news is is looked up when it is sent: so progress is the latest,
    an attempt that started and ended meanwhile has its outcome only, and memory is bounded."""

    def __init__(self, running: Mapping[AttemptKey, Attempt], outbox: Outbox) -> None:
        self.something = asyncio.Event()
        self.lease_due = False
        self.capacity_due = False
        self.reach_asked: int | None = None
        """The leader's last question whether it is heard, to be given back."""
        self._running = running
        self._outbox = outbox
        self._news: dict[AttemptKey, None] = {}
        self._sent: dict[AttemptKey, _Sent] = {}

    def add(self, key: AttemptKey) -> None:
        """There is something new of this one."""
        self._news[key] = None
        self.something.set()

    def add_all(self) -> None:
        """Tell everything anew: what runs, and what was not acknowledged."""
        for key in (*self._outbox, *self._running):
            self.add(key)

    def ask_lease(self) -> None:
        self.lease_due = True
        self.something.set()

    def tell_capacity(self) -> None:
        self.capacity_due = True
        self.something.set()

    def answer_reach(self, asked: int) -> None:
        self.reach_asked = asked
        self.something.set()

    def write_news(self, writer: Writer, now: float) -> None:
        """Write what there is, at most about one message full. `now` is monotonic."""
        self._outbox.write()
        news, self._news = self._news, {}
        keys = iter(news)
        for key in keys:
            if writer.size >= LARGEST_MESSAGE:
                self._news = {key: None, **dict.fromkeys(keys)}
                break
            if not self._write_final(writer, key, now):
                self._write_running(writer, key, now)
        if self._news:
            self.something.set()

    def _write_final(self, writer: Writer, key: AttemptKey, now: float) -> bool:
        report = self._outbox.get(key)
        if report is None:
            return False
        sent = self._sent.pop(key, None)
        if report.chunks or report.progress is not None:
            sent = sent or _Sent()
            # of what has not started, as far as it knows, a leader takes no progress
            if report.progress is not None and report.started is not None and not sent.started:
                writer.started(key, now - report.started)
            self._write_told(writer, key, sent, report.progress, report.chunks)
        if isinstance(report.what, Refused):
            writer.refused(key, report.what)
        else:
            ran = None if report.started is None else report.ended - report.started
            writer.outcome(key, report.what, now - report.ended, ran)
        return True

    def _write_running(self, writer: Writer, key: AttemptKey, now: float) -> None:
        attempt = self._running.get(key)
        if attempt is None:  # acknowledged meanwhile
            self._sent.pop(key, None)
            return
        if attempt.started_at is None:
            return
        sent = self._sent.setdefault(key, _Sent())
        if not sent.started:
            sent.started = True
            writer.started(key, now - attempt.started_at)
        self._write_told(writer, key, sent, attempt.latest, attempt.chunks)

    def _write_told(
        self,
        writer: Writer,
        key: AttemptKey,
        sent: _Sent,
        progress: Progress | None,
        chunks: Sequence[Chunk],
    ) -> None:
        if progress is not None and progress is not sent.progress:
            sent.progress = progress
            writer.progress(key, progress)
        for seq in range(sent.chunks, len(chunks)):
            writer.output(key, seq, chunks[seq])
        sent.chunks = len(chunks)
