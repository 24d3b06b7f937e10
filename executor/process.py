"""A process in a session and process group of its own, which has ended when nothing of the group runs."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from cronquorum.clock import Clock
from executor.errors import StartError

READ_SIZE = 64 * 1024
MOST_LEFT = 32
"""Reads of what is left in a pipe: more than a pipe holds. A stranger that goes on writing is not heard out."""
FIRST_LOOK, LONGEST_LOOK = 0.001, 0.1

_spawning = threading.Lock()
_ceased = threading.Event()

OnOutput = Callable[[str, bytes], None]


def check_platform() -> None:
    """Raises `StartError` where processes cannot be watched without reaping them."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise StartError(f"this system has no pidfd_open (Linux 5.3 has): {error}") from None


def cease() -> None:
    """From any thread, when everything is about to be killed and we with it: no process is started from now on,
    and of none is the end told, since it would look like its own."""
    _ceased.set()
    _spawning.acquire()  # and never released: whoever would start one waits for our end


def find_program(name: bytes, path: bytes) -> bytes:
    """The file that the system would take for a name. Found here, since it costs the new process a failed `execve`, and
    us the wait for it, in each folder that does not have it. What is not to be found so easily stays a name."""
    if b"/" in name:
        return name
    for folder in path.split(b":"):
        if not folder.startswith(b"/"):  # depends on where the new process is
            break
        file = folder + b"/" + name
        if os.access(file, os.X_OK) and not os.path.isdir(file):  # noqa: PTH112 - bytes
            return file
    return name


@cache
def _nothing() -> int:
    """What processes have for stdin, opened once."""
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


class Child:
    """A running process. Its number stands for the group until it is reaped, so a signal hits no stranger."""

    def __init__(self, process: subprocess.Popen[bytes], clock: Clock, on_output: OnOutput) -> None:
        self.pid = process.pid
        self._process = process
        self._clock = clock
        self._on_output = on_output
        self._loop = asyncio.get_running_loop()
        self._exited = asyncio.Event()
        self._deadline: float | None = None
        self._force: asyncio.Task[None] | None = None
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._on_exit)
        self._pipes: dict[str, IO[bytes]] = {}
        for stream, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._pipes[stream] = pipe
                self._loop.add_reader(pipe.fileno(), self._read, stream)

    @classmethod
    def spawn(
        cls,
        argv: Sequence[bytes],
        *,
        env: Mapping[bytes, bytes],
        clock: Clock,
        on_output: OnOutput,
        cwd: bytes | None = None,
        pass_fds: Sequence[int] = (),
    ) -> "Child":
        """Start a process; stdin is empty. Raises OSError when it cannot be started."""
        with _spawning:
            process = subprocess.Popen(
                argv,
                executable=find_program(argv[0], env.get(b"PATH", b"")),
                stdin=_nothing(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=cwd,
                env=env,
                start_new_session=True,
                pass_fds=pass_fds,
            )
        try:
            return cls(process, clock, on_output)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with process:
                pass
            raise

    @property
    def has_exited(self) -> bool:
        """Whether the first process of the group has exited."""
        return self._exited.is_set()

    def terminate(self, grace: float) -> None:
        """SIGTERM to the group, and SIGKILL to what is left of it after so many seconds.

        Again: no second SIGTERM; the earlier end counts.
        """
        deadline = self._clock.monotonic() + grace
        if self._deadline is None:
            self._signal(signal.SIGTERM if grace > 0 else signal.SIGKILL)
        elif deadline >= self._deadline:
            return
        self._deadline = deadline
        if self._force is not None:
            self._force.cancel()
        if not self._exited.is_set():
            self._force = asyncio.create_task(self._kill_at(deadline))

    async def ended(self) -> int:
        """Return the exit code (negative: the signal) when nothing of the group runs and all output is read.

        What is left of the group when its leader exits is killed: at once, or, when it was told to end,
        after its grace.
        """
        await self._exited.wait()
        if _ceased.is_set():
            await asyncio.Event().wait()
        if self._force is not None:
            self._force.cancel()
        pause = FIRST_LOOK
        while self._deadline is not None and self._clock.monotonic() < self._deadline:
            if not await asyncio.to_thread(_lives, self.pid):
                break
            pause = await self._pause(pause)
        self._signal(signal.SIGKILL)
        code = self._process.wait()
        pause = FIRST_LOOK
        while self._group_exists() and await asyncio.to_thread(_lives, self.pid):
            pause = await self._pause(pause)
        self.read_rest()
        for stream in list(self._pipes):
            self._close(stream)
        return code

    def read_rest(self) -> None:
        """Read what has been written so far. A pipe that a stranger still holds open is not waited for."""
        for stream in list(self._pipes):
            for _ in range(MOST_LEFT):
                if not self._read(stream):
                    break

    async def _pause(self, seconds: float) -> float:
        await self._clock.sleep(seconds)
        return min(LONGEST_LOOK, 2 * seconds)

    async def _kill_at(self, deadline: float) -> None:
        await self._clock.sleep(deadline - self._clock.monotonic())
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # a group of which only other users' processes are left refuses; it is waited for
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def _group_exists(self) -> bool:
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._exited.set()

    def _read(self, stream: str) -> bool:
        pipe = self._pipes.get(stream)
        if pipe is None:
            return False
        try:
            data = os.read(pipe.fileno(), READ_SIZE)
        except BlockingIOError:
            return False
        if not data:
            self._close(stream)
            return False
        self._on_output(stream, data)
        return True

    def _close(self, stream: str) -> None:
        pipe = self._pipes.pop(stream)
        self._loop.remove_reader(pipe.fileno())
        pipe.close()


def _lives(group: int) -> bool:
    """Whether a process of a group runs; dead ones that nobody has reaped do not."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            content = (entry / "stat").read_bytes()
        except OSError:
            continue
        state, _, pgrp = content.rpartition(b")")[2].split()[:3]
        if int(pgrp) == group and state not in (b"Z", b"X"):
            return True
    return False
