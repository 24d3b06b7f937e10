"""Shell commands: a process group each, which has ended when nothing of it runs."""

import asyncio
import contextlib
import signal

from cronquorum.clock import Clock
from cronquorum.names import shown
from executor.assignment import Assignment, ShellTask
from executor.errors import Refusal
from executor.kinds import environment
from executor.kinds.protocol import Reporter, Run
from executor.process import Child
from executor.report import Ended, TaskFailure, clean_text

SHELL = b"/bin/sh"


class ShellKind:
    """`command` as it stands for `/bin/sh -c`, or `argv` without a shell. Parameters are in the environment
    only, never part of the text."""

    name = "shell"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._inherited: dict[bytes, bytes] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._inherited = environment.inherited()

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def run(self, assignment: Assignment, reporter: Reporter) -> Run:
        task = assignment.task
        if not isinstance(task, ShellTask):
            raise Refusal("unknownKind", "this is no shell task")
        argv = _argv(task)
        env = environment.check(task.env, "env") | environment.told(assignment)
        cwd = _bytes(task.cwd, "cwd") if task.cwd else None
        run = ShellRun(reporter)
        try:
            run.child = Child.spawn(
                argv,
                env=self._inherited | environment.encoded(env),
                cwd=cwd,
                clock=self._clock,
                on_output=reporter.output,
            )
        except (OSError, ValueError) as error:
            reporter.ended(Ended(error=_cannot_start(error, argv[0], cwd)))
            return run
        reporter.started()
        following = asyncio.create_task(run.follow(run.child))
        self._running.add(following)
        following.add_done_callback(self._running.discard)
        return run


class ShellRun:
    """One command that runs."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.child: Child | None = None
        self._stopped = False

    def stop(self, grace: float) -> bool:
        if self.child is None:
            return False
        self._stopped = self._stopped or not self.child.has_exited
        self.child.terminate(grace)
        return self._stopped

    async def follow(self, child: Child) -> None:
        """Report the end when it comes."""
        code = await child.ended()
        self._reporter.ended(Ended(exit_code=code, error=_failure(code) if code else None, stopped=self._stopped))


def _argv(task: ShellTask) -> list[bytes]:
    if bool(task.command) == bool(task.argv):
        raise Refusal("badTask", "a shell task has either a command or argv")
    if task.command:
        return [SHELL, b"-c", _bytes(task.command, "command")]
    if not task.argv[0]:
        raise Refusal("badTask", "argv: the program's name is empty")
    return [_bytes(word, "argv") for word in task.argv]


def _bytes(text: str, what: str) -> bytes:
    if "\0" in text:
        raise Refusal("badTask", f"{what}: {shown(text)} has a NUL character")
    return text.encode()


def _failure(code: int) -> TaskFailure:
    if code > 0:
        return TaskFailure(type="exitCode", message=f"exit code {code}")
    name = f"signal {-code}"
    with contextlib.suppress(ValueError):  # a real-time signal has no name
        name = signal.Signals(-code).name
    return TaskFailure(type="killed", message=f"killed by {name}")


def _cannot_start(error: Exception, program: bytes, cwd: bytes | None) -> TaskFailure:
    message = str(error)
    if isinstance(error, OSError):
        words = (error.strerror or message).lower()
        blamed = f"cwd {shown(cwd.decode())}" if cwd and error.filename == cwd else shown(program.decode())
        message = f"cannot start: {blamed}: {words}"
    return TaskFailure(type="cannotStart", message=clean_text(message), tail="")
