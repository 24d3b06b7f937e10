"""Days of history that may go, on PostgreSQL: what has to stay longer is kept apart, then the day is dropped."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData, Select, Table, func, literal, or_, select, tuple_, union

from cronquorum.logs import get_logger
from jobstore.changes import Change, DropDay, Forget, KeepExecutions, Place
from jobstore.errors import StoreError
from jobstore.ids import first_id
from jobstore.retention import FAILED
from jobstore.sql import days
from jobstore.sql.looking import PAGE, Looking, what
from jobstore.sql.tables import attempts, evidence, executions, job_retention, outputs
from jobstore.sql.types import INSTANT, UID

SLACK = timedelta(hours=1)
"""How much longer a day stays: nearly all of what was scheduled in it has ended by then."""

WINDOW = timedelta(hours=1)
"""Of scheduled time, looked through in one question for what has to stay."""

_log = get_logger(__name__)


def make_days(look: Looking) -> None:
    """Make days ahead."""
    missing = days.missing(look.database.read(days.days), look.now)
    if missing:
        try:
            look.database.migrate(lambda connection: days.make(connection, missing))
        except StoreError as error:
            # somebody reads for long, or the role may not: until then, rows have a place without a day
            _log.warning("days of history could not be made", first=missing[0].name, error=str(error))


def old_days(look: Looking) -> Iterator[Sequence[Change]]:
    """Let days go that are over."""
    before = look.now - look.retention.succeeded
    for day in look.database.read(days.days):
        if day.end + SLACK > before:
            break
        yield from _kept(look, day, before)
        yield from _belongings(look, day, before)
        yield [DropDay(day.name, before)]
    if look.database.read(days.detached):
        try:
            look.database.migrate(days.drop_detached)
        except StoreError as error:
            _log.warning("days that are over could not be dropped", error=str(error))


def without_days(look: Looking) -> list[Table]:
    """Where executions are that no day takes along, or not for long."""
    old = [day.name for day in look.database.read(days.days) if day.start is None]
    return [_partition(name) for name in ("executions_kept", "executions_default", *old)]


def _kept(look: Looking, day: days.Day, before: datetime) -> Iterator[Sequence[Change]]:
    """What has to stay longer than its day."""
    rows = _partition(day.name)
    at = _first(look, rows, None)
    while at is not None:
        place: Place | None = None
        while True:
            page = look.rows(_candidates(look, rows, at, place, before))
            stay = [(row.scheduled_time, row.id) for row, over in zip(page, look.over(page), strict=True) if not over]
            yield [KeepExecutions(tuple(stay))] if stay else []
            if len(page) < PAGE:
                break
            place = page[-1].scheduled_time, page[-1].id
        at = _first(look, rows, at + WINDOW)


def _first(look: Looking, rows: Table, since: datetime | None) -> datetime | None:
    asked = select(func.min(rows.c.scheduled_time))
    if since is not None:
        asked = asked.where(rows.c.scheduled_time >= since)
    found: datetime | None = look.values(asked)[0]
    return found


def _candidates(look: Looking, rows: Table, at: datetime, after: Place | None, before: datetime) -> Select[Any]:
    """Rows of a window that may have to stay: all that do, and few others."""
    c, said, rule = rows.c, job_retention.c, look.retention
    seconds = rule.succeeded.total_seconds()
    jobs = select(said.job_uid).where(or_(said.succeeded > seconds, said.failed > seconds))
    longer = [~c.final, c.ended >= before, c.job_uid.in_(jobs)]
    if rule.failed > rule.succeeded:
        longer.append(c.state.in_(sorted(FAILED)))
    spaces = [name for name in rule.namespaces if rule.longest(name) > rule.succeeded]
    if spaces:
        longer.append(c.namespace.in_(spaces))
    asked = what(rows).where(c.scheduled_time >= at, c.scheduled_time < at + WINDOW, or_(*longer))
    if after is not None:
        behind = tuple_(literal(after[0], INSTANT), literal(after[1], UID))
        asked = asked.where(tuple_(c.scheduled_time, c.id) > behind)
    return asked.order_by(c.scheduled_time, c.id).limit(PAGE)


def _belongings(look: Looking, day: days.Day, before: datetime) -> Iterator[Sequence[Change]]:
    """What belongs to the executions that go with a day; not to those that came into it since it was looked through."""
    after = UUID(int=0) if day.start is None else first_id(day.start)
    end = first_id(day.end)
    c = executions.c
    elsewhere = [c.kept, c.scheduled_time >= day.end, ~c.final, c.ended >= before]
    if day.start is not None:
        elsewhere.append(c.scheduled_time < day.start)
    while ids := look.values(_owners(after, end)):
        staying = set(look.values(select(c.id).where(c.id.in_(ids), or_(*elsewhere))))
        gone = tuple(uid for uid in ids if uid not in staying)
        yield [Forget(belongings=gone)] if gone else []
        after = UUID(int=ids[-1].int + 1)


def _owners(first: UUID, end: UUID) -> Any:
    """The first ids of a range to which anything belongs, in order."""
    some = []
    for table in (attempts, outputs, evidence):
        uid = table.c.execution_id
        asked = select(uid).where(uid >= first, uid < end).distinct().order_by(uid).limit(PAGE).subquery()
        some.append(select(asked))
    return union(*some).order_by("execution_id").limit(PAGE)


@cache
def _partition(name: str) -> Table:
    return executions.to_metadata(MetaData(), name=name)
