"""The commands of `schedctl cron`.

The only module of `schedctl` that knows the language, which is imported when a command is carried out: that takes
a while.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import typer

from schedctl.command import Session, command
from schedctl.cron.libraries import Answer, Library, version
from schedctl.cron.options import (
    Count,
    Days,
    DaysOption,
    Expression,
    From,
    Gap,
    GapOption,
    Key,
    Overlap,
    OverlapOption,
    Zone,
)
from schedctl.cron.texts import read_texts
from schedctl.exits import CommandError, ExitCode
from schedctl.printing import Output, emit, facts

if TYPE_CHECKING:
    from schedctl.cron.printing import Fires
    from schedctl.cron.readings import Reading
    from scheduler.cron import CronExpression


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Cron expressions, offline.", rich_markup_mode=None)
    command(group, "explain")(explain)
    command(group, "next")(next_fires)
    command(group, "check")(check)
    command(group, "convert")(convert)
    command(group, "compare")(compare)
    app.add_typer(group, name="cron")


def explain(
    session: Session,
    expression: Expression,
    zone: Zone = "UTC",
    from_: From = None,
    count: Count = 5,
    days: DaysOption = None,
    key: Key = None,
) -> None:
    """Say what an expression means, in words and field by field, and when it fires next."""
    from schedctl.cron.printing import field_label, fields_values, fires_values, print_fires, say_if_it_ends

    parsed = _parse(expression, days, key)
    fires = _fires(parsed, _zone(zone), from_, count)
    fields = fields_values(parsed.canonical_words())
    if session.output is Output.TABLE:
        named = [(field_label(name), word) for name, word in fields.items()]
        facts([("meaning", parsed.describe()), ("canonical", str(parsed)), *named])
        print()
        print_fires(fires)
    else:
        told = {"meaning": parsed.describe(), "canonical": str(parsed), "fields": fields}
        emit(told | fires_values(fires), session.output)
    say_if_it_ends(expression, fires)


def next_fires(
    session: Session,
    expression: Expression,
    zone: Zone = "UTC",
    from_: From = None,
    count: Count = 5,
    gap: GapOption = "after",
    overlap: OverlapOption = "first",
    days: DaysOption = None,
    key: Key = None,
) -> None:
    """Print the next fires of an expression, in its zone and in UTC, with remarks on clock changes."""
    from schedctl.cron.printing import say_if_it_ends, show_fires

    fires = _fires(_parse(expression, days, key), _zone(zone), from_, count, gap, overlap)
    show_fires(fires, session.output)
    say_if_it_ends(expression, fires)


def check(
    session: Session,
    expressions: Annotated[
        list[str], typer.Argument(metavar="EXPRESSION", help="Expressions, or - for one a line from stdin.")
    ],
    zone: Zone = "UTC",
    gap: GapOption = "after",
    days: DaysOption = None,
    key: Key = None,
) -> int:
    """Say of each expression whether it is valid, what it means, and whether it fires any more."""
    from schedctl.cron.printing import over, show_checked

    place = _zone(zone)
    found = [(given, _checked(given.text, days, key, place, gap)) for given in read_texts(expressions)]
    show_checked([row for _, row in found], session.output)
    wrong = [given.place + row["error"]["message"] for given, row in found if not row["valid"]]
    ended = [given.place + over(given.text, row["leftOut"]) for given, row in found if row["firesAgain"] is False]
    if wrong or ended:
        raise CommandError(*wrong, *ended, code=ExitCode.USAGE if wrong else ExitCode.FAILED)
    return ExitCode.OK


def convert(
    session: Session,
    expression: Expression,
    to: Annotated[Literal["quartz", "unix"], typer.Option("--to", help="The language of the result.")] = "quartz",
    days: DaysOption = None,
    key: Key = None,
) -> None:
    """Print the same expression for Quartz, or as the five fields of a crontab, if they can say the same."""
    from schedctl.cron.unix import NoUnixTextError, to_unix
    from scheduler import cron

    parsed = _parse(expression, days, key)
    try:
        text = cron.to_quartz(parsed) if to == "quartz" else to_unix(parsed.canonical_words())
    except (cron.CronError, NoUnixTextError) as error:
        raise CommandError(str(error)) from None
    if session.output is Output.TABLE:
        print(text)
    else:
        emit({to: text}, session.output)


def compare(
    session: Session,
    expression: Expression,
    library: Annotated[Library, typer.Option("--as", help="The library that runs it now.")],
    zone: Zone = "UTC",
    from_: From = None,
    count: Count = 10,
) -> int:
    """Show the fires beside those of another library for the same text, and explain the first difference.

    The exit code is 0 when they are the same, 1 when they differ, and 2 when there is nothing to compare.
    """
    from schedctl.cron import compare as comparing
    from schedctl.cron import printing

    installed = version(library)
    language = _Language(start=from_ or _now(), zone=_zone(zone))
    comparison = comparing.compared(language, library, expression, count)
    why = list(comparing.explain(comparison, language))
    printing.show_comparison(comparison, installed, why, session.output)
    return ExitCode.OK if comparison.same else ExitCode.FAILED


@dataclass(frozen=True, kw_only=True)
class _Language:
    """`compare.Language`: our fires after `start`."""

    start: datetime
    zone: ZoneInfo

    def fires(self, reading: Reading, count: int, after: datetime | None = None) -> Answer:
        from scheduler import cron

        try:
            parsed = self._parsed(reading)
        except cron.CronError as error:
            return Answer(fires=(), error=str(error))
        fires = cron.remarked(parsed, after or self.start, self.zone, reading.gap, reading.overlap)
        return Answer(fires=tuple(at for at, _ in islice(fires, count)))

    def text(self, reading: Reading) -> str:
        return str(self._parsed(reading))

    def _parsed(self, reading: Reading) -> CronExpression:
        from scheduler import cron

        return cron.parse(reading.text, days=reading.days)


def _parse(text: str, days: Days | None, key: str | None) -> CronExpression:
    from scheduler import cron

    try:
        return cron.parse(text, days=days, key=key)
    except cron.CronError as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from None


def _zone(name: str) -> ZoneInfo:
    from scheduler import cron

    try:
        return cron.zone(name)
    except cron.ZoneError as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from None


def _now() -> datetime:
    from cronquorum.clock import SystemClock

    return SystemClock().now()


def _fires(
    expression: CronExpression,
    zone: ZoneInfo,
    after: datetime | None,
    count: int,
    gap: Gap = "after",
    overlap: Overlap = "first",
) -> Fires:
    from schedctl.cron.printing import Fires
    from scheduler import cron

    start = after or _now()
    found = dict(islice(cron.remarked(expression, start, zone, gap, overlap), count))
    remarks = {at: text for at, text in found.items() if text}
    ended = len(found) < count
    left_out = cron.left_out(expression, max(found, default=start), None, zone, gap) if ended else ""
    return Fires(zone=zone, count=count, items=tuple(found), remarks=remarks, left_out=left_out)


def _checked(text: str, days: Days | None, key: str | None, zone: ZoneInfo, gap: Gap) -> dict[str, Any]:
    """What `check` says of one expression, for programs."""
    from scheduler import cron

    row: dict[str, Any] = dict.fromkeys(
        ("expression", "valid", "firesAgain", "leftOut", "canonical", "meaning", "error")
    )
    row |= {"expression": text, "valid": False}
    try:
        parsed = cron.parse(text, days=days, key=key)
    except cron.CronError as error:
        told = {"field": error.field, "value": error.value, "column": error.column, "message": str(error)}
        return row | {"error": told}
    fires = _fires(parsed, zone, None, 1, gap)
    told = {"firesAgain": bool(fires.items), "leftOut": fires.left_out or None}
    return row | told | {"valid": True, "canonical": str(parsed), "meaning": parsed.describe()}
