"""What becomes of rows that an earlier schema holds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from jobstore import schema
from jobstore.changes import MoveTrigger
from jobstore.errors import SchemaOutdated
from jobstore.model import DueTrigger, Job, TriggerRecord
from jobstore.opening import open_store
from jobstore.protocols import CalendarQuery, ExecutionQuery, JobQuery
from jobstore.sql.columns import EXECUTION
from jobstore.sql.store import SqlStore
from jobstore.sql.types import instant_text
from tests.jobstore.stores import SECOND, START, calendar, definition, fire, job, put, uid


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """In which nothing is."""
    sqlite = request.param == "sqlite"
    opened = open_store(f"sqlite:///{tmp_path / 'store.db'}" if sqlite else request.getfixturevalue("pg_url"))
    yield opened
    opened.close()


def upgrade_to(store: SqlStore, revision: str) -> None:
    def work(connection: Connection) -> None:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    store.database.migrate(work)


def insert(connection: Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    sqlite = connection.dialect.name == "sqlite"
    stored = {name: _sqlite(value) if sqlite else value for name, value in values.items()}
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), stored)


def _sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        return instant_text(value)
    return value if value is None or isinstance(value, int) else str(value)


def write_0001(connection: Connection, of: Job) -> None:
    """A job as programs of schema 0001 wrote it."""
    named = {"namespace": of.namespace, "name": of.name, "revision": of.revision}
    dated = {"created": of.created, "updated": of.updated}
    insert(connection, "jobs", uid=of.uid, labels=json.dumps(dict(of.labels)), paused=of.paused, **named, **dated)
    insert(connection, "job_revisions", job_uid=of.uid, spec=json.dumps(of.spec.to_json()), **named)
    for each in of.triggers:
        times = {"next_fire": each.next_fire, "previous_fire": each.previous_fire}
        insert(connection, "triggers", uid=each.uid, job_uid=of.uid, name=each.name, error=each.error, **times)


def test_a_store_of_schema_0001_keeps_its_rows(store: SqlStore) -> None:
    """Nobody knows any more when a pause began: no later than the job's last change. Fires count from now."""
    triggers = (
        TriggerRecord(uid=uid(), name="main", next_fire=START, previous_fire=START - SECOND),
        TriggerRecord(uid=uid(), name="other", error="no such zone"),
    )
    spec = definition(triggers=[{"name": each.name, "cron": "0 * * * * ?"} for each in triggers])
    active = job("active", spec=spec, triggers=triggers)
    paused = job("paused", paused=True, updated=START + SECOND, triggers=(TriggerRecord(uid=uid(), name="main"),))
    fired = fire(active)
    upgrade_to(store, "0001")

    def write(connection: Connection) -> None:
        write_0001(connection, active)
        write_0001(connection, paused)
        store.database.bulk.insert(EXECUTION, [fired]).run(connection)

    store.database.write(write)
    with pytest.raises(SchemaOutdated, match="has schema 0001, and"):
        schema.check_schema(store)
    assert schema.upgrade(store) == schema.newest()

    paused = replace(paused, paused_since=paused.updated)
    assert store.jobs(JobQuery()) == [active, paused]
    assert store.due(START + SECOND, None, 10) == [
        DueTrigger(uid=triggers[0].uid, job_uid=active.uid, next_fire=START, fires=0)
    ]
    assert store.executions(ExecutionQuery()) == [fired]
    assert store.calendars(CalendarQuery()) == []

    term = store.begin_term(1, "ensemble-1", "node-1")
    store.commit(term, [MoveTrigger(triggers[0].uid, None, START, 1)])
    put(store, term, calendar(), replace(paused, paused=False, paused_since=None, revision=2))
    assert [each.paused_since for each in store.jobs(JobQuery())] == [None, None]
    assert store.jobs(JobQuery())[0].triggers[0].fires == 1
    assert len(store.calendars(CalendarQuery())) == 1
