"""A running executor, and a leader that dials it."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
import pytest_asyncio

from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.coordination.protocols import Coordinator
from executor.config import ExecutorConfig
from executor.service import Executor
from tests.executor.leader import Leader, Stream, leading

TASKS = ("tests.executor.sample",)

StartExecutor = Callable[..., Awaitable[Executor]]
Lead = Callable[[Executor], Awaitable[Leader]]


@pytest.fixture(autouse=True)
def no_mistakes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """A test that expects an error in the log clears it."""
    yield
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    errors = [each for each in records if each.levelno >= logging.ERROR and not _is_of_an_earlier_loop(each)]
    assert [each.getMessage() for each in errors] == []


def _is_of_an_earlier_loop(record: logging.LogRecord) -> bool:
    """gRPC has one queue of events for all loops of a process. Each test has a loop of its own, so an event of an
    earlier test's call may come when that one's loop is closed: gRPC says so, and nobody has lost anything."""
    error = record.exc_info[1] if record.exc_info else None
    return "PollerCompletionQueue" in record.getMessage() and str(error) == "Event loop is closed"


@pytest_asyncio.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest_asyncio.fixture
async def start_executor(stack: AsyncExitStack) -> StartExecutor:
    """Start executors that end with the test."""

    async def start(coordinator: Coordinator | None = None, **config: Any) -> Executor:
        if coordinator is None:
            coordinator = InProcessCoordinator()
            await coordinator.start()
            stack.push_async_callback(coordinator.close)
        told = {"listen": "127.0.0.1:0", "tasks": TASKS}
        executor = Executor(ExecutorConfig(**(told | config)), SystemClock(), coordinator)
        await executor.start()
        stack.push_async_callback(executor.stop, 0)
        stack.callback(executor.hurry)
        return executor

    return start


@pytest_asyncio.fixture
async def lead(stack: AsyncExitStack) -> Lead:
    """Dial executors; the leader ends with the test."""

    async def dial(executor: Executor) -> Leader:
        return await stack.enter_async_context(leading(executor.address, executor.id))

    return dial


@pytest_asyncio.fixture
async def executor(start_executor: StartExecutor) -> Executor:
    return await start_executor()


@pytest_asyncio.fixture
async def leader(executor: Executor, lead: Lead) -> Leader:
    return await lead(executor)


@pytest_asyncio.fixture
async def stream(leader: Leader) -> Stream:
    """An attached stream of epoch 1 to an executor with the sample tasks."""
    return await leader.attach()
