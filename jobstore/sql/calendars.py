"""Writing and reading calendars. Which jobs use them is written with the jobs, in `definitions`."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, select, tuple_

from jobstore.model import Calendar
from jobstore.protocols import CalendarQuery
from jobstore.sql import columns, rows
from jobstore.sql.bulk import Bulk, upsert
from jobstore.sql.definitions import Step, distinct
from jobstore.sql.named import by_name, parts
from jobstore.sql.tables import calendars as table


def put(written: Sequence[Calendar], bulk: Bulk) -> list[Step]:
    """Write calendars, in order."""
    return [bulk.insert(columns.CALENDAR, run, upsert(columns.CALENDAR)).run for run in distinct(written)]


def delete(uids: Sequence[UUID], bulk: Bulk) -> list[Step]:
    """Remove calendars."""
    return [bulk.delete("calendars", "uid", uids).run]


def calendars(connection: Connection, query: CalendarQuery) -> list[Calendar]:
    """See `Records.calendars`."""
    return by_name(_questions(query), table, query, connection, lambda found: rows.readable(rows.calendar, found))


def _questions(query: CalendarQuery) -> Iterator[Select[Any]]:
    c = table.c
    asked = select(table)
    if query.namespace:
        asked = asked.where(c.namespace == query.namespace)
    for names in [None] if query.names is None else parts(query.names):
        yield asked if names is None else asked.where(tuple_(c.namespace, c.name).in_(names))
