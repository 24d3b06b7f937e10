"""Waiting for the schema: a node may be started before the upgrade of its store has run."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from cronquorum.clock import Clock, wait_for_event
from cronquorum.durations import format_duration
from cronquorum.logs import get_logger
from jobstore.errors import SchemaNewer, SchemaOutdated, StoreUnavailable

LOOK = 1.0
"""Seconds between two looks at the schema."""
REMIND = 30.0
"""Seconds after which the same thing is said again."""

_log = get_logger(__name__)


async def schema_is_there(
    check: Callable[[], str], patience: timedelta | None, stop: asyncio.Event, clock: Clock
) -> bool:
    """Return True when `check` finds a schema to work on, False when `stop` is set before.

    A store that does not answer yet and an older schema are waited for, so long at most, and not at all without
    `patience`. Then what `check` found is raised; `SchemaNewer` is at once, for no upgrade mends it.
    """
    end = clock.monotonic() + (patience.total_seconds() if patience else 0.0)
    told, told_at = "", 0.0
    while not stop.is_set():
        try:
            await asyncio.to_thread(check)
            return True
        except SchemaNewer:
            raise
        except (SchemaOutdated, StoreUnavailable) as error:
            now = clock.monotonic()
            if now >= end:
                raise
            if str(error) != told or now - told_at >= REMIND:
                told, told_at = str(error), now
                left = format_duration(timedelta(seconds=round(end - now)))
                _log.warning("waiting for the schema", found=told, gives_up_in=left)
        await wait_for_event(stop, clock, min(LOOK, end - now))
    return False
