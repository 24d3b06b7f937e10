"""A worker process: runs Python tasks, one after another, for the executor that started it.

    python -m executor.kinds.worker FD

FD is a socket that carries JSON lines both ways, so that stdin, stdout and stderr are the task's own.
It is single-threaded, so that tasks may fork. It ends when its executor closes the socket or dies.
"""

import _thread
import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
from functools import cache
from types import FrameType
from typing import Any

from executor.assignment import instant
from executor.context import Context, Listener
from executor.function import TaskFunction
from executor.kinds.invocation import Invocation, TaskCancelled
from executor.report import Ended, TaskFailure, clean_text

PROGRESS_SECONDS = 0.1
"""Between two progress messages; the last one before the end is always sent."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ORPHANED = signal.SIGRTMAX
"""Sent by the kernel when the executor dies: a signal that no task takes for its own."""


class Worker:
    """Serves requests until the socket is closed."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._lines = channel.makefile("rb")
        self._streams = sys.stdout, sys.stderr
        self._busy = False
        self._invocation: Invocation | None = None
        self._told_to_end = False
        self._progress: tuple[float, str] | None = None
        self._progress_sent = 0.0

    def serve(self) -> None:
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(ORPHANED, _end_group)
        _live_with_parent()
        setup = self._receive()
        if setup is None:
            return
        sys.path[:] = setup["path"]
        _set_environment({"PYTHONPATH": setup["pythonpath"]})
        directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        self._send({"ready": True})
        while not self._told_to_end and (request := self._receive()) is not None:
            self._busy = True
            before = dict(os.environ)
            os.environ.update(request["env"])
            ended = self._run(request)
            _set_environment({**dict.fromkeys(os.environ), **before})
            os.fchdir(directory)
            signal.signal(signal.SIGTERM, self._on_term)
            self._flush_progress()
            flushed = self._flush_streams()
            self._send({"ended": _told(ended), "clean": flushed and _is_clean()})
            self._busy = False

    def _run(self, request: dict[str, Any]) -> Ended:
        told = request["context"]
        told["scheduled_time"] = instant(told.pop("scheduled_ms"))
        try:
            function = _function(request["location"], request["name"])
        except BaseException as error:  # the import of a task's module may do anything
            message = clean_text(f"cannot import {request['location']}: {type(error).__name__}: {error}")
            return Ended(error=TaskFailure(type="cannotImport", message=message))
        try:
            self._invocation = _Call(function, told, self)
            if self._told_to_end:
                raise TaskCancelled
            ended = self._invocation.invoke()
            self._invocation = None
        except TaskCancelled:  # raised between the lines above
            self._invocation = None
            ended = Ended(stopped=True)
        return ended

    def progress(self, fraction: float, note: str) -> None:
        self._progress = (fraction, note)
        if time.monotonic() - self._progress_sent >= PROGRESS_SECONDS:
            self._flush_progress()

    def log(self, text: str) -> None:
        print(text, flush=True)

    def _flush_progress(self) -> None:
        latest, self._progress = self._progress, None
        if latest is not None:
            self._progress_sent = time.monotonic()
            self._send({"progress": latest})

    def _flush_streams(self) -> bool:
        """Whether the streams can serve another task: this one may have closed them."""
        try:
            for stream in (sys.stdout, sys.stderr, *self._streams):
                stream.flush()
        except (OSError, ValueError, AttributeError):
            return False
        sys.stdout, sys.stderr = self._streams
        return True

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        """The executor wants the task to end."""
        if not self._busy:
            raise SystemExit
        first, self._told_to_end = not self._told_to_end, True
        invocation = self._invocation
        if invocation is None or not first:
            return
        # in a thread, since the interrupted code may hold the very lock that this takes
        _thread.start_new_thread(invocation.cancel, ())
        if not invocation.is_async:
            raise TaskCancelled("told to end")

    def _receive(self) -> dict[str, Any] | None:
        line = b""
        with contextlib.suppress(OSError):
            line = self._lines.readline()
        request: dict[str, Any] | None = json.loads(line) if line else None
        return request

    def _send(self, message: dict[str, Any]) -> None:
        self._channel.sendall(json.dumps(message).encode() + b"\n")


class _Call(Invocation):
    """The task that a request asks for. `told` is what its context says."""

    def __init__(self, function: TaskFunction, told: dict[str, Any], listener: Listener) -> None:
        super().__init__(function, told["params"])
        self._told = told
        self._listener = listener

    def make_context(self) -> Context:
        return Context(**self._told, listener=self._listener)


def _told(ended: Ended) -> dict[str, Any]:
    error = ended.error
    failure = None if error is None else {"type": error.type, "message": error.message, "tail": error.tail}
    return {"result": ended.result, "error": failure, "stopped": ended.stopped}


@cache
def _function(location: str, name: str) -> TaskFunction:
    module, _, path = location.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return TaskFunction.of(name, found)


def _set_environment(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        elif os.environ.get(name) != value:
            os.environ[name] = value


def _live_with_parent() -> None:
    """To be told when the executor dies; and orphans of a task become children of ours, which are seen."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, ORPHANED, 0, 0, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_group(number: int, frame: FrameType | None) -> None:
    os.killpg(0, signal.SIGKILL)


def _is_clean() -> bool:
    """Whether nothing that the task started still runs, so that another may follow here."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return threading.active_count() == 1
    return False


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]  # a TextIOWrapper
    Worker(channel).serve()


if __name__ == "__main__":
    main()
