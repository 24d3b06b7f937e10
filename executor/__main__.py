"""`python -m executor`: one executor of a cluster."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence
from typing import Any

from cronquorum import logs
from cronquorum.clock import SystemClock
from cronquorum.coordination import CoordinationError
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from executor.config import ExecutorConfig
from executor.errors import BadConfig, ExecutorError
from executor.service import Executor
from executor.settings import ExecutorSettings

PROG = "executor"
DESCRIPTION = "An executor: registers in ZooKeeper, and runs the tasks that the leader dispatches to it."


def main(argv: Sequence[str] | None = None) -> int:
    """Run an executor until SIGTERM or SIGINT; a second one hurries it. Returns the exit code."""
    settings = ExecutorSettings.load(sys.argv[1:] if argv is None else argv, prog=PROG, description=DESCRIPTION)
    logs.configure(settings.log_level)
    try:
        config = settings.config()
        broken = asyncio.run(_run(settings, config))
    except BadConfig as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 2
    except (ExecutorError, CoordinationError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1
    return 1 if broken else 0


async def _run(settings: ExecutorSettings, config: ExecutorConfig) -> bool:
    """Tell whether it ended because it broke."""
    if config.insecure:
        logs.get_logger(PROG).warning(
            "whoever reaches this address can run any command here: plain text, no authentication",
            listen=config.listen,
        )
    clock = SystemClock()
    coordinator = ZooKeeperCoordinator(settings.zookeeper, clock=clock, session_timeout=settings.session_timeout)
    executor = Executor(config, clock, coordinator)
    told = asyncio.Event()

    def on_signal() -> None:
        if told.is_set():
            executor.hurry()
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    try:
        await coordinator.start()
        await executor.start()
        broke = await _first(executor.broken(), told.wait())
        await executor.stop(0 if broke else settings.drain.total_seconds())
    finally:
        await coordinator.close()
    return broke


async def _first(one: Coroutine[Any, Any, object], other: Coroutine[Any, Any, object]) -> bool:
    """Wait for either; tell whether it was the first."""
    tasks = asyncio.ensure_future(one), asyncio.ensure_future(other)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    ended = tasks[0].done()
    for task in tasks:
        task.cancel()
    return ended


if __name__ == "__main__":
    sys.exit(main())
