"""PostgreSQL, through psycopg2."""

import contextlib
import itertools
import os
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import connection as PgConnection
from psycopg2.extensions import make_dsn
from sqlalchemy import Connection, Engine, ExceptionContext, NullPool, QueuePool, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError

from cronquorum.logs import get_logger
from jobstore.errors import StoreUnavailable
from jobstore.sql import script
from jobstore.sql.arrays import ArrayBulk
from jobstore.sql.bulk import Statement
from jobstore.sql.database import POOL_TIMEOUT, Database, T, Work
from jobstore.sql.tables import metadata

IDLE_IN_TRANSACTION = "1s"
"""A leader that is stopped inside a transaction holds its epoch's row, and so its successor up, for so long:
measured 1.0 s with it, and 5.0 s (until its session's end) without."""

LOCK_TIMEOUT = "3s"
"""Longer than `IDLE_IN_TRANSACTION`, so that a successor outwaits such a leader; no write waits longer."""

WRITE_TIMEOUT = "10s"
"""For one statement of a write: a hundred times what a batch takes, and the end of what hangs."""

READ_TIMEOUT = "30s"
"""For one statement of a read."""

AT_ONCE = 1.0
"""Seconds within which a connection is found to have been ended by the server. One that is found dead later is cut off,
and so would be another: a leader waits for its end long enough already."""

READERS = 4
"""Connections that are kept for reading; as many again are made at need."""

MIGRATION_LOCK = 0x63726F6E
"""The key of the advisory lock ('cron') that lets one upgrade run at a time."""

MIGRATION_PATIENCE = "200ms"
"""How long an upgrade waits for those who use a table: whoever comes after it waits as long."""

MIGRATION_TRIES, MIGRATION_PAUSE = 300, 1.0
"""How often an upgrade that had to give way begins anew, and the seconds in between."""

_BY_KEY = " ".join(
    [
        *(f"-c enable_{way}=off" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material")),
        *(f"-c {kind}_page_cost=0" for kind in ("seq", "random")),
        *(f"-c cpu_{kind}_cost=1" for kind in ("tuple", "index_tuple")),
    ]
)
"""All of the writer's statements go by key, and what counts is how many rows are visited. By its usual costs, the
planner would rather read 10,000 rows whole than find 1,000 by their keys, when it takes those of the batch's time for
none: it was told of its rows before that time came. Then each row of the batch is compared with each of them."""

_DEFAULTS = {
    "fallback_application_name": "cronquorum",
    "connect_timeout": "3",
    # a peer that vanished without a word is noticed within 3 s, whether we wait for it or talk to it
    "keepalives_idle": "1",
    "keepalives_interval": "1",
    "keepalives_count": "2",
    "tcp_user_timeout": "3000",
}


_log = get_logger(__name__)


class PostgresDatabase(Database):
    """One connection is kept for writing, some for reading.

    `parameters` are libpq's (PostgreSQL docs, 34.1.2), of several hosts too.
    """

    # FOR SHARE: measured, neither a plain SELECT nor FOR KEY SHARE keeps a stale epoch out
    epoch_sql = "SELECT epoch FROM terms WHERE shard = 0 FOR SHARE"

    partitioned = True

    def __init__(self, parameters: Mapping[str, str]) -> None:
        super().__init__()
        self.name, self.url = _shown(parameters)
        self.bulk = ArrayBulk()
        self._parameters = {**_DEFAULTS, **parameters}
        if "," in parameters.get("host", ""):
            # after a failover of the store, the one that takes writes is looked for
            self._parameters.setdefault("target_session_attrs", "read-write")
        # libpq takes a session of ours that only reads for a server that takes no writes
        wanted = self._parameters.get("target_session_attrs")
        readers = {"target_session_attrs": "primary"} if wanted == "read-write" else {}
        self._open: set[PgConnection] = set()
        pooled: dict[str, Any] = {
            "poolclass": QueuePool,
            "max_overflow": READERS,
            "pool_timeout": POOL_TIMEOUT,
            "json_deserializer": str,  # `rows` reads it
        }
        idle = f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION}"
        self._writer = self._engine(
            f"{idle} -c statement_timeout={WRITE_TIMEOUT} {_BY_KEY}",
            {},
            pool_size=1,
            isolation_level="READ COMMITTED",  # the fence looks at the row again after it has waited for it
            **pooled,
        )
        self._reader = self._engine(
            f"-c default_transaction_read_only=on -c statement_timeout={READ_TIMEOUT}",
            readers,
            pool_size=READERS,
            isolation_level="AUTOCOMMIT",
            **pooled,
        )
        self._snapshots = self._reader.execution_options(isolation_level="REPEATABLE READ")

    def _engine(self, settings: str, other: Mapping[str, str], **options: Any) -> Engine:
        settings = f"-c TimeZone=UTC -c jit=off -c lock_timeout={LOCK_TIMEOUT} {settings}"
        parameters = {**self._parameters, **other, "options": f"{settings} {self._parameters.get('options', '')}"}
        engine = create_engine(
            "postgresql+psycopg2://",
            creator=lambda: psycopg2.connect(make_dsn(**parameters)),
            hide_parameters=True,
            use_native_hstore=False,
            **options,
        )
        event.listen(engine, "connect", lambda connection, record: self._open.add(connection))
        event.listen(engine, "close", lambda connection, record: self._open.discard(connection))
        event.listen(engine, "handle_error", _leave)
        return engine

    def _read(self, work: Work[T], snapshot: bool) -> T:
        engine = self._snapshots if snapshot else self._reader
        begun = time.monotonic()
        try:
            with engine.connect() as connection:
                return work(connection)
        except DBAPIError as error:
            if self._closed or not error.connection_invalidated or time.monotonic() - begun > AT_ONCE:
                raise
        except psycopg2.Error:  # not by way of SQLAlchemy: the server had ended it before it was made a snapshot's
            if self._closed or time.monotonic() - begun > AT_ONCE:
                raise
            self._reader.dispose()
        # the server was restarted since this connection was used last: reading again is safe
        with engine.connect() as connection:
            return work(connection)

    def _write(self, work: Work[T]) -> T:
        try:
            with self._writer.begin() as connection:
                return work(connection)
        except psycopg2.Error:
            # not by way of SQLAlchemy: a pooled connection that the server had ended, before anything was sent
            self._writer.dispose()
            raise

    def _at_once(self, epoch: int, statements: Sequence[Statement]) -> bool:
        connection = self._writer.raw_connection()
        try:
            driver = connection.driver_connection
            assert driver is not None
            return script.run(driver, script.script(epoch, statements))
        except psycopg2.Error:
            connection.invalidate()  # mostly it is gone
            raise
        finally:
            connection.close()  # it goes back to the pool

    def _migrate(self, work: Work[T], patient: bool) -> T:
        engine = self._engine("-c lock_timeout=0", {}, poolclass=NullPool)
        for tried in itertools.count(1):
            try:
                with engine.begin() as connection:
                    connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                    if patient:
                        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{MIGRATION_PATIENCE}'")
                    return work(connection)
            except DBAPIError as error:
                if getattr(error.orig, "pgcode", None) != _LOCKED or not patient or tried == MIGRATION_TRIES:
                    raise
            if tried == 1:
                _log.warning("the upgrade gives way to a long transaction, and tries again", store=self.name)
            time.sleep(MIGRATION_PAUSE)  # noqa: TID251 - the command's own thread, which has nothing else to do
        raise AssertionError

    def clock(self, connection: Connection) -> datetime:
        row = connection.exec_driver_sql(_CLOCK).one()
        if row.in_recovery or row.read_only != "off":
            connection.invalidate()  # the next one may lead to a server that does
        if row.in_recovery:
            raise StoreUnavailable(f"{self.name}: it is a read replica; give the URL of the primary")
        if row.read_only != "off":
            raise StoreUnavailable(f"{self.name}: it is read-only (default_transaction_read_only is on)")
        if row.refused:
            raise StoreUnavailable(f"{self.name}: the role may not write to {row.refused}: GRANT it that")
        now: datetime = row.now
        return now

    def dangers(self, connection: Connection) -> list[str]:
        settings = connection.exec_driver_sql(
            "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commits,"
            " current_setting('is_superuser') AS superuser"
        ).one()
        found = []
        if settings.fsync == "off":
            found.append("fsync is off: a crash can destroy the store; set fsync = on")
        if settings.commits == "off":
            found.append("synchronous_commit is off: a crash loses what was acknowledged; set synchronous_commit = on")
        if settings.superuser == "on":
            found.append("the role is a superuser: give the scheduler one that only owns its tables")
        return found

    @property
    def missing(self) -> bool:
        return False

    def close(self) -> None:
        self._closed = True
        self._writer.dispose()
        self._reader.dispose()
        for connection in list(self._open):
            _hang_up(connection)


