"""Commands that need no server: `dev` and `version`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from cronquorum import __version__
from schedctl.command import ENDPOINT, Session, command
from schedctl.options import duration_option
from schedctl.printing import Output, emit


def register(app: typer.Typer) -> None:
    command(app, "dev")(dev)
    command(app, "version")(version)


def dev(
    session: Session,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", envvar="CRONQUORUM_DATA", help="Where the record is kept; else nowhere."),
    ] = None,
    listen: Annotated[
        str,
        typer.Option("--listen", metavar="HOST:PORT", envvar="CRONQUORUM_LISTEN", help="Where to take calls."),
    ] = ENDPOINT,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--tasks", metavar="MODULE", help="Python tasks; may be given several times."),
    ] = None,
    apply: Annotated[
        list[Path] | None,
        typer.Option("--apply", metavar="PATH", help="Manifests to start with; may be given several times."),
    ] = None,
    for_: Annotated[timedelta | None, duration_option("--for", "Stop after this long, with a summary.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show a live table.")] = False,
) -> int:
    """Run everything in one process, on SQLite: a scheduler, an executor, and the API."""
    from schedctl import dev as everything

    return everything.run(data, listen, tasks or [], apply or [], for_, watch)


def version(session: Session) -> None:
    """Print the version of this program."""
    if session.output is Output.TABLE:
        print(f"schedctl {__version__}")
    else:
        emit({"version": __version__}, session.output)
