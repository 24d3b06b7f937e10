"""The executor as a program of its own: settings, signals, exit code."""

import asyncio
import dataclasses
import gc
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from cronquorum import logs, tracing
from cronquorum.certificates import CertificateError
from cronquorum.clock import SystemClock
from cronquorum.coordination import CoordinationError
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from cronquorum.roles import Role
from cronquorum.transport import Transport, open_transport
from executor.config import ExecutorConfig, new_incarnation
from executor.errors import BadConfig, ExecutorError
from executor.kinds.table import load
from executor.service import Executor
from executor.settings import ExecutorSettings
from executor.ward import Unguarded, Ward

PROG = "executor"
DESCRIPTION = "An executor: registers in ZooKeeper, and runs the tasks that the leader dispatches to it."


class Stops:
    """How often a guardian has told us to stop: from any thread, and also before anybody listens."""

    def __init__(self) -> None:
        self._times = 0
        self._listener: Callable[[int], None] | None = None
        self._lock = threading.Lock()

    def told(self, times: int) -> None:
        with self._lock:
            self._times = times
            if self._listener is not None:
                self._listener(times)

    def listen(self, listener: Callable[[int], None] | None) -> None:
        """Have it told from now on, and what was told before."""
        with self._lock:
            self._listener = listener
            if listener is not None and self._times:
                listener(self._times)


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """What an executor gets from its guardian. `executor_id` is that of its earlier incarnations; it counts
    where neither the settings nor a data directory give one."""

    ward: Ward = field(default_factory=Unguarded)
    incarnation: str = field(default_factory=new_incarnation)
    vouched: tuple[str, ...] = ()
    executor_id: str = ""
    guarded: bool = False
    stops: Stops = field(default_factory=Stops)


def run(argv: Sequence[str], start: Start | None = None) -> int:
    """Run an executor until it is told to stop; a second time hurries it. Returns the exit code."""
    start = start or Start()
    settings = ExecutorSettings.load(argv, prog=PROG, description=DESCRIPTION)
    logs.configure(settings.log_level)
    logs.listen()
    try:
        config = dataclasses.replace(settings.config(), incarnation=start.incarnation, vouched=start.vouched)
        if config.data is None and not config.executor_id:
            config = dataclasses.replace(config, executor_id=start.executor_id)
        if config.executor_id:  # else it is found out at the start, or made
            logs.bind(executor=config.executor_id)
        load(config.kinds)
        transport = open_transport(config.tls, Role.EXECUTOR, insecure=config.insecure)
        broken = asyncio.run(_run(settings, config, start, transport))
    except BadConfig as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 2
    except (ExecutorError, CertificateError, CoordinationError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1
    return 1 if broken else 0


async def _run(settings: ExecutorSettings, config: ExecutorConfig, start: Start, transport: Transport) -> bool:
    """Tell whether it ended because it broke."""
    clock = SystemClock()
    coordinator = ZooKeeperCoordinator(
        settings.zookeeper, clock=clock, access=settings.zookeeper_access, session_timeout=settings.session_timeout
    )
    traces = tracing.from_environment("cronquorum-executor", config.executor_id or config.incarnation)
    executor = Executor(config, clock, coordinator, start.ward, transport, traces)
    told = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_stop(times: int) -> None:
        if times > 1:
            executor.hurry()
        told.set()

    def on_signal() -> None:
        # a service manager may send the same signal to our guardian, and it is then one request, not two
        on_stop(2 if told.is_set() and not start.guarded else 1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    start.stops.listen(lambda times: _later(loop, on_stop, times))
    try:
        await executor.prepare()
        logs.bind(executor=executor.id)
        await executor.start()
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        broke = await _first(executor.broken(), told.wait())
        await executor.stop(0 if broke else settings.drain.total_seconds())
    finally:
        start.stops.listen(None)
        await coordinator.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)
    return broke


def _later(loop: asyncio.AbstractEventLoop, call: Callable[[int], None], times: int) -> None:
    loop.call_soon_threadsafe(call, times)


async def _first(one: Coroutine[Any, Any, object], other: Coroutine[Any, Any, object]) -> bool:
    """Wait for either; tell whether it was the first."""
    tasks = asyncio.ensure_future(one), asyncio.ensure_future(other)
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    ended = tasks[0].done()
    for task in tasks:
        task.cancel()
    return ended
