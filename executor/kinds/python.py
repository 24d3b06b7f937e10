"""Python callables: in a thread, or in a process where it must be possible to end them by force."""

import asyncio

from cronquorum.clock import Clock
from executor.assignment import Assignment, PythonTask
from executor.catalog import Catalog
from executor.errors import Refusal
from executor.function import TaskFunction
from executor.kinds.mailbox import Mailbox
from executor.kinds.protocol import Reporter, Run
from executor.kinds.thread_pool import ThreadPool
from executor.kinds.threads import ThreadRun
from executor.kinds.worker_pool import WorkerPool
from executor.kinds.workers import WorkerRun

IDLE_SECONDS = 60.0
"""How long a worker process is kept for the next task."""
LOOKS = 4


class PythonKind:
    """In a thread: fast, no SCHED_* in the environment (the context says it all), what is printed is not kept.
    In a process: both. Which of them decides `Assignment.killable`."""

    name = "python"

    def __init__(self, catalog: Catalog, slots: int, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._threads = ThreadPool(slots)
        self._workers = WorkerPool(clock)
        self._mailbox: Mailbox | None = None
        self._tidying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._mailbox = Mailbox(asyncio.get_running_loop())
        self._workers.start()
        self._tidying = asyncio.create_task(self._tidy())

    async def close(self) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
        self._threads.close()
        await self._workers.close()

    def run(self, assignment: Assignment, reporter: Reporter) -> Run:
        task = assignment.task
        if not isinstance(task, PythonTask):
            raise Refusal("unknownKind", "this is no python task")
        function = self._catalog.find(task.callable)
        if assignment.killable:
            worker_run = WorkerRun(function, _location(function), assignment, reporter)
            self._workers.begin(worker_run)
            return worker_run
        assert self._mailbox is not None
        thread_run = ThreadRun(function, assignment, reporter, self._mailbox, self._clock)
        self._threads.submit(thread_run)
        return thread_run

    async def _tidy(self) -> None:
        while True:
            await self._clock.sleep(IDLE_SECONDS / LOOKS)
            self._workers.end_idle(IDLE_SECONDS)


def _location(function: TaskFunction) -> str:
    if function.location is None:
        raise Refusal(
            "badTask",
            f"task {function.name!r} has a timeout or may be run again, so it runs in a process of its own, which "
            "cannot import it: define it at the top of a module (not in __main__, not inside of a function)",
        )
    return function.location
