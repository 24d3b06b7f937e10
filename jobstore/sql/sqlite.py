"""SQLite, in a file or in memory."""

import sqlite3
import threading
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, NullPool, QueuePool, StaticPool, create_engine, event

from jobstore.sql.database import POOL_TIMEOUT, Database, T, Work
from jobstore.sql.many import NOW, ManyBulk

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process that writes: longer than any of our transactions takes."""

READERS = 4
"""Connections that are kept for reading."""

_CLOCK = f"SELECT {NOW} FROM (SELECT max(epoch) FROM terms)"  # so that a missing schema shows

_PRAGMAS = ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL")
"""Readers and the writer don't wait for each other; and a commit is on the disk when it returns."""


class SqliteDatabase(Database):
    """One process writes at a time, and one thread of it; a lock orders the threads.

    In memory there is one connection, which readers share under the same lock. Only a migration makes the
    file.
    """

    epoch_sql = "SELECT epoch FROM terms WHERE shard = 0"

    def __init__(self, path: str | None) -> None:
        super().__init__()
        self._path = None if path is None else Path(path)
        self._lock = threading.Lock()
        self.bulk = ManyBulk()
        if self._path is None:
            self.name, self.url = "SQLite in memory", "sqlite://"
            self._writer = _engine(lambda: _connect(":memory:"), "BEGIN IMMEDIATE", poolclass=StaticPool)
            self._reader = self._writer
        else:
            self.name, self.url = f"SQLite database {path}", f"sqlite:///{path}"
            pool = {"poolclass": QueuePool, "max_overflow": READERS, "pool_timeout": POOL_TIMEOUT}
            self._writer = _engine(self._open, "BEGIN IMMEDIATE", pool_size=1, **pool)
            self._reader = _engine(self._open, "BEGIN", pool_size=READERS, **pool)

    def _open(self, mode: str = "rw") -> sqlite3.Connection:
        connection = _connect(f"file:{quote(str(self._path))}?mode={mode}")
        try:
            for pragma in _PRAGMAS:
                connection.execute(pragma)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _read(self, work: Work[T], snapshot: bool) -> T:
        alone: AbstractContextManager[object] = self._lock if self._path is None else nullcontext()
        with alone, self._reader.begin() as connection:
            return work(connection)

    def _write(self, work: Work[T]) -> T:
        with self._lock, self._writer.begin() as connection:
            return work(connection)

    def _migrate(self, work: Work[T], patient: bool) -> T:
        if self._path is None:
            return self._write(work)
        engine = _engine(lambda: self._open("rwc"), "BEGIN IMMEDIATE", poolclass=NullPool)
        with self._lock, engine.begin() as connection:
            return work(connection)

    def clock(self, connection: Connection) -> datetime:
        # that the transaction has begun says that the file can be written, and that nobody else holds it
        return datetime.fromisoformat(connection.exec_driver_sql(_CLOCK).scalar_one())

    def dangers(self, connection: Connection) -> list[str]:
        return []

    @property
    def missing(self) -> bool:
        return self._path is not None and not self._path.exists()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._writer.dispose()
            self._reader.dispose()


def _connect(uri: str) -> sqlite3.Connection:
    # isolation_level None: transactions begin where `_engine` begins them, and nowhere else
    return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False)


def _engine(creator: object, begin: str, **options: object) -> Engine:
    engine = create_engine("sqlite://", creator=creator, hide_parameters=True, **options)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
