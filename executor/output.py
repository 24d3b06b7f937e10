"""The output of one attempt, bounded: its first part live, of the rest the end."""

import threading
from collections import defaultdict

from executor.report import MAX_TEXT, Chunk, last_lines

KEPT_HEAD = 48 * 1024
"""Bytes that are streamed while they come."""
KEPT_TAIL = 16 * 1024
"""Bytes of what comes after them: the last ones, sent at the end. Together 64 KiB."""
FLUSH_SECONDS = 0.5
LIVE_FLUSHES = 300
FLUSH_SIZE = 8 * 1024
"""After so many flushes, only so many bytes are worth another: a leader takes at most 1,000 chunks of an attempt."""
SMALL_CUTS = 100
CUT_SIZE = 256
"""Of lines, after so many that are a chunk each, a chunk has so many bytes at least."""


class Output:
    """Takes output from any thread; chunks are never removed, so that each leader can have them all.

    Within one flush each stream's bytes are together: two pipes have no common order anyway.
    """

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._lock = threading.Lock()
        self._gathered: defaultdict[str, bytearray] = defaultdict(bytearray)
        self._gathered_size = 0
        self._head_left = KEPT_HEAD
        self._tails: defaultdict[str, bytearray] = defaultdict(bytearray)
        self._dropped: defaultdict[str, int] = defaultdict(int)
        self._ends: defaultdict[str, bytearray] = defaultdict(bytearray)
        self._flushes = 0
        self._cuts = 0
        self._closed = False

    def write(self, stream: str, data: bytes) -> None:
        """Take a piece. After the close it is too late, and nothing happens."""
        with self._lock:
            self._write(stream, data)

    def line(self, data: bytes) -> None:
        """Take a line of stdout. What alone comes by lines makes the same chunks whenever they come, so long as nobody
        flushes: told anew, they are the same."""
        with self._lock:
            self._write("stdout", data)
            if self._gathered_size >= (1 if self._cuts < SMALL_CUTS else CUT_SIZE):
                self._cuts += 1
                self._flush()

    def _write(self, stream: str, data: bytes) -> None:
        if not self._closed:
            end = self._ends[stream]
            end += data[-MAX_TEXT:]
            del end[:-MAX_TEXT]
            head = data[: self._head_left]
            if head:
                self._head_left -= len(head)
                self._gathered[stream] += head
                self._gathered_size += len(head)
            if len(head) < len(data):
                self._write_tail(stream, data[len(head) :])

    def _write_tail(self, stream: str, data: bytes) -> None:
        kept = data[-KEPT_TAIL:]
        self._dropped[stream] += len(data) - len(kept)
        self._tails[stream] += kept
        while (excess := sum(map(len, self._tails.values())) - KEPT_TAIL) > 0:
            longest = max(self._tails, key=lambda name: len(self._tails[name]))
            cut = min(excess, len(self._tails[longest]))
            del self._tails[longest][:cut]
            self._dropped[longest] += cut

    def flush(self) -> bool:
        """Make chunks of what has gathered, if there is reason to; tell whether there are new ones."""
        with self._lock:
            worth = self._gathered_size >= (1 if self._flushes < LIVE_FLUSHES else FLUSH_SIZE)
            self._flushes += worth
            return worth and self._flush()

    def _flush(self) -> bool:
        if not self._gathered_size:
            return False
        self.chunks.extend(Chunk(stream=stream, data=bytes(data)) for stream, data in self._gathered.items())
        self._gathered.clear()
        self._gathered_size = 0
        return True

    def close(self) -> None:
        """There is no more: add the end of what was too long, after a line that says how much is missing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._flush()
            for stream, tail in self._tails.items():
                dropped = self._dropped[stream]
                marker = b"\n[... %d bytes not kept ...]\n" % dropped if dropped else b""
                self.chunks.append(Chunk(stream=stream, data=marker + bytes(tail)))

    def last_lines(self) -> str:
        """The last lines of stderr, or of stdout when there is nothing on stderr."""
        with self._lock:
            return last_lines(bytes(self._ends["stderr"] or self._ends["stdout"]))
