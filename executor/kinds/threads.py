"""Python tasks in threads: cheap, and impossible to end by force."""

import threading

from cronquorum.clock import Clock
from executor.assignment import Assignment
from executor.context import Context
from executor.function import TaskFunction
from executor.kinds.invocation import Invocation
from executor.kinds.mailbox import Mailbox
from executor.kinds.protocol import Reporter
from executor.report import Ended

_STOPPED = Ended(stopped=True)
_telling = threading.Lock()
"""Of all runs: it is held for a moment only, and a lock for each costs more."""


class ThreadRun(Invocation):
    """One task in a thread. What it prints is the executor's, and not kept; `context.log` is."""

    __slots__ = ("_assignment", "_clock", "_ended", "_ended_at", "_mailbox", "_progress", "_reporter")

    def __init__(
        self, function: TaskFunction, assignment: Assignment, reporter: Reporter, mailbox: Mailbox, clock: Clock
    ) -> None:
        super().__init__(function, assignment.params)
        self._assignment = assignment
        self._reporter = reporter
        self._mailbox = mailbox
        self._clock = clock
        self._progress: tuple[float, str] | None = None
        self._ended = _STOPPED
        self._ended_at = 0.0

    def stop(self, grace: float) -> bool:
        self.cancel()
        return True

    def __call__(self) -> None:
        """In the thread. What is to end before it has begun, or has no lease any more, does not begin."""
        reporter = self._reporter
        if reporter.may_start() and not self.cancelled:
            reporter.started()
            self._ended = self.invoke()
        self._ended_at = self._clock.monotonic()
        self._mailbox.post(self._pass_end)

    def progress(self, fraction: float, note: str) -> None:
        """In the thread. Only the latest is of interest: a task that tells much fills no mailbox."""
        with _telling:
            waiting, self._progress = self._progress, (fraction, note)
        if waiting is None:
            self._mailbox.post(self._pass_progress)

    def log(self, text: str) -> None:
        """In the thread."""
        self._reporter.output("stdout", text.encode("utf-8", "replace") + b"\n")

    def make_context(self) -> Context:
        assignment = self._assignment
        return Context(
            namespace=assignment.namespace,
            job=assignment.job,
            trigger=assignment.trigger,
            execution_id=assignment.key.execution_id,
            scheduled_time=assignment.scheduled_time,
            attempt=assignment.key.attempt,
            epoch=assignment.epoch,
            params=assignment.params,
            traceparent=assignment.traceparent,
            listener=self,
        )

    def _pass_end(self) -> None:
        self._reporter.ended(self._ended, self._ended_at)

    def _pass_progress(self) -> None:
        with _telling:
            latest, self._progress = self._progress, None
        if latest is not None:
            self._reporter.progress(*latest)
