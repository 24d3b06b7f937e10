"""What the store says became of the fires: asked as a stranger would, by SQL."""

import contextlib
import json
import sqlite3
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg2


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One execution: its trigger's job, and its times in seconds since 1970. `word` is what its task returned."""

    job: str
    scheduled: float
    state: str
    started: float | None
    ended: float | None
    word: Any

    @property
    def lateness(self) -> float:
        """Milliseconds from the scheduled time to the start."""
        return ((self.started or 0.0) - self.scheduled) * 1000


class Record(ABC):
    """A connection of its own to the store."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """The answer to a question in SQL, with `?` for values."""

    @abstractmethod
    def settled(self, namespace: str, due: datetime) -> float | None:
        """When the last execution that a namespace had due at an instant became final, in seconds since 1970.

        None: the store keeps no times of commits.
        """

    @abstractmethod
    def _seconds(self, column: str) -> str: ...

    def count_open(self, due: datetime) -> int:
        """How many executions that are due at a time, or before, are not final."""
        question = "SELECT count(*) FROM executions WHERE NOT final AND scheduled_time <= ?"
        return int(self.ask(question, self.instant(due))[0][0])

    def left_in(self, before: datetime) -> bool:
        """Whether anything that is due before a time is to be decided, or not final."""
        # in this order: what is decided between the two questions is seen by the second
        decide = self.ask("SELECT 1 FROM triggers WHERE next_fire < ? LIMIT 1", self.instant(before))
        question = "SELECT 1 FROM executions WHERE NOT final AND scheduled_time < ? LIMIT 1"
        return bool(decide or self.ask(question, self.instant(before)))

    def instant(self, value: datetime) -> object:
        """As the store compares it."""
        return value

    def rows(self, namespace: str, begin: datetime | None = None, end: datetime | None = None) -> list[Row]:
        """The executions of a namespace, of all times or from `begin` until before `end`."""
        times = ", ".join(map(self._seconds, ("scheduled_time", "started", "ended")))
        question = f"SELECT job, state, result, {times} FROM executions WHERE namespace = ?"
        values: list[object] = [namespace]
        if begin is not None and end is not None:
            question += " AND scheduled_time >= ? AND scheduled_time < ?"
            values += [self.instant(begin), self.instant(end)]
        return [
            Row(
                job=job,
                scheduled=scheduled,
                state=state,
                started=started,
                ended=ended,
                word=json.loads(result) if isinstance(result, str) else result,
            )
            for job, state, result, scheduled, started, ended in self.ask(question, *values)
        ]


class PostgresRecord(Record):
    """Of a server that keeps the time of each commit."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def close(self) -> None:
        self._connection.close()

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(question.replace("?", "%s"), values or None)  # without values a % is only a %
            return cursor.fetchall() if cursor.description else []

    def settled(self, namespace: str, due: datetime) -> float | None:
        # the transaction that wrote a row's last version is the one that settled it
        last = self._seconds("max(pg_xact_commit_timestamp(xmin))")
        question = f"SELECT {last} FROM executions WHERE namespace = ? AND scheduled_time = ?"
        [(seconds,)] = self.ask(question, namespace, due)
        return None if seconds is None else float(seconds)

    def _seconds(self, column: str) -> str:
        return f"extract(epoch FROM {column})::float8"


class SqliteRecord(Record):
    """Of a file; readers don't wait for the writer."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def close(self) -> None:
        self._connection.close()

    def ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with contextlib.closing(self._connection.execute(question, values)) as cursor:
            return cursor.fetchall()

    def settled(self, namespace: str, due: datetime) -> float | None:
        return None  # who polls sees it some milliseconds later

    def instant(self, value: datetime) -> object:
        return value.astimezone(UTC).isoformat(" ", "microseconds")

    def _seconds(self, column: str) -> str:
        # julianday has a precision of a millisecond at best; the text has microseconds
        return f"unixepoch({column}) + CAST(substr({column}, 20, 7) AS REAL)"
