"""Looking behind a store's methods: what it asks the database, and rows that it would not write."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, event, text

from jobstore.sql.store import SqlStore


def spoil(store: SqlStore, sql: str, **values: Any) -> None:
    """Write what no version of this program would."""
    store.database.write(lambda connection: connection.execute(text(sql), values))


def as_stored(store: SqlStore, value: UUID) -> object:
    """A uid as a parameter of SQL."""
    return str(value) if store.database.url.startswith("sqlite") else value


def statements_of(act: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements that `act` runs, with their parameters."""
    ran: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        ran.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return ran


_INDEXES = {
    "scheduled_time_trigger_uid_kept_key": "executions_fire",
    "job_uid_scheduled_time_idx": "executions_job",
    "ended_idx": "executions_ended",
    "id_idx": "executions_open",
    "pkey": "executions_pkey",
}


def plans_of(store: SqlStore, ask: Callable[[], object]) -> str:
    """How the store finds the answers to what `ask` asks."""
    asked = [(sql, values) for sql, values in statements_of(ask) if sql.startswith(("SELECT", "WITH"))]

    def explain(connection: Connection) -> list[str]:
        sqlite = connection.dialect.name == "sqlite"
        word = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        rows = [row for sql, values in asked for row in connection.exec_driver_sql(word + sql, values)]
        return [row[3] if sqlite else row[0] for row in rows]

    plans = store.database.read(explain)
    assert plans
    # SQLite names the index of a unique constraint itself, and PostgreSQL those of partitions
    text = "\n".join(plans).replace("sqlite_autoindex_executions_2", "executions_fire")
    for columns, name in _INDEXES.items():
        text = re.sub(rf"executions_\w+_{columns}\b", name, text)
    return text
