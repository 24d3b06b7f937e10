"""The members of the cluster: nodes and executors, each a process that may die and be started again."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.gate import run_remains, world
from tests.gate.network import Place
from tests.rig.process import ManagedProcess, children_of, process_state
from tests.rig.waiting import eventually

START_TIMEOUT = 60.0
"""Seconds; an executor whose last life's session still stands waits for it to go."""


class Member:
    """One node or executor through all its lives. `command` is without the place's prefix."""

    def __init__(
        self,
        name: str,
        place: Place,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        is_executor: bool,
    ) -> None:
        self.name = name
        self.place = place
        self.is_executor = is_executor
        self.lives = 0
        self.failpoints = folder / "failpoints" / name
        self.failpoints.mkdir(parents=True)
        self._folder = folder
        self._command = [*place.prefix, *command]
        self._environment = dict(environment)
        self._process: ManagedProcess | None = None
        self._lock = threading.Lock()
        self._guarded = False

    @property
    def process(self) -> ManagedProcess:
        """That of this life: of an executor with a guardian, the guardian."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The process that does the work: of an executor with a guardian, the guardian's child."""
        return self._child() or self.process.pid

    def _child(self) -> int | None:
        """The executor below a guardian."""
        for child in children_of(self.process.pid) if self.is_executor else ():
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                # a worker, and a task, are children of an executor that has no guardian
                if b"executor.kinds.worker" not in words and any(word.startswith(b"executor") for word in words):
                    return child
        return None

    @property
    def has_guardian(self) -> bool:
        """Whether it was ever seen to have one: between two children there is none to be seen."""
        self._guarded = self._guarded or self.pid != self.process.pid
        return self._guarded

    def start(self) -> None:
        """Begin a life, unless it lives; returns when the process runs, which is before it serves."""
        with self._lock:
            if self.running:
                return
            if self._process is not None:
                self._process.close()
            self.lives += 1
            environment = {**self._environment, world.LIFE: f"{self.name}/{self.lives}"}
            log = self._folder / "logs" / f"{self.name}.log"
            self._process = ManagedProcess(self.name, self._command, log=log, env=environment).start()

    def wait_started(self) -> None:
        kind = "executor" if self.is_executor else "node"
        self.process.wait_for_line(f"{kind} started", START_TIMEOUT)

    def kill(self) -> None:
        """SIGKILL to the working process alone."""
        if self.has_guardian:
            os.kill(eventually(self._child, describe=f"{self.name} has a child"), signal.SIGKILL)
        else:
            self.process.kill()

    def kill_host(self) -> int:
        """SIGKILL to it and all that it has started, at once: its host is gone. Returns how many processes."""
        marks = {run_remains.MARK: self._environment[run_remains.MARK], world.EXECUTOR: self.name}
        with self._lock:
            killed = run_remains.kill(**marks) if self.is_executor else 0
            if self.running:
                self.process.kill()
            self.process.wait()
        return killed

    def terminate(self, timeout: float) -> int:
        """SIGTERM, and wait for the end; returns the exit status."""
        return self.process.terminate(timeout)

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def suspend(self) -> Callable[[], None]:
        """SIGSTOP to the working process; returns what continues that same one, if it still is."""
        pid = self.pid
        os.kill(pid, signal.SIGSTOP)
        eventually(lambda: process_state(pid) in ("T", "Z", ""), describe=f"{self.name} is stopped")
        return lambda: _continue(pid)

    def is_stopped(self) -> bool:
        return process_state(self.pid) == "T"

    def wake(self) -> None:
        """SIGCONT, whoever stopped it."""
        if self.running:
            self.signal(signal.SIGCONT)

    def arm(self, failpoint: str, action: str) -> None:
        """The next time that it passes there, it happens."""
        (self.failpoints / f"{failpoint}.hit").unlink(missing_ok=True)
        written = self.failpoints / "new"
        written.write_text(action)
        written.rename(self.failpoints / failpoint)

    def disarm(self, failpoint: str) -> None:
        (self.failpoints / failpoint).unlink(missing_ok=True)

    def was_hit(self, failpoint: str) -> bool:
        return (self.failpoints / f"{failpoint}.hit").exists()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()


def _continue(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
