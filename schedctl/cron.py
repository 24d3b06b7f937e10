"""`schedctl cron`: the cron language, without a server."""

from __future__ import annotations

import itertools
from typing import Annotated

import typer

from schedctl.command import Session, command
from schedctl.exits import CommandError, ExitCode
from schedctl.printing import Output, emit

MOST_FIRES = 10_000


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Cron expressions.", rich_markup_mode=None)
    command(group, "next")(next_fires)
    app.add_typer(group, name="cron")


def next_fires(
    session: Session,
    expression: Annotated[str, typer.Argument(metavar="EXPRESSION", help="Quartz cron: '0 30 2 * * ?'.")],
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="The time zone, by its IANA name.")] = "UTC",
    count: Annotated[int, typer.Option("--count", min=1, max=MOST_FIRES, help="How many.")] = 5,
) -> None:
    """Print the next fires of a cron expression, in its zone."""
    from cronquorum.clock import SystemClock
    from scheduler import cron

    try:
        parsed, place = cron.parse(expression), cron.zone(zone)
    except (cron.CronError, cron.ZoneError) as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from None
    fires = []
    after = SystemClock().now()
    for _ in itertools.repeat(None, count):
        found = parsed.next_after(after, place)
        if found is None:
            break
        fires.append(found.astimezone(place).isoformat())
        after = found
    if session.output is not Output.TABLE:
        emit({"items": fires}, session.output)
    elif fires:
        print("\n".join(fires))
    if not fires:
        raise CommandError(f"{expression!r} never fires again")
