"""Reading executions and what belongs to them. Each function asks on the connection it is given.

Rows that cannot be read are left out, and the page is filled up with the next ones: a page that is shorter
than its limit is the last one.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Select, and_, literal, or_, select, tuple_, union_all

from jobstore.ids import time_of
from jobstore.model import Answer, DueTrigger, EndedAttempt, Execution, Output
from jobstore.protocols import ExecutionQuery
from jobstore.sql import rows
from jobstore.sql.literals import array
from jobstore.sql.tables import answers, attempts, executions, job_revisions, outputs, triggers
from jobstore.sql.types import UID
from jobstore.states import OPEN

T = TypeVar("T")
Page = Callable[[rows.AnyRow | None, int], Sequence[rows.AnyRow]]
"""Fetches so many rows behind the given one."""

_MANY = 200
"""Jobs in one question for their latest executions: SQLite allows 500 parts of a compound SELECT."""


_KEPT_ANSWERS = """
SELECT scope, request_id, digest, answered, body
FROM unnest(%s::text[], %s::text[]) AS asked(scope, request_id) JOIN answers USING (scope, request_id)
"""


def filled(
    page: Page,
    values: Callable[[Sequence[rows.AnyRow]], list[T]],
    limit: int,
) -> list[T]:
    """Up to `limit` readable values."""
    found: list[T] = []
    last: rows.AnyRow | None = None
    while len(found) < limit:
        wanted = limit - len(found)
        fetched = page(last, wanted)
        found += values(fetched)
        if len(fetched) < wanted:
            break
        last = fetched[-1]
    return found


def due(connection: Connection, before: datetime, after: tuple[datetime, UUID] | None, limit: int) -> list[DueTrigger]:
    """See `JobStore.due`."""
    c = triggers.c
    asked = select(c.uid, c.job_uid, c.next_fire, c.fires, c.missed_until, c.previous_fire).where(c.next_fire < before)
    if after is not None:
        asked = asked.where(
            tuple_(c.next_fire, c.uid) > tuple_(literal(after[0], c.next_fire.type), literal(after[1], UID))
        )
    fetched = connection.execute(asked.order_by(c.next_fire, c.uid).limit(limit))
    return [rows.due_trigger(row) for row in fetched]


def open_executions(connection: Connection, after: UUID | None, limit: int) -> list[Execution]:
    """See `JobStore.open_executions`."""
    c = executions.c

    def page(last: rows.AnyRow | None, wanted: int) -> Sequence[rows.AnyRow]:
        asked = select(executions).where(~c.final)
        behind = after if last is None else last.id
        if behind is not None:
            asked = asked.where(c.id > behind)
        return connection.execute(asked.order_by(c.id).limit(wanted)).all()

    return filled(page, _executions, limit)


def execution(connection: Connection, execution_id: UUID) -> Execution | None:
    """See `Records.execution`."""
    asked = select(executions).where(executions.c.id == execution_id)
    # the time in its id leads to its partition; an id of another make is looked for in all of them
    there = connection.execute(asked.where(executions.c.scheduled_time == time_of(execution_id))).all()
    return _one(_executions(there or connection.execute(asked).all()))


def listing(connection: Connection, query: ExecutionQuery) -> list[Execution]:
    """See `Records.executions`."""
    asked = _matching(connection, query)
    if asked is None:
        return []
    c = executions.c

    def page(last: rows.AnyRow | None, wanted: int) -> Sequence[rows.AnyRow]:
        place = query.after if last is None else rows.place(last)
        behind = asked
        if place is not None:
            at, uid = place
            # the first condition is implied by the second; it bounds the walk along the index
            behind = behind.where(c.scheduled_time <= at, or_(c.scheduled_time < at, c.id > uid))
        return connection.execute(behind.order_by(c.scheduled_time.desc(), c.id).limit(wanted)).all()

    return filled(page, _executions, query.limit)


def _matching(connection: Connection, query: ExecutionQuery) -> Select[Any] | None:
    c = executions.c
    asked = select(executions)
    if query.job:
        # names lead to uids, of which there is an index; deleted jobs of the name have theirs too
        uids = _uids(connection, query.namespace, query.job)
        if query.job_uid is not None:
            uids = [uid for uid in uids if uid == query.job_uid]
        if not uids:
            return None
        asked = asked.where(c.job_uid == uids[0] if len(uids) == 1 else c.job_uid.in_(uids))
    else:
        if query.namespace:
            asked = asked.where(c.namespace == query.namespace)
        if query.job_uid is not None:
            asked = asked.where(c.job_uid == query.job_uid)
    if query.states:
        asked = asked.where(c.state.in_(sorted(query.states)))
        if query.states <= OPEN:
            asked = asked.where(~c.final)
    if query.scheduled_from is not None:
        asked = asked.where(c.scheduled_time >= query.scheduled_from)
    if query.scheduled_before is not None:
        asked = asked.where(c.scheduled_time < query.scheduled_before)
    return asked


def _uids(connection: Connection, namespace: str, name: str) -> list[UUID]:
    c = job_revisions.c
    asked = select(c.job_uid).distinct().where(c.name == name)
    if namespace:
        asked = asked.where(c.namespace == namespace)
    return list(connection.scalars(asked))


def latest(connection: Connection, job_uids: Sequence[UUID]) -> dict[UUID, Execution]:
    """See `Records.latest`."""
    found: dict[UUID, Execution] = {}
    for first in range(0, len(job_uids), _MANY):
        some = [select(literal(uid, UID).label("uid")) for uid in job_uids[first : first + _MANY]]
        wanted = union_all(*some).cte("wanted") if len(some) > 1 else some[0].cte("wanted")
        c = executions.c
        one = (
            select(c.id)
            .where(c.job_uid == wanted.c.uid)
            .order_by(c.scheduled_time.desc(), c.id)
            .limit(1)
            .correlate(wanted)
            .scalar_subquery()
        )
        chosen = select(one.label("id")).select_from(wanted)
        asked = select(executions).where(c.id.in_(chosen))
        found |= {each.job_uid: each for each in _executions(connection.execute(asked).all())}
    return found


def ended_attempts(connection: Connection, execution_id: UUID) -> list[EndedAttempt]:
    """See `Records.attempts`."""
    c = attempts.c
    asked = select(attempts).where(c.execution_id == execution_id).order_by(c.attempt, c.part)
    return rows.readable(rows.attempt, connection.execute(asked))


def output(connection: Connection, execution_id: UUID, attempt: int, after: int, limit: int) -> list[Output]:
    """See `Records.output`."""
    c = outputs.c
    asked = select(outputs).where(and_(c.execution_id == execution_id, c.attempt == attempt, c.seq > after))
    return [rows.output(row) for row in connection.execute(asked.order_by(c.seq, c.part).limit(limit))]


def kept_answers(connection: Connection, keys: Sequence[tuple[str, str]]) -> list[Answer]:
    """See `Records.answers`."""
    if connection.dialect.name == "postgresql":
        # asked for each run: two arrays, instead of an expression with a part for each key that is new each time
        places = (array("text", [scope for scope, _ in keys]), array("text", [request_id for _, request_id in keys]))
        return [rows.answer(row) for row in connection.exec_driver_sql(_KEPT_ANSWERS, places)]
    found: list[Answer] = []
    for first in range(0, len(keys), _MANY):
        some = keys[first : first + _MANY]
        asked = select(answers).where(tuple_(answers.c.scope, answers.c.request_id).in_(some))
        found += [rows.answer(row) for row in connection.execute(asked)]
    return found


def _executions(fetched: Sequence[rows.AnyRow]) -> list[Execution]:
    return rows.readable(rows.execution, fetched)


def _one(found: Sequence[T]) -> T | None:
    return found[0] if found else None
