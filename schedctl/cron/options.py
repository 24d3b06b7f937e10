"""Arguments and options that several of the `cron` commands have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from cronquorum.names import shown
from schedctl.instants import instant_option
from schedctl.options import MOST_FIRES

# As in the language, which is not imported for the sake of `--help`.
Days = Literal["and", "or"]
Gap = Literal["after", "skip"]
Overlap = Literal["first", "second", "both"]


def _count(value: str | int) -> int:
    if isinstance(value, int):
        return value
    number = int(value) if value.isascii() and value.isdigit() and len(value) <= len(str(MOST_FIRES)) else 0
    if not 1 <= number <= MOST_FIRES:
        raise typer.BadParameter(f"{shown(value)} is not a whole number in 1-{MOST_FIRES}")
    return number


def count_option(text: str) -> Any:
    """The option `--count`, of fires."""
    return typer.Option("--count", parser=_count, metavar=f"1-{MOST_FIRES}", help=text)


Expression = Annotated[
    str, typer.Argument(metavar="EXPRESSION", help="Quartz ('0 30 2 * * ?'), unix ('30 2 * * *') or a macro.")
]
Zone = Annotated[str, typer.Option("--zone", metavar="ZONE", help="The time zone, by its IANA name.")]
Count = Annotated[int, count_option("How many fires.")]
From = Annotated[
    datetime | None, instant_option("--from", "Fires after this, with an offset (RFC 3339); else after now.")
]
GapOption = Annotated[Gap, typer.Option("--gap", help="What becomes of a local time that does not exist.")]
OverlapOption = Annotated[Overlap, typer.Option("--overlap", help="When a time that occurs twice fires.")]
DaysOption = Annotated[
    Days | None, typer.Option("--days", help="How two restricted day fields count; else as the text says.")
]
Key = Annotated[str | None, typer.Option("--key", metavar="NAMESPACE/JOB", help="What H is hashed from.")]
