"""A worker process, seen from the executor, and what it runs."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from cronquorum.clock import Clock, wait_for_event
from executor.assignment import Assignment
from executor.function import TaskFunction
from executor.kinds import environment
from executor.kinds.protocol import Reporter
from executor.process import Child
from executor.report import Ended, TaskFailure

LONGEST_LINE = 1024 * 1024
"""A worker's longest message is a result, 64 KiB, twice encoded."""
EOF_SECONDS = 1.0


class WorkerProcess(asyncio.Protocol):
    """One process. `serving` is the run that it works for; `on_free` is told when it can take another."""

    def __init__(self, clock: Clock, on_free: Callable[["WorkerProcess"], None]) -> None:
        self._clock = clock
        self._on_free = on_free
        self._path: list[str] = []
        self._child: Child | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._eof = asyncio.Event()
        self._ready = False
        self._serving: WorkerRun | None = None
        self._last: Ended | None = None
        self.idle_since = 0.0

    async def serve(self, env: dict[bytes, bytes], path: list[str], first: "WorkerRun") -> None:
        """Start the process, and return when it has ended with all that it started. Raises OSError."""
        self._serving, self._path = first, path
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                command = [sys.executable, "-m", "executor.kinds.worker", str(theirs.fileno())]
                child = Child.spawn(
                    [word.encode() for word in command],
                    env=env | {b"PYTHONPATH": os.fsencode(os.pathsep.join(path))},
                    clock=self._clock,
                    on_output=self._on_output,
                    pass_fds=[theirs.fileno()],
                )
        except BaseException:
            ours.close()
            raise
        self._child = child
        await asyncio.get_running_loop().create_connection(lambda: self, sock=ours)
        if first.grace is not None:
            child.terminate(first.grace)
        code = await child.ended()
        await wait_for_event(self._eof, self._clock, EOF_SECONDS)
        self.hang_up()
        self._gone(code)

    def give(self, run: "WorkerRun") -> None:
        """Have the (idle) worker run a task."""
        self._serving = run
        self._send(run.request())
        run.reporter.started()

    @property
    def tidies(self) -> bool:
        """Whether the task has ended, and only its remains are still to be."""
        return self._last is not None

    def terminate(self, grace: float) -> None:
        if self._child is not None:
            self._child.terminate(grace)

    def hang_up(self) -> None:
        """A worker whose socket is closed ends by itself."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send({"path": self._path, "pythonpath": os.environ.get("PYTHONPATH")})

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        try:
            for line in lines:
                self._take(json.loads(line))
            if len(rest) > LONGEST_LINE:
                raise ValueError("a line without an end")
        except (ValueError, KeyError, TypeError):  # a task wrote into our socket: nothing there can be trusted
            self.terminate(0)

    def connection_lost(self, error: Exception | None) -> None:
        self._eof.set()

    def _take(self, message: dict[str, Any]) -> None:
        run = self._serving
        if run is None:
            return
        if "ready" in message:
            self._ready = True
            if run.grace is None and run.reporter.may_start():
                self.give(run)
            elif run.grace is None:  # the lease has run out while the process came up
                run.grace = 0.0
                self.terminate(0)
        elif "progress" in message:
            fraction, note = message["progress"]
            run.reporter.progress(float(fraction), str(note))
        elif "ended" in message and self._last is None:
            self._ended(run, _read_ended(message["ended"]), clean=message["clean"] is True)

    def _ended(self, run: "WorkerRun", ended: Ended, *, clean: bool) -> None:
        assert self._child is not None
        if not clean or run.grace is not None:
            self._last = ended  # told when nothing runs any more
            self._child.terminate(0)
            return
        self._child.read_rest()
        self._serving = None
        self.idle_since = self._clock.monotonic()
        self._on_free(self)
        run.finish(ended)

    def _gone(self, code: int) -> None:
        run, self._serving = self._serving, None
        if run is None:
            return
        if self._last is not None:
            run.finish(self._last)
        elif run.grace is not None:
            run.finish(Ended(stopped=True))
        else:
            how = f"with exit code {code}" if code >= 0 else f"by signal {-code}"
            run.finish(Ended(error=TaskFailure(type="workerDied", message=f"the worker process ended {how}")))

    def _on_output(self, stream: str, data: bytes) -> None:
        if self._serving is not None:
            self._serving.reporter.output(stream, data)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._transport is not None
        self._transport.write(json.dumps(message).encode() + b"\n")


class WorkerRun:
    """One task in a worker. `grace` is set once it is told to end."""

    def __init__(self, function: TaskFunction, location: str, assignment: Assignment, reporter: Reporter) -> None:
        self.reporter = reporter
        self.grace: float | None = None
        self.worker: WorkerProcess | None = None
        self._function = function
        self._location = location
        self._assignment = assignment
        self._env = environment.told(assignment)
        self._finished = False

    def stop(self, grace: float) -> bool:
        if self._finished or (self.worker is not None and self.worker.tidies):
            return False
        self.grace = grace if self.grace is None else min(grace, self.grace)
        if self.worker is not None:
            self.worker.terminate(grace)
        return True

    def finish(self, ended: Ended) -> None:
        self._finished = True
        self.reporter.ended(ended)

    def request(self) -> dict[str, Any]:
        assignment = self._assignment
        return {
            "location": self._location,
            "name": self._function.name,
            "env": self._env,
            "context": {
                "namespace": assignment.namespace,
                "job": assignment.job,
                "trigger": assignment.trigger,
                "execution_id": assignment.key.execution_id,
                "scheduled_ms": assignment.scheduled_ms,
                "attempt": assignment.key.attempt,
                "epoch": assignment.epoch,
                "params": assignment.params,
                "traceparent": assignment.traceparent,
            },
        }


def _read_ended(told: dict[str, Any]) -> Ended:
    error = told["error"]
    result = told["result"]
    if result is not None and not isinstance(result, str):
        raise ValueError("a result that is no text")
    return Ended(
        result=result,
        error=None if error is None else TaskFailure(**error),
        stopped=told["stopped"] is True,
    )
