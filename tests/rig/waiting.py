"""Wait for something to become true: the one place in the tests that sleeps."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

DEFAULT_TIMEOUT = 15.0  # seconds: generous, since a shared machine of two cores stalls for seconds at times
_PAUSE = 0.02  # seconds between two looks


def eventually(predicate: Callable[[], T | None], timeout: float = DEFAULT_TIMEOUT, describe: str = "") -> T:
    """Call ``predicate`` until it returns something true, and return that.

    An AssertionError raised by ``predicate`` counts as 'not yet'; any other error goes through at once.
    After ``timeout`` seconds raise an AssertionError that says what was waited for and what was last seen.
    The last look is after the deadline, so that a stall of the machine alone fails no test.
    """
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline
        seen: object
        try:
            value = predicate()
            if value:
                return value
            seen = value
        except AssertionError as error:
            seen = error
        if late:
            raise AssertionError(_never(timeout, describe, seen))
        time.sleep(_PAUSE)  # noqa: TID251 - the tests' one blocking sleep


@overload
async def eventually_async(
    predicate: Callable[[], Awaitable[T | None]], timeout: float = DEFAULT_TIMEOUT, describe: str = ""
) -> T: ...
@overload
async def eventually_async(
    predicate: Callable[[], T | None], timeout: float = DEFAULT_TIMEOUT, describe: str = ""
) -> T: ...
async def eventually_async(
    predicate: Callable[[], object], timeout: float = DEFAULT_TIMEOUT, describe: str = ""
) -> object:
    """Like :func:`eventually`, without blocking the event loop; ``predicate`` may be a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        late = time.monotonic() >= deadline
        seen: object
        try:
            value = predicate()
            seen = await value if inspect.isawaitable(value) else value
            if seen:
                return seen
        except AssertionError as error:
            seen = error
        if late:
            raise AssertionError(_never(timeout, describe, seen))
        await asyncio.sleep(_PAUSE)  # noqa: TID251 - the tests' one asyncio sleep


def _never(timeout: float, describe: str, seen: object) -> str:
    return f"not within {timeout:g} s: {describe or 'the condition became true'}; last seen: {seen!r}"
