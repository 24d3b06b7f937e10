"""Python tasks in threads: cheap, and impossible to end by force."""

import threading
from collections.abc import Callable
from queue import SimpleQueue

from executor.assignment import Assignment
from executor.context import Context
from executor.function import TaskFunction
from executor.kinds.invocation import Invocation
from executor.kinds.mailbox import Mailbox
from executor.kinds.protocol import Reporter


class ThreadPool:
    """Daemon threads, made when they are needed: a task that never ends does not keep the process."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[[], None]) -> None:
        """Have it called by a thread. It must not raise."""
        self._work.put(work)
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._size:
            thread = threading.Thread(target=self._serve, name=f"task-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Idle threads end; those that run tasks end after them."""
        for _ in self._threads:
            self._work.put(None)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
            del work
            self._idle.release()


class ThreadRun:
    """One task in a thread. What it prints is the executor's, and not kept; `context.log` is."""

    def __init__(self, function: TaskFunction, assignment: Assignment, reporter: Reporter, mailbox: Mailbox) -> None:
        self._reporter = reporter
        self._mailbox = mailbox
        self._progress: tuple[float, str] | None = None
        self._telling = threading.Lock()
        self._context = Context(
            namespace=assignment.namespace,
            job=assignment.job,
            trigger=assignment.trigger,
            execution_id=assignment.key.execution_id,
            scheduled_time=assignment.scheduled_time,
            attempt=assignment.key.attempt,
            epoch=assignment.epoch,
            params=assignment.params,
            listener=self,
        )
        self._invocation = Invocation(function, self._context)

    def stop(self, grace: float) -> bool:
        self._invocation.cancel()
        return True

    def __call__(self) -> None:
        """In the thread."""
        ended = self._invocation.run()
        self._mailbox.post(lambda: self._reporter.ended(ended))

    def progress(self, fraction: float, note: str) -> None:
        """In the thread. Only the latest is of interest: a task that tells much fills no mailbox."""
        with self._telling:
            waiting, self._progress = self._progress, (fraction, note)
        if waiting is None:
            self._mailbox.post(self._pass_progress)

    def log(self, text: str) -> None:
        """In the thread."""
        self._reporter.output("stdout", text.encode("utf-8", "replace") + b"\n")

    def _pass_progress(self) -> None:
        with self._telling:
            latest, self._progress = self._progress, None
        if latest is not None:
            self._reporter.progress(*latest)
