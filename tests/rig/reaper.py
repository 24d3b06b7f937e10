"""Ends what the tests have started when they themselves are killed, and so can't.

It is a process of its own that reads from a pipe what to end; the pipe closes when the tests are gone,
however that came about. Nothing is left to do for it when they have ended everything themselves.
"""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

_lock = threading.Lock()
_pipe: int | None = None


def watch(what: int | Path) -> None:
    """Kill this process group, or delete this folder, when the tests die."""
    _tell("+", what)


def forget(what: int | Path) -> None:
    """It is gone already."""
    _tell("-", what)


def _tell(verb: str, what: int | Path) -> None:
    global _pipe
    with _lock:
        if _pipe is None:
            _pipe = _start()
        os.write(_pipe, f"{verb}{what}\n".encode())


def _start() -> int:
    read_end, write_end = os.pipe()
    null = subprocess.DEVNULL
    command = [sys.executable, "-I", "-S", __file__]
    process = subprocess.Popen(command, stdin=read_end, stdout=null, stderr=null, start_new_session=True)
    os.close(read_end)

    def end() -> None:
        os.close(write_end)
        process.wait()

    atexit.register(end)
    return write_end


def main(lines: Iterable[str]) -> None:
    watched: set[str] = set()
    for line in lines:
        verb, what = line[0], line[1:].rstrip("\n")
        watched.add(what) if verb == "+" else watched.discard(what)
    for group in filter(str.isdigit, watched):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(group), signal.SIGKILL)
    for folder in watched:
        if not folder.isdigit():
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.stdin)
