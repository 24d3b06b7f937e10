"""Arguments and options that several commands have."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from cronquorum.durations import parse_duration
from schedctl.instants import parse_instant

MOST_FIRES = 10_000

JobName = Annotated[str, typer.Argument(metavar="NAME", help="A job, as NAME or NAMESPACE/NAME.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")]


def _duration(value: str | timedelta) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def duration_option(flag: str, text: str) -> Any:
    """An option that takes a duration such as `90s` or `1h30m`."""
    return typer.Option(flag, parser=_duration, metavar="DURATION", help=text)


def _coming(value: str | datetime) -> datetime:
    from cronquorum.clock import SystemClock

    if isinstance(value, datetime):
        return value
    try:
        if re.match(r"\d{4}-", value):
            return parse_instant(value)
        return SystemClock().now().astimezone(UTC) + parse_duration(value)
    except ValueError as error:
        also = "" if re.match(r"\d{4}-", value) else ", nor an instant such as 2026-03-08T00:00:00Z"
        raise typer.BadParameter(f"{error}{also}") from None


def coming_option(flag: str, text: str) -> Any:
    """An option that takes an instant of RFC 3339, or a duration from now, such as `2d`."""
    return typer.Option(flag, parser=_coming, metavar="TIME|DURATION", help=text)
