"""Starts an executor, watches it, ends what it leaves behind, and starts it again.

start ──► watch ──► dead, or killed at the end of its lease
  ▲                            │
  │                 everything below us is killed ◄── until nothing is left
  │                            │
  └──── pause ◄──── vouched for ──► it was told to stop, or never served: its exit code is ours
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from types import FrameType

from executor.guardian.life import Life
from executor.guardian.notes import note
from executor.guardian.offspring import become_subreaper, end_all, reap

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0
"""Seconds before the second restart in a row, and at most; the first one is at once."""
STEADY_SECONDS = 30.0
"""An executor that has served for so long has nothing to do with the crash before it."""
MOST_VOUCHED = 100
LOOK_SECONDS = 0.25
"""The longest wait while a lease is watched: waiting does not count a suspended host, the lease does."""
STUBBORN_SECONDS = 5.0
"""After which processes that cannot be killed are named in the log."""
GIVE_UP_SECONDS = 2.0
"""How long a guardian that was told to stop waits for what cannot be killed."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
LEVELS = (signal.SIGUSR1, signal.SIGUSR2)
"""Of the log level: they are passed on."""


def pause_before(restart: int) -> float:
    """Seconds to wait before the n-th restart in a row, from 1."""
    return 0.0 if restart <= 1 else min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(restart - 2, 20))


class Guardian:
    """Of the executor that `argv` describes. `run` once."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._argv = list(argv)
        self._stops = 0
        self._levels: list[int] = []
        self._vouched: list[str] = []
        self._lock: int | None = None
        self._executor_id = ""
        self._served = False
        self._restarts = 0
        self._selector = selectors.DefaultSelector()
        self._signals, self._wakeup = socket.socketpair()

    def run(self) -> int:
        """Returns the exit code: that of an executor that was told to stop, or could not start."""
        become_subreaper()
        for end in (self._signals, self._wakeup):
            end.setblocking(False)
        self._selector.register(self._signals, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wakeup.fileno(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self._on_stop)
        for number in LEVELS:
            signal.signal(number, lambda number, frame: self._levels.append(number))
        signal.signal(signal.SIGCHLD, _ignore)
        while True:
            code = self._live()
            if code is not None:
                return code
            self._pause()
            if self._stops:
                return 0

    def _live(self) -> int | None:
        """One incarnation, from its start to the end of all that it started. Returns the exit code when that
        was the last one."""
        life = Life.begin(self._argv, self._vouched, self._lock, self._executor_id)
        begun = time.monotonic()
        self._selector.register(life.channel, selectors.EVENT_READ)
        try:
            code = self._watch(life)
            life.listen()
        finally:
            self._lock, self._executor_id = life.lock, life.executor_id
            self._selector.unregister(life.channel)
            life.channel.close()
        self._served = self._served or life.started
        left = self._end_all(life)
        if code == 0 or self._stops or (code > 0 and not self._served):
            return (code if code >= 0 else 128 - code) or (1 if left else 0)
        self._vouched = [*self._vouched, life.incarnation][-MOST_VOUCHED:]
        steady = life.started and time.monotonic() - begun >= STEADY_SECONDS
        self._restarts = 1 if steady else self._restarts + 1
        note(
            "warning",
            "executor died; it is started again",
            executor=self._executor_id,
            incarnation=life.incarnation,
            code=code,
            pause=pause_before(self._restarts),
        )
        return None

    def _watch(self, life: Life) -> int:
        """Until the executor is dead; returns how it ended."""
        told = 0
        if self._stops:
            life.stop(told := self._stops)
        while True:
            deadline = life.lease.deadline
            self._wait(None if deadline is None else max(0.0, min(LOOK_SECONDS, deadline - _boottime())))
            life.listen()
            if life.hung_up:  # dead, or as good as that
                os.kill(life.pid, signal.SIGKILL)
                return self._dead(life)
            while self._levels:
                life.level(self._levels.pop(0))
            if self._stops > told:
                life.stop(told := self._stops)
            deadline = life.lease.deadline
            if deadline is not None and _boottime() >= deadline:
                note("error", "lease over and nothing heard: the executor is killed", incarnation=life.incarnation)
                os.kill(life.pid, signal.SIGKILL)
                return self._dead(life)
            # orphans of tasks that ended long ago are ours: they are not to stay zombies
            ended = reap() or {}
            if life.pid in ended:
                return ended[life.pid]

    def _dead(self, life: Life) -> int:
        """Wait for the end of an executor that has been killed; returns how it ended."""
        while (ended := reap()) is None or life.pid not in ended:
            self._wait(LOOK_SECONDS)
        return ended[life.pid]

    def _end_all(self, life: Life) -> bool:
        """Kill what is left of an incarnation, however long that takes; tell whether something stayed, which
        is only when we are told to stop meanwhile."""
        begun, told = time.monotonic(), False

        def wait(seconds: float) -> bool:
            nonlocal told
            self._wait(seconds)
            waited = time.monotonic() - begun
            if waited >= STUBBORN_SECONDS and not told:
                told = True
                note("error", "processes of a dead executor cannot be killed", incarnation=life.incarnation)
            return not (self._stops and waited >= GIVE_UP_SECONDS)

        left = end_all(wait)
        if left:
            note("error", "processes are left behind", pids=[process.pid for process in left])
        return bool(left)

    def _pause(self) -> None:
        deadline = time.monotonic() + pause_before(self._restarts)
        while not self._stops and (left := deadline - time.monotonic()) > 0:
            self._wait(left)
            reap()

    def _wait(self, seconds: float | None) -> None:
        """Until a signal or a packet comes, or so long."""
        self._selector.select(seconds)
        try:
            while self._signals.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stops += 1


def _ignore(number: int, frame: FrameType | None) -> None:
    """SIGCHLD: that it wakes us is enough."""


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
