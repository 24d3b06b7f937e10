"""Forgetting: what ended long ago goes, with all that belongs to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, exists, select, tuple_

from jobstore.changes import Forget
from jobstore.sql.tables import answers, attempts, evidence, executions, job_revisions, outputs

_MANY = 1000
"""Ids in one IN list: SQLite takes 32,766 parameters at most."""

_MARGIN = timedelta(days=1)
"""How much longer than its executions a revision stays: far more than is ever recorded ahead."""


def forget(change: Forget) -> Callable[[Connection], None]:
    """The step that removes what `change` describes."""

    def run(connection: Connection) -> None:
        if _executions(connection, change) < change.limit:
            # while many old executions are left, these would be looked for among them, in vain
            _strays(connection, change)
            _revisions(connection, change)
        _answers(connection, change)

    return run


def _executions(connection: Connection, change: Forget) -> int:
    c = executions.c
    ended = select(c.id).where(c.final, c.ended < change.ended_before).order_by(c.ended).limit(change.limit)
    ids: list[UUID] = list(connection.scalars(ended))
    for first in range(0, len(ids), _MANY):
        some = ids[first : first + _MANY]
        for table in (attempts, outputs, evidence):
            connection.execute(delete(table).where(table.c.execution_id.in_(some)))
        connection.execute(delete(executions).where(c.id.in_(some)))
    return len(ids)


def _strays(connection: Connection, change: Forget) -> None:
    """Reports about executions that there are not: nothing else would ever remove them."""
    c = evidence.c
    known = exists().where(executions.c.id == c.execution_id)
    old = select(c.number).where(c.received < change.ended_before, ~known).order_by(c.received)
    _delete(connection, evidence, old.limit(change.limit), c.number)


def _revisions(connection: Connection, change: Forget) -> None:
    """Revisions that were retired long ago, and that no execution kept needs.

    No execution has a scheduled time (much) later than its revision was retired at, so that only the earlier
    ones, of which few are left, must be looked at.
    """
    c = job_revisions.c
    needed = exists().where(
        executions.c.job_uid == c.job_uid,
        executions.c.revision == c.revision,
        executions.c.scheduled_time < change.ended_before,
    )
    old = select(c.job_uid, c.revision).where(c.retired < change.ended_before - _MARGIN, ~needed)
    _delete(connection, job_revisions, old.order_by(c.retired).limit(change.limit), tuple_(c.job_uid, c.revision))


def _answers(connection: Connection, change: Forget) -> None:
    c = answers.c
    old = select(c.scope, c.request_id).where(c.answered < change.answers_before).order_by(c.answered)
    _delete(connection, answers, old.limit(change.limit), tuple_(c.scope, c.request_id))


def _delete(connection: Connection, table: Table, rows: Select[Any], key: ColumnElement[Any]) -> None:
    connection.execute(delete(table).where(key.in_(rows)))
