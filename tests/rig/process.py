"""A process of its own, with its output in a file, that a test can signal, freeze and kill."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from tests.rig import reaper
from tests.rig.waiting import eventually

TAIL_LINES = 60


class ManagedProcess:
    """One life of one process; it is started once. Output of stdout and stderr is appended to ``log``.

    ``env`` is added to the environment of the tests. ``user`` runs it as that user (only root can).
    It leads a session of its own, so that Ctrl-C reaches pytest alone. Use it as a context manager, or call
    :meth:`close`: both leave nothing of its process group behind. When a test fails, the tail of the log of
    every process that lived during the test is in the report.
    """

    of_this_test: ClassVar[list["ManagedProcess"]] = []  # all that are open, or were closed in this test

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self.closed = False
        self._command = [str(word) for word in command]
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self._cwd = cwd
        self._user = user
        self._log_start = 0
        self._last_words = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        assert self._process is None, f"{self.name} was started before; a process has one life"
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                cwd=self._cwd,
                start_new_session=True,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
            )
        reaper.watch(self.pid)
        ManagedProcess.of_this_test.append(self)
        return self

    @property
    def _popen(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, f"{self.name} was not started"
        return self._process

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs, else its exit status, negative for the signal that ended it."""
        return self._popen.poll()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """All that this life has written so far."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def tail(self, lines: int = TAIL_LINES) -> str:
        if self.closed:
            return self._last_words
        return "\n".join(self.output().splitlines()[-lines:])

    def wait_for_line(self, pattern: str, timeout: float = 30.0) -> re.Match[str]:
        """Return the first match of ``pattern`` in its output; fail at once when it ended without one."""
        regex = re.compile(pattern, re.MULTILINE)

        def look() -> re.Match[str] | None:
            ended = not self.running  # looked at first: what it wrote before its end is then all there
            match = regex.search(self.output())
            if match is None and ended:
                raise RuntimeError(self._complaint(f"ended without a line like {pattern!r}"))
            return match

        return eventually(look, timeout, f"a line like {pattern!r} from {self.name}")

    def wait(self, timeout: float = 30.0) -> int:
        """Wait for its end and return its exit status."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(self._complaint(f"still runs after {timeout:g} s")) from None

    def send_signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def terminate(self, timeout: float = 15.0) -> int:
        """Ask it to end (SIGTERM; a frozen one is woken for it), and return its exit status."""
        self.send_signal(signal.SIGTERM)
        self.send_signal(signal.SIGCONT)
        return self.wait(timeout)

    def kill(self) -> int:
        """SIGKILL to the process alone, as in a crash: what it has started lives on until :meth:`close`."""
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def suspend(self) -> None:
        """SIGSTOP; returns when it stands still."""
        self.send_signal(signal.SIGSTOP)
        eventually(lambda: process_state(self.pid) == "T", describe=f"{self.name} is stopped")

    def resume(self) -> None:
        self.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End whatever is left of its process group, by force. It may be called twice."""
        if self.closed:
            return
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            reaper.forget(self.pid)
            self._last_words = self.tail()
        self.closed = True

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _complaint(self, what: str) -> str:
        facts = f"process {self.pid}, exit status {self.returncode}"
        return f"{self.name} ({facts}) {what}; the end of its log:\n{self.tail()}"


def process_state(pid: int) -> str:
    """The kernel's letter for a process (R, S, T, Z, ...), or the empty string when there is none."""
    try:
        return _stat_fields(pid)[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process runs, stopped ones included; a zombie doesn't."""
    return process_state(pid) not in ("", "Z", "X")


def children_of(pid: int) -> list[int]:
    """The direct children of a process."""
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if _stat_fields(int(entry.name))[1] == str(pid):
                    children.append(int(entry.name))
    return children


def _stat_fields(pid: int) -> list[str]:
    # proc(5): the command stands in parentheses and may itself hold blanks and parentheses
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