_LOCKED = "55P03"
"""SQLSTATE lock_not_available."""

_READ_ONLY = "25006"
"""SQLSTATE read_only_sql_transaction."""

_TABLES = ", ".join(f"('{name}')" for name in metadata.tables)
_CLOCK = f"""
SELECT clock_timestamp() AS now, pg_is_in_recovery() AS in_recovery,
       current_setting('transaction_read_only') AS read_only,
       (SELECT string_agg(name, ', ') FROM (VALUES {_TABLES}) AS t(name)
        WHERE NOT has_table_privilege(name, 'SELECT') OR NOT has_table_privilege(name, 'INSERT')
           OR NOT has_table_privilege(name, 'UPDATE') OR NOT has_table_privilege(name, 'DELETE')) AS refused
"""


def _leave(context: ExceptionContext) -> None:
    """A server that takes writes no more is left, as one that is gone: another one may have been promoted."""
    if getattr(context.original_exception, "pgcode", None) == _READ_ONLY:
        context.is_disconnect = True


def _hang_up(connection: PgConnection) -> None:
    """End a connection that a thread waits on: psycopg2's own close would wait for that thread."""
    with (
        contextlib.suppress(psycopg2.Error, OSError),
        socket.socket(fileno=os.dup(connection.fileno())) as copy,
    ):
        copy.shutdown(socket.SHUT_RDWR)


def _shown(parameters: Mapping[str, str]) -> tuple[str, str]:
    """The name of a database for messages, and its URL without password and options."""
    hosts = parameters.get("host", "").split(",")
    ports = parameters.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    places = [_place(host, port) for host, port in zip(hosts, ports, strict=False)]
    user = f"{quote(parameters['user'])}@" if "user" in parameters else ""
    database = parameters.get("dbname", "")
    where = ", ".join(place or "the local socket" for place in places)
    name = f"PostgreSQL at {where}, database {database or parameters.get('user', 'default')!r}"
    if any(place.startswith("/") for place in places):
        return name, f"postgresql://{user}/{quote(database)}?host={','.join(hosts)}&port={','.join(ports)}"
    return name, f"postgresql://{user}{','.join(places)}/{quote(database)}"


def _place(host: str, port: str) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host
