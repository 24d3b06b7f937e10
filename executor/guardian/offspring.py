"""All processes below us, and their end.

The guardian is a subreaper: what a dead process leaves behind becomes the guardian's own child, whatever
session or group it is in. So when the guardian has no child, nothing of what the executor started lives.
"""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
FIRST_LOOK, LONGEST_LOOK = 0.005, 0.1
DEAD = "ZX"


@dataclass(frozen=True, kw_only=True, slots=True)
class Process:
    """A process as `/proc` shows it. Its number and `started` (clock ticks since boot) are its alone for ever."""

    pid: int
    state: str
    parent: int
    group: int
    started: int


def become_subreaper() -> None:
    """Orphans below us become ours. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def look(pid: int) -> Process | None:
    """The process of that number, if there is one."""
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # proc(5): the command stands in parentheses, and may itself hold blanks and parentheses
    fields = content.rpartition(b")")[2].split()
    return Process(
        pid=pid, state=fields[0].decode(), parent=int(fields[1]), group=int(fields[2]), started=int(fields[19])
    )


def descendants(of: int) -> list[Process]:
    """All below a process, dead ones that nobody has reaped included."""
    children: dict[int, list[Process]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names, and many
        if entry.isdigit() and (process := look(int(entry))) is not None:
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    parents = [of]
    while parents:
        below = children.pop(parents.pop(), [])
        found.extend(below)
        parents.extend(process.pid for process in below)
    return found


def kill(process: Process) -> None:
    """SIGKILL to exactly this one: not to another that got its number meanwhile."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        pidfd = os.pidfd_open(process.pid)
        try:
            now = look(process.pid)
            if now is not None and now.started == process.started:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)


def reap() -> dict[int, int] | None:
    """Take note of every child that has ended: its exit code (negative: the signal) by its number. None when
    there is no child at all."""
    ended: dict[int, int] = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended or None
        if pid == 0:
            return ended
        ended[pid] = os.waitstatus_to_exitcode(status)


def end_all(wait: Callable[[float], bool]) -> list[Process]:
    """Kill whatever is below us, and return when nothing is left there.

    `wait` is given the seconds until the next look; when it says False, what is left is returned.
    """
    pause = FIRST_LOOK
    while True:
        living = [process for process in descendants(os.getpid()) if process.state not in DEAD]
        for process in living:
            kill(process)
        if reap() is None:
            return []
        if not wait(pause):
            return living
        pause = min(LONGEST_LOOK, 2 * pause)


def kill_below() -> None:
    """For an executor whose guardian is gone: kill all that is below us, and the groups of our children.

    What has left its group and lost its parent is out of reach: it was the guardian's.
    """
    while living := [process for process in descendants(os.getpid()) if process.state not in DEAD]:
        me = os.getpid()
        for process in living:
            if process.parent == me and process.group == process.pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
            kill(process)
        time.sleep(FIRST_LOOK)  # noqa: TID251 - no event loop is left to sleep in
