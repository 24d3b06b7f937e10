"""What other cron libraries for Python make of a text: called as their own documentation says, and no better.

They are imported when they are asked for: they take their time, and one of them may not be there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib import import_module
from itertools import islice
from zoneinfo import ZoneInfo

from schedctl.exits import CommandError, ExitCode
from schedctl.printing import printable

_LONGEST_ERROR = 200


class Library(StrEnum):
    """A library, by the name of its distribution."""

    CRONITER = "croniter"
    APSCHEDULER = "apscheduler"
    CRONSIM = "cronsim"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Fires in UTC, or the error that came instead of them or after them, in one line."""

    fires: tuple[datetime, ...]
    error: str | None = None


def version(library: Library) -> str:
    """The version that is installed. Raises CommandError if there is none."""
    from importlib import metadata  # which takes a tenth of the time that the whole of schedctl starts in

    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        problem = f"{library} is not installed: pip install {library}"
        raise CommandError(problem, code=ExitCode.USAGE) from None


def ask(library: Library, text: str, start: datetime, zone: ZoneInfo, count: int) -> Answer:
    """The first fires after `start`, at most `count`, that the library gives for the text."""
    fires: list[datetime] = []
    error = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs are not for who moves away
        try:
            for fire in islice(_ASK[library](text, start, zone), count):
                at = fire.astimezone(UTC)
                if fires and at <= fires[-1]:
                    error = f"comes back to {at.isoformat()} after {fires[-1].isoformat()}"
                    break
                fires.append(at)
        except Exception as raised:  # theirs have no common root
            if not fires:
                error = _line(raised)
    return Answer(fires=tuple(fires), error=error)


def _by_croniter(text: str, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    fires = import_module("croniter").croniter(text, start.astimezone(zone), ret_type=datetime)
    while True:
        yield fires.get_next()


def _by_apscheduler(text: str, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    trigger = import_module("apscheduler.triggers.cron").CronTrigger.from_crontab(text, timezone=zone)
    now = start + timedelta(microseconds=1)  # it would fire at the start itself
    fire = trigger.get_next_fire_time(None, now.astimezone(zone))
    while fire is not None:
        yield fire
        fire = trigger.get_next_fire_time(fire, fire)


def _by_cronsim(text: str, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    return iter(import_module("cronsim").CronSim(text, start.astimezone(zone)))


_ASK: dict[Library, Callable[[str, datetime, ZoneInfo], Iterator[datetime]]] = {
    Library.CRONITER: _by_croniter,
    Library.APSCHEDULER: _by_apscheduler,
    Library.CRONSIM: _by_cronsim,
}


def _line(error: Exception) -> str:
    text = printable(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text}"[:_LONGEST_ERROR]
