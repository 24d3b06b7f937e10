"""Threads that do what they are given, as many at once as there are threads."""

import threading
from collections import deque
from collections.abc import Callable

from cronquorum.logs import get_logger

_log = get_logger(__name__)

Work = Callable[[], object]


class ThreadPool:
    """Daemon threads, made when they are needed: a task that never ends does not keep the process.

    While work waits, one thread is on its way to it, and no more than one: woken, or made, by whoever gave or took
    the piece before. So a run of short tasks is done by one thread, that wakes another only to find nothing left,
    and behind a task that waits the next one begins at once. No work waits while there is a thread for it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._work: deque[Work] = deque()
        self._parked: list[threading.Lock] = []
        """Idle threads, each by a lock that it waits for; the one that worked last is the first to go on."""
        self._coming = False
        self._made = 0
        self._closed = False

    def submit(self, work: Work) -> None:
        """Have it called by a thread. It must not raise. Raises RuntimeError when the system gives not one thread."""
        with self._lock:
            self._work.append(work)
            call = self._call()
        if call is not None:
            try:
                call()
            except RuntimeError:
                with self._lock:
                    self._work.remove(work)
                raise

    def close(self) -> None:
        """Idle threads end; those that run tasks end after them."""
        with self._lock:
            self._closed = True
            parked, self._parked = self._parked, []
        for lock in parked:
            lock.release()

    def _call(self) -> Callable[[], None] | None:
        """What gets a thread on its way, if none is, and there is one; with the lock held, to be called without."""
        if self._coming:
            return None
        if self._parked:
            self._coming = True
            return self._parked.pop().release
        if self._made < self._size:
            self._coming = True
            self._made += 1
            return self._make
        return None

    def _make(self) -> None:
        try:
            threading.Thread(target=self._serve, name=f"task-{self._made - 1}", daemon=True).start()
        except RuntimeError as error:  # the system has no more: what waits is done by a thread that there is
            with self._lock:
                self._made -= 1
                self._coming = False
                made = self._made
                parked = self._call() if self._parked else None  # one that became idle meanwhile
            _log.error("no thread can be started", threads=made, error=str(error))
            if parked is not None:
                parked()
            elif not made:
                raise

    def _serve(self) -> None:
        park = threading.Lock()
        park.acquire()
        was_called = True
        while True:
            with self._lock:
                if was_called:
                    self._coming = False
                work = self._work.popleft() if self._work else None
                call = self._call() if self._work else None
                if work is None:
                    if self._closed:
                        return
                    self._parked.append(park)
            if call is not None:
                call()
            if work is not None:
                work()
            else:
                park.acquire()
            was_called = work is None
