"""Kinds of options that several commands have."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import typer

from cronquorum.durations import parse_duration


def _parsed(value: str | timedelta) -> timedelta:
    if isinstance(value, timedelta):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def duration_option(flag: str, text: str) -> Any:
    """An option that takes a duration such as `90s` or `1h30m`."""
    return typer.Option(flag, parser=_parsed, metavar="DURATION", help=text)
