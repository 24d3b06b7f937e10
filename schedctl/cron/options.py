"""Arguments and options that several of the `cron` commands have."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import typer

from schedctl.instants import instant_option
from schedctl.options import MOST_FIRES

# As in the language, which is not imported for the sake of `--help`.
Days = Literal["and", "or"]
Gap = Literal["after", "skip"]
Overlap = Literal["first", "second", "both"]

Expression = Annotated[
    str, typer.Argument(metavar="EXPRESSION", help="Quartz ('0 30 2 * * ?'), unix ('30 2 * * *') or a macro.")
]
Zone = Annotated[str, typer.Option("--zone", metavar="ZONE", help="The time zone, by its IANA name.")]
Count = Annotated[int, typer.Option("--count", min=1, max=MOST_FIRES, help="How many fires.")]
From = Annotated[
    datetime | None, instant_option("--from", "Fires after this, with an offset (RFC 3339); else after now.")
]
DaysOption = Annotated[
    Days | None, typer.Option("--days", help="How two restricted day fields count; else as the text says.")
]
Key = Annotated[str | None, typer.Option("--key", metavar="NAMESPACE/JOB", help="What H is hashed from.")]
