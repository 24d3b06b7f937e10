"""The output of one container, read by one thread while it runs."""

import threading
from collections.abc import Callable

from executor.kinds.kubernetes.cluster import Cluster, Stream
from executor.kinds.kubernetes.errors import ClusterError, NotThere

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
"""Seconds before a log that broke off is opened again."""
END_SECONDS = 2.0
"""A log ends so shortly before its container is said to have ended; else it was only closed, and is opened again."""
LONGEST_LINE = 16 * 1024
"""Bytes after which a line is cut."""


class Log:
    """`read` in a thread; all else from the event loop. `on_line` is called in that thread.

    What comes is cut at the ends of lines, wherever the connection breaks off, and whoever reads it.
    """

    def __init__(
        self, cluster: Cluster, namespace: str, pod: str, container: str, on_line: Callable[[bytes], None]
    ) -> None:
        self._cluster = cluster
        self._where = namespace, pod, container
        self._on_line = on_line
        self._over = threading.Event()
        self._shut = threading.Event()
        self._stream: Stream | None = None
        self._passed = 0
        self._rest = b""

    def over(self) -> None:
        """The container has ended: there is nothing beyond the end of its log."""
        self._over.set()

    def close(self) -> None:
        """No more is read."""
        self._shut.set()
        self._over.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def read(self) -> None:
        """Return when all is read, or it was closed, or the pod is gone."""
        pause = FIRST_PAUSE
        while not self._shut.is_set():
            try:
                self._read_once()
                if self._over.wait(END_SECONDS):
                    break
            except NotThere:
                break
            except ClusterError:
                self._shut.wait(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)
        if not self._shut.is_set() and self._rest:
            self._on_line(self._rest)

    def _read_once(self) -> None:
        stream = self._stream = self._cluster.log(*self._where)
        if self._shut.is_set():
            stream.close()
        seen = 0
        for piece in stream:
            new = piece[max(0, self._passed - seen) :]
            seen += len(piece)
            self._passed = max(self._passed, seen)
            self._take(new)

    def _take(self, data: bytes) -> None:
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._pass_on(line + b"\n")
        while len(rest) > LONGEST_LINE:
            self._on_line(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._rest = rest

    def _pass_on(self, line: bytes) -> None:
        for start in range(0, len(line), LONGEST_LINE):
            self._on_line(line[start : start + LONGEST_LINE])
