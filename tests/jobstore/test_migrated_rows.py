"""What becomes of rows that an earlier schema holds."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from jobstore import schema
from jobstore.changes import MoveExecution, MoveTrigger
from jobstore.errors import BadChange, SchemaOutdated
from jobstore.model import DueTrigger, Execution, Job, TriggerRecord
from jobstore.opening import open_store
from jobstore.protocols import CalendarQuery, ExecutionQuery, JobQuery
from jobstore.retention import Retention
from jobstore.sql import days
from jobstore.sql.columns import EXECUTION, MOVED, Shape
from jobstore.sql.store import SqlStore
from jobstore.sql.types import instant_text
from jobstore.states import State
from tests.jobstore.stores import (
    SECOND,
    START,
    ahead,
    calendar,
    definition,
    ended,
    fire,
    job,
    put,
    run,
    uid,
)

DAY = timedelta(days=1)


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
        DueTrigger(uid=triggers[0].uid, job_uid=active.uid, next_fire=START, fires=0, previous_fire=START - SECOND)
    ]
    assert store.executions(ExecutionQuery()) == [fired]
    assert store.calendars(CalendarQuery()) == []

    term = store.begin_term(1, "ensemble-1", "node-1")
    store.commit(term, [MoveTrigger(triggers[0].uid, None, START, 1)])
    put(store, term, calendar(), replace(paused, paused=False, paused_since=None, revision=2))
    assert [each.paused_since for each in store.jobs(JobQuery())] == [None, None]
    assert store.jobs(JobQuery())[0].triggers[0].fires == 1
    assert len(store.calendars(CalendarQuery())) == 1


# ---------------------------------------------------------------------------------------- history by day

LAST = Shape(MOVED.table, MOVED.fields, MOVED.key)
"""How programs of schema 0002 moved executions: by their ids alone."""


def write_0002(connection: Connection, store: SqlStore, *executions: Execution) -> None:
    store.database.bulk.insert(EXECUTION, executions).run(connection)


def by_time(executions: Iterable[Execution]) -> list[Execution]:
    return sorted(sorted(executions, key=lambda e: e.id), key=lambda e: e.scheduled_time, reverse=True)


def test_a_store_of_schema_0002_keeps_its_executions(store: SqlStore) -> None:
    """Old, of today, of tomorrow, and of a far future; open and final ones. All can move, and none be doubled."""
    upgrade_to(store, "0002")
    now = store.database.read(lambda c: c.scalar(text("SELECT CURRENT_TIMESTAMP")))
    now = datetime.fromisoformat(now).replace(tzinfo=UTC) if isinstance(now, str) else now.replace(microsecond=0)
    times = [START - 400 * DAY, START, now - DAY, now, now + DAY, now + 400 * DAY]
    report = job()
    waiting = [fire(report, at) for at in times]
    over = [ended(fire(report, at + SECOND), State.FAILED) for at in times]
    manual = run(report, now)
    store.database.write(lambda c: write_0002(c, store, *waiting, *over, manual))
    schema.upgrade(store)

    assert store.executions(ExecutionQuery()) == by_time([*waiting, *over, manual])
    assert store.open_executions(None, 100) == sorted([*waiting, manual], key=lambda e: e.id)
    for each in (*waiting, *over):
        assert store.execution(each.id) == each
    term = store.begin_term(1, "ensemble-1", "node-1")
    for each in waiting:
        with pytest.raises(BadChange, match="has an execution already"):
            put(store, term, replace(each, id=run(report, each.scheduled_time).id))
        with pytest.raises(BadChange, match="of this id"):
            put(store, term, replace(each, trigger_uid=None))
    done = [ended(each) for each in (*waiting, manual)]
    store.commit(term, [MoveExecution(each) for each in done])
    assert store.executions(ExecutionQuery()) == by_time([*done, *over])
    for changes in store.outdated(Retention(), now + 800 * DAY):
        store.commit(term, changes)
    assert store.executions(ExecutionQuery()) == []


def test_programs_of_schema_0002_write_to_the_present_one(store: SqlStore) -> None:
    schema.upgrade(store)
    report, bulk = job(), store.database.bulk
    today = store.probe().replace(microsecond=0)
    fires = [fire(report, at) for at in (START, today, today + SECOND, today + DAY)]
    waits = ahead(report, today + 2 * SECOND)

    def work(connection: Connection) -> None:
        write_0002(connection, store, *fires, waits)
        assert bulk.update(LAST, [ended(each) for each in fires], unless="final").run(connection) == len(fires)
        assert bulk.update(LAST, [ended(fires[0])], unless="final").run(connection) == 0
        assert bulk.delete("executions", "id", [waits.id], only="state = 'pending'").run(connection) == 1

    store.database.write(work)
    assert store.executions(ExecutionQuery()) == by_time(ended(each) for each in fires)


def test_the_table_of_before_goes_as_a_day_does(pg_url: str) -> None:
    """With what has to stay kept apart; until then what is over goes row by row."""
    store = open_store(pg_url)
    upgrade_to(store, "0002")
    report = job()
    now: datetime = store.database.read(lambda c: c.scalar(text("SELECT now()"))).replace(microsecond=0)
    waits = fire(report, now - DAY)
    old, new = ended(fire(report, now - 40 * DAY)), ended(fire(report, now))
    store.database.write(lambda c: write_0002(c, store, waits, old, new))
    schema.upgrade(store)
    term = store.begin_term(1, "ensemble-1", "node-1")
    for when, left in ((now, [new, waits]), (now + 40 * DAY, [waits])):
        for changes in store.outdated(Retention(), when):
            store.commit(term, changes)
        assert store.executions(ExecutionQuery()) == left
    assert all(day.start is not None for day in store.database.read(days.days))
    store.close()


def test_whoever_was_let_at_the_executions_stays_so(pg_url: str) -> None:
    store = open_store(pg_url)
    upgrade_to(store, "0002")
    for statement in ('CREATE ROLE "A reader"', 'GRANT SELECT ON executions TO "A reader"'):
        store.database.migrate(lambda c, s=statement: c.execute(text(s)))  # type: ignore[misc]
    schema.upgrade(store)
    asked = text("SELECT has_table_privilege('A reader', 'executions', :what)")
    may = [store.database.read(lambda c, w=what: c.scalar(asked, {"what": w})) for what in ("SELECT", "INSERT")]  # type: ignore[misc]
    assert may == [True, False]
    for statement in ('DROP OWNED BY "A reader"', 'DROP ROLE "A reader"'):
        store.database.migrate(lambda c, s=statement: c.execute(text(s)))  # type: ignore[misc]
    store.close()
