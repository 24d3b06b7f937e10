"""The seam between an executor and the kinds of tasks. Everything here happens in the event loop, unless it says
otherwise."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from executor.assignment import Assignment, AttemptKey
from executor.report import Ended


class Reporter(Protocol):
    """What a run tells of itself, in this order: started (once, or never), output and progress, ended (once)."""

    def may_start(self) -> bool:
        """Whether the lease holds still: for a kind that begins some time after `TaskKind.run`. If not, the run has
        `ended` as one that was stopped. Also from other threads."""
        ...

    def started(self, age: float = 0.0) -> None:
        """The task itself begins now, or began so many seconds ago. Also from other threads, when it has no
        timeout."""
        ...

    def output(self, stream: str, data: bytes) -> None:
        """`stream` is stdout or stderr. Also from other threads."""
        ...

    def line(self, data: bytes) -> None:
        """Output of a run that may go on under a later incarnation, which tells all of it anew: in the same pieces, so
        that they count once. From any thread, but one at a time."""
        ...

    def progress(self, fraction: float, note: str) -> None:
        """`fraction` from 0 to 1."""
        ...

    def ended(self, ended: Ended, at: float | None = None) -> None:
        """Nothing of the run still runs, as of `at` (monotonic seconds; None: now). It may come before
        `TaskKind.run` returns."""
        ...


class Run(Protocol):
    """An attempt that runs, or is about to."""

    def stop(self, grace: float) -> bool:
        """Ask it to end; by force, where that is possible, after `grace` seconds. May be called again: the
        earlier end counts. False when the task had ended by itself: at most its remains are tidied away."""
        ...


class TaskKind(Protocol):
    """Runs tasks of one kind. `name` is the word of manifests."""

    @property
    def name(self) -> str: ...

    async def start(self) -> None:
        """Make ready; called once, before any run."""
        ...

    def run(self, assignment: Assignment, reporter: Reporter) -> Run:
        """Begin an attempt. Raises `Refusal` when it cannot be meant for us; then nothing has begun.

        A task that cannot be started, or fails, is no refusal: it has `ended` with an error.
        """
        ...

    async def close(self) -> None:
        """End whatever is kept for later runs; no attempt runs any more, or none that can be ended."""
        ...


@runtime_checkable
class LastingKind(TaskKind, Protocol):
    """A kind whose runs are not processes below this one, and outlive it. The guardian cannot vouch for their end:
    the kind itself sees to it that no attempt of an execution begins before the earlier ones have ended."""

    async def found(self) -> Sequence[Assignment]:
        """What earlier incarnations of this executor began, and nobody has acknowledged; as attempts of this
        incarnation. Called once, after `start`, and does not wait for long."""
        ...

    def resume(self, assignment: Assignment, reporter: Reporter) -> Run:
        """Go on with what was found."""
        ...

    def acknowledged(self, key: AttemptKey) -> None:
        """The outcome is on the record; of whichever incarnation it was."""
        ...
