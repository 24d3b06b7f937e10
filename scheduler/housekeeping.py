"""A process's periodic duties, on APScheduler: each duty is a plain coroutine function, tested by itself."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from cronquorum.logs import get_logger

Duty = Callable[[], Awaitable[None]]
_log = get_logger(__name__)


class Housekeeping:
    """Runs duties on the present event loop, each in its own rhythm; one that fails has its next turn."""

    def __init__(self) -> None:
        # its own lines tell of each run; ours say what went wrong
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._scheduler = AsyncIOScheduler(timezone=UTC)

    def add(self, name: str, every: timedelta, duty: Duty) -> None:
        """Run a duty every so often; never twice at once, and a missed turn is not made up for."""

        async def run() -> None:
            try:
                await duty()
            except Exception as error:
                _log.warning("a duty failed", duty=name, error=str(error))

        self._scheduler.add_job(run, "interval", seconds=every.total_seconds(), id=name, coalesce=True, max_instances=1)

    def start(self) -> None:
        """Begin; the first turn of each duty comes after its interval."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no more turns. Idempotent."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
