"""The days of history on PostgreSQL: partitions of `executions_recent` by scheduled time (`jobstore.sql.tables`).

A day is made ahead, and dropped when nothing in it must stay. Neither lets anybody wait: both give way when somebody
uses what they need, and are tried again later. Whatever has no day is in `executions_default`, so nothing fails for
want of one.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from sqlalchemy import Connection, text

AHEAD = 7
"""Days made beyond today: a cluster that nobody leads for a week finds its days."""

PATIENCE = "50ms"
"""How long a change of partitions waits for whoever reads: all who come after it wait as long."""

_DAY = timedelta(days=1)
_NAME = re.compile(r"executions_(p|until)(\d{8})")


@dataclass(frozen=True, slots=True)
class Day:
    """A partition, by its name; `start` is None for the table that was there before there were days."""

    name: str
    start: datetime | None
    end: datetime

    @classmethod
    def named(cls, name: str) -> Self:
        """The day that a partition's name says. Raises `ValueError`."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(f"{name!r} is not the name of a day")
        at = datetime.strptime(match[2], "%Y%m%d").replace(tzinfo=UTC)
        return cls(name, None, at) if match[1] == "until" else cls(name, at, at + _DAY)

    @classmethod
    def of(cls, instant: datetime) -> Self:
        """The day of an instant, UTC."""
        return cls.named(f"executions_p{instant.astimezone(UTC):%Y%m%d}")


_ATTACHED = """
SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
WHERE inhparent = 'executions_recent'::regclass AND relname <> 'executions_default'
"""
_DETACHED = r"""
SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition AND relname ~ '^executions_(p|until)\d{8}$'
AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'executions_recent'::regclass)
"""


def ours(connection: Connection) -> bool:
    """Whether the role may make and drop days: it owns the history."""
    asked = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'executions_recent'::regclass"
    return bool(connection.scalar(text(asked)))


def days(connection: Connection) -> list[Day]:
    """The days that there are, the oldest first."""
    found = [Day.named(name) for name in connection.scalars(text(_ATTACHED))]
    return sorted(found, key=lambda day: day.end)


def missing(there: list[Day], now: datetime) -> list[Day]:
    """The days that should be there, today's included, and are not."""
    wanted = [Day.of(now + n * _DAY) for n in range(AHEAD + 1)]
    return [day for day in wanted if not any(_meet(day, other) for other in there)]


def _meet(day: Day, other: Day) -> bool:
    assert day.start is not None
    return day.start < other.end and (other.start is None or other.start < day.end)


def make(connection: Connection, wanted: list[Day]) -> None:
    """Make days. One whose time the default partition has rows of is left out: they stay where they are."""
    _be_patient(connection)
    for day in wanted:
        assert day.start is not None
        bounds = {"start": day.start, "end": day.end}
        within = "scheduled_time >= :start AND scheduled_time < :end"
        if connection.scalar(text(f"SELECT EXISTS (SELECT FROM executions_default WHERE {within})"), bounds):
            continue
        # not PARTITION OF, which would lock out everybody; with what the others have, whichever the schema is
        connection.execute(text(f"CREATE TABLE {day.name} (LIKE executions_default INCLUDING ALL)"))
        connection.execute(
            text(
                f"ALTER TABLE executions_recent ATTACH PARTITION {day.name}"
                f" FOR VALUES FROM ('{day.start.isoformat()}') TO ('{day.end.isoformat()}')"
            )
        )


def detach(connection: Connection, day: Day) -> None:
    """Take a day out of the history; its table is left, and nobody reads it any more. For a transaction's own use:
    raises the error of the lock's timeout when somebody uses it. (CONCURRENTLY, which would not lock out readers, is
    refused beside a default partition, and in a transaction, without which there is no fence.)"""
    _be_patient(connection)
    connection.execute(text(f"ALTER TABLE executions_recent DETACH PARTITION {day.name}"))
    connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


def drop_detached(connection: Connection) -> None:
    """Drop the tables of days that were taken out. The disk may take its time over it."""
    _be_patient(connection)
    for name in list(connection.scalars(text(_DETACHED))):
        connection.execute(text(f"DROP TABLE {Day.named(name).name}"))


def detached(connection: Connection) -> bool:
    """Whether there are tables of days that were taken out."""
    return connection.execute(text(_DETACHED)).first() is not None


def _be_patient(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
