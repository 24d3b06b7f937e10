"""`schedctl calendar`: times that triggers leave out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from schedctl.asking import Yes, ask_to_delete
from schedctl.command import Session, command
from schedctl.options import Limit
from schedctl.printing import Output, columns, emit, emit_manifests, moment

if TYPE_CHECKING:
    from schedapi.v1.calendar_pb2 import Calendar

PAGE = 500

Name = Annotated[str, typer.Argument(metavar="NAME", help="A calendar, as NAME or NAMESPACE/NAME.", show_default=False)]

HEADER = ("NAMESPACE", "NAME", "ZONE", "EXCLUDE", "INCLUDE", "BASE", "UPDATED")


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Times that triggers leave out.", rich_markup_mode=None)
    command(group, "list")(list_calendars)
    command(group, "get")(get)
    command(group, "describe")(describe)
    command(group, "delete")(delete)
    app.add_typer(group, name="calendar")


def list_calendars(session: Session, limit: Limit = 10_000) -> None:
    """List calendars, of all namespaces unless one is given."""
    from schedapi.manifest import to_document

    calendars = _calendars(session, limit)
    if session.output is Output.TABLE:
        columns(HEADER, [row(each) for each in calendars])
    else:
        emit_manifests((to_document(each) for each in calendars), session.output)


def _calendars(session: Session, limit: int) -> Iterator[Calendar]:
    from schedapi.v1.calendar_service_pb2 import ListCalendarsRequest, ListCalendarsResponse

    token, left = "", limit
    while True:
        request = ListCalendarsRequest(namespace=session.namespace or "", page_size=min(left, PAGE), page_token=token)
        response = session.client.unary("CalendarService/List", request, ListCalendarsResponse)
        yield from response.calendars
        token, left = response.next_page_token, left - len(response.calendars)
        if not token:
            return
        if left <= 0:
            print(f"schedctl: there are more than {limit} calendars: use --limit", file=sys.stderr)
            return


def row(calendar: Calendar) -> tuple[str, ...]:
    """A calendar's line in a table, as `HEADER` has it: its rules are counted."""
    spec = calendar.spec
    return (
        calendar.metadata.namespace,
        calendar.metadata.name,
        spec.time_zone or "UTC",
        str(len(spec.exclude)),
        str(len(spec.include)),
        ",".join(spec.base),
        moment(calendar.status.updated),
    )


def _get(session: Session, name: str) -> Calendar:
    from schedapi.v1 import calendar_pb2, calendar_service_pb2

    namespace, name = session.qualified(name)
    request = calendar_service_pb2.GetCalendarRequest(namespace=namespace, name=name)
    return session.client.unary("CalendarService/Get", request, calendar_pb2.Calendar)


def get(session: Session, name: Name) -> None:
    """Show one calendar; `-o yaml` is its manifest, which can be applied again."""
    from schedapi.manifest import to_document

    calendar = _get(session, name)
    if session.output is Output.TABLE:
        columns(HEADER, [row(calendar)])
    else:
        emit(to_document(calendar), session.output)


def describe(session: Session, name: Name) -> None:
    """Show all about one calendar, its rules in words."""
    from schedapi.manifest import to_document
    from schedctl.calendar_page import describe_calendar

    calendar = _get(session, name)
    if session.output is Output.TABLE:
        describe_calendar(calendar)
    else:
        emit(to_document(calendar), session.output)


def delete(session: Session, name: Name, yes: Yes = False) -> None:
    """Delete a calendar that no trigger and no other calendar uses."""
    from schedapi.manifest import plain
    from schedapi.v1 import calendar_service_pb2

    namespace, name = session.qualified(name)
    ask_to_delete(f"calendar {namespace}/{name}", yes)
    request = calendar_service_pb2.DeleteCalendarRequest(namespace=namespace, name=name)
    response = session.client.unary("CalendarService/Delete", request, calendar_service_pb2.DeleteCalendarResponse)
    if session.output is Output.TABLE:
        print(f"calendar {namespace}/{name} deleted")
    else:
        emit(plain(response), session.output)
