"""Ends what the tests have started when they themselves are killed, and so can't.

It is a process of its own that reads from a pipe what to end; the pipe closes when the tests are gone,
however that came about. Nothing is left to do for it when they have ended everything themselves.
"""

import atexit
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

_COMMAND = "!"
_lock = threading.Lock()
_pipe: int | None = None


def watch(what: int | Path) -> None:
    """Kill this process group, or delete this folder, when the tests die."""
    _tell("+", what)


def forget(what: int | Path) -> None:
    """It is gone already."""
    _tell("-", what)


def watch_command(command: Sequence[str]) -> None:
    """Run this when the tests die, after the process groups are killed: for what is neither process nor folder."""
    _tell("+", f"{_COMMAND}{shlex.join(command)}")


def forget_command(command: Sequence[str]) -> None:
    """It need not be run any more."""
    _tell("-", f"{_COMMAND}{shlex.join(command)}")


def _tell(verb: str, what: int | Path | str) -> None:
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
    for line in watched:
        if line.startswith(_COMMAND):
            with contextlib.suppress(OSError):
                subprocess.run(shlex.split(line.removeprefix(_COMMAND)), stdin=subprocess.DEVNULL, check=False)
    for folder in watched:
        if not folder.isdigit() and not folder.startswith(_COMMAND):
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.stdin)
