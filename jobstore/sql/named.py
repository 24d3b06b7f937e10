"""Reading what has a namespace and a name, in the order of these."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Select, Table, literal, tuple_

from jobstore.model import Calendar, Job
from jobstore.protocols import CalendarQuery, JobQuery
from jobstore.sql import rows
from jobstore.sql.reads import Page, filled
from jobstore.sql.types import NAME

T = TypeVar("T")
Named = TypeVar("Named", Job, Calendar)

_MANY = 1000
"""Names or uids in one IN list: SQLite takes 32,766 parameters at most."""


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Distinct values, in lists of a length that can be asked for."""
    distinct = list(dict.fromkeys(values))
    for first in range(0, len(distinct), _MANY):
        yield distinct[first : first + _MANY]


def by_name(
    questions: Iterable[Select[Any]],
    table: Table,
    query: JobQuery | CalendarQuery,
    connection: Connection,
    values: Callable[[Sequence[rows.AnyRow]], list[Named]],
) -> list[Named]:
    """The page that the query wants of the answers to all questions, each of which has `table`'s columns."""
    found: dict[UUID, Named] = {}  # the answer to two questions is one
    for asked in questions:
        page = _pages(asked, table, query, connection)
        found |= {each.uid: each for each in filled(page, values, query.limit)}
    return sorted(found.values(), key=lambda each: (each.namespace, each.name))[: query.limit]


def _pages(asked: Select[Any], table: Table, query: JobQuery | CalendarQuery, connection: Connection) -> Page:
    c = table.c

    def page(last: rows.AnyRow | None, wanted: int) -> Sequence[rows.AnyRow]:
        place = query.after if last is None else (last.namespace, last.name)
        behind = asked
        if place is not None:
            names = tuple_(literal(place[0], NAME), literal(place[1], NAME))
            behind = behind.where(tuple_(c.namespace, c.name) > names)
        return connection.execute(behind.order_by(c.namespace, c.name).limit(wanted)).all()

    return page
