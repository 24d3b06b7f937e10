"""The commands of `schedctl cron`.

What knows the language is imported when a command is carried out: that takes a while.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from schedctl.command import Session, command
from schedctl.cron.libraries import Library, ask, version
from schedctl.cron.options import Count, DaysOption, Expression, From, GapOption, Key, OverlapOption, Zone
from schedctl.cron.texts import is_fit_for_others, read_texts
from schedctl.exits import CommandError, ExitCode
from schedctl.printing import Output, emit, facts


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
    from schedctl.cron.language import fires_of, read, read_zone
    from schedctl.cron.printing import field_label, fields_values, fires_values, print_fires, say_if_it_ends

    parsed = read(expression, days, key)
    fires = fires_of(parsed, read_zone(zone), from_, count)
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
    from schedctl.cron.language import fires_of, read, read_zone
    from schedctl.cron.printing import fires_values, print_fires, say_if_it_ends

    fires = fires_of(read(expression, days, key), read_zone(zone), from_, count, gap, overlap)
    if session.output is Output.TABLE:
        print_fires(fires)
    else:
        emit(fires_values(fires), session.output)
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
    from schedctl.cron.language import checked, read_zone
    from schedctl.cron.printing import over, print_checked

    place = read_zone(zone)
    found = [(given, checked(given.text, days, key, place, gap)) for given in read_texts(expressions)]
    if session.output is Output.TABLE:
        print_checked([row for _, row in found])
    else:
        emit({"items": [row for _, row in found]}, session.output)
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
    from schedctl.cron.language import read
    from schedctl.cron.unix import NoUnixTextError, to_unix
    from scheduler import cron

    parsed = read(expression, days, key)
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
    from schedctl.cron.language import Ours, now, read_zone
    from schedctl.cron.readings import Reading

    language = Ours(start=from_ or now(), zone=read_zone(zone))
    installed = version(library)
    ours = language.fires(Reading(text=expression), count)
    if ours.error and not is_fit_for_others(expression):
        raise CommandError(ours.error, code=ExitCode.USAGE)
    theirs = ask(library, expression, language.start, language.zone, count)
    if ours.error and not theirs.fires:
        raise CommandError(ours.error, f"{library}: {theirs.error or 'it never fires'}", code=ExitCode.USAGE)
    comparison = comparing.Comparison(
        library=library, text=expression, zone=language.zone, count=count, ours=ours, theirs=theirs
    )
    why = list(comparing.explain(comparison, language))
    if session.output is Output.TABLE:
        printing.print_comparison(comparison, installed, why)
    else:
        emit(printing.comparison_values(comparison, installed, why), session.output)
    return ExitCode.OK if comparison.same else ExitCode.FAILED
