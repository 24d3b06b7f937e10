"""What the `cron` commands ask of the cron language.

The only module of `schedctl` that knows it. It is imported when a command is carried out: that takes a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from cronquorum.clock import SystemClock
from schedctl.cron.libraries import Answer
from schedctl.cron.options import Days, Gap, Overlap
from schedctl.cron.printing import Fires
from schedctl.cron.readings import Reading
from schedctl.exits import CommandError, ExitCode
from scheduler import cron
from scheduler.cron import CronExpression


@dataclass(frozen=True, kw_only=True)
class Ours:
    """`compare.Language`: our fires after `start`."""

    start: datetime
    zone: ZoneInfo

    def fires(self, reading: Reading, count: int, after: datetime | None = None) -> Answer:
        try:
            parsed = self._parsed(reading)
        except cron.CronError as error:
            return Answer(fires=(), error=str(error))
        fires = cron.remarked(parsed, after or self.start, self.zone, reading.gap, reading.overlap)
        return Answer(fires=tuple(at for at, _ in islice(fires, count)))

    def text(self, reading: Reading) -> str:
        return str(self._parsed(reading))

    def _parsed(self, reading: Reading) -> CronExpression:
        return cron.parse(reading.text, days=reading.days)


def read(text: str, days: Days | None, key: str | None) -> CronExpression:
    """The expression. Raises CommandError if it is none."""
    try:
        return cron.parse(text, days=days, key=key)
    except cron.CronError as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from None


def read_zone(name: str) -> ZoneInfo:
    """The zone. Raises CommandError if it is none."""
    try:
        return cron.zone(name)
    except cron.ZoneError as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from None


def now() -> datetime:
    """This machine's time."""
    return SystemClock().now()


def fires_of(
    expression: CronExpression,
    zone: ZoneInfo,
    after: datetime | None,
    count: int,
    gap: Gap = "after",
    overlap: Overlap = "first",
) -> Fires:
    """The first fires after an instant, or after now, with their remarks."""
    from schedctl.cron.printing import Fires

    start = after or now()
    found = dict(islice(cron.remarked(expression, start, zone, gap, overlap), count))
    remarks = {at: text for at, text in found.items() if text}
    ended = len(found) < count
    left_out = cron.left_out(expression, max(found, default=start), None, zone, gap) if ended else ""
    return Fires(zone=zone, count=count, items=tuple(found), remarks=remarks, left_out=left_out)


def checked(text: str, days: Days | None, key: str | None, zone: ZoneInfo, gap: Gap) -> dict[str, Any]:
    """What `check` says of one expression, for programs."""
    row: dict[str, Any] = dict.fromkeys(
        ("expression", "valid", "firesAgain", "leftOut", "canonical", "meaning", "error")
    )
    row |= {"expression": text, "valid": False}
    try:
        parsed = cron.parse(text, days=days, key=key)
    except cron.CronError as error:
        told = {"field": error.field, "value": error.value, "column": error.column, "message": str(error)}
        return row | {"error": told}
    fires = fires_of(parsed, zone, None, 1, gap)
    told = {"firesAgain": bool(fires.items), "leftOut": fires.left_out or None}
    return row | told | {"valid": True, "canonical": str(parsed), "meaning": parsed.describe()}
