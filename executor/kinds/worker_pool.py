"""Worker processes: started when needed, kept warm, thrown away when told to end."""

import asyncio
import contextlib
import sys
from pathlib import Path

from cronquorum.clock import Clock
from executor.kinds import environment
from executor.kinds.workers import WorkerProcess, WorkerRun
from executor.report import Ended, TaskFailure, clean_text

CLOSE_GRACE = 1.0


class WorkerPool:
    """Idle workers and their keepers; as many as there are runs at once, at most."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._env: dict[bytes, bytes] = {}
        self._path: list[str] = []
        self._idle: list[WorkerProcess] = []
        self._keepers: dict[asyncio.Task[None], WorkerProcess] = {}

    def start(self) -> None:
        self._env = environment.inherited()
        self._path = [path or str(Path.cwd()) for path in sys.path]

    def begin(self, run: WorkerRun) -> None:
        """Give the run to the worker that was free last, or to a new one."""
        if self._idle:
            run.worker = self._idle.pop()
            run.worker.give(run)
            return
        worker = WorkerProcess(self._clock, self._idle.append)
        run.worker = worker
        keeper = asyncio.create_task(self._keep(worker, run))
        self._keepers[keeper] = worker
        keeper.add_done_callback(self._keepers.pop)

    def end_idle(self, seconds: float) -> None:
        """Let go of those that have been idle for so long."""
        oldest = self._clock.monotonic() - seconds
        for worker in [worker for worker in self._idle if worker.idle_since <= oldest]:
            self._idle.remove(worker)
            worker.hang_up()

    async def close(self) -> None:
        for worker in self._keepers.values():
            worker.hang_up()
            worker.terminate(CLOSE_GRACE)
        await asyncio.gather(*self._keepers, return_exceptions=True)

    @property
    def count(self) -> int:
        """How many processes there are."""
        return len(self._keepers)

    async def _keep(self, worker: WorkerProcess, first: WorkerRun) -> None:
        try:
            await worker.serve(self._env, self._path, first)
        except (OSError, ValueError) as error:
            message = clean_text(f"cannot start a worker process: {error}")
            first.finish(Ended(error=TaskFailure(type="cannotStart", message=message, tail="")))
        finally:
            with contextlib.suppress(ValueError):
                self._idle.remove(worker)
