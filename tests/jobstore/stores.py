"""Stores of every kind for tests, and values to put into them."""

import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg2
import pytest
from sqlalchemy import Connection, text

from jobstore.calendar_spec import CalendarSpec
from jobstore.changes import Change, NewExecution, PutCalendar, PutJob
from jobstore.ids import fire_id, new_id
from jobstore.model import Answer, Calendar, EndedAttempt, Execution, Job, Origin, Term, TriggerRecord
from jobstore.opening import open_store
from jobstore.schema import upgrade
from jobstore.spec import JobSpec
from jobstore.sql.store import SqlStore
from jobstore.sql.tables import metadata
from jobstore.states import State
from tests.rig import PostgresServer

KINDS = ("sqlite-file", "sqlite-memory", "postgresql")
DATABASE = "jobstore_tests"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)

_made: set[int] = set()


def database(postgres: PostgresServer) -> str:
    """The URL of an empty store on a server: one database for all tests, emptied for each, for speed."""
    if postgres.port not in _made:
        store = open_store(postgres.create_database(DATABASE))
        upgrade(store)
        store.close()
        _made.add(postgres.port)
    connection = psycopg2.connect(postgres.url(DATABASE))
    with connection, connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '10s'")
        for table in metadata.tables:  # TRUNCATE takes a hundred times as long: it makes new files
            cursor.execute(f"DELETE FROM {table}")
    connection.close()
    return postgres.url(DATABASE)


def _url(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "postgresql":
        return database(request.getfixturevalue("postgres"))
    if kind == "sqlite-memory":
        return "sqlite://"
    folder: Path = request.getfixturevalue("tmp_path")
    return f"sqlite:///{folder / 'store.db'}"


def urls(*kinds: str) -> Any:
    """A fixture: the URL of an empty store, of each of these kinds in turn."""

    def url(request: pytest.FixtureRequest) -> str:
        return _url(request.param, request)

    return pytest.fixture(params=kinds)(url)


@functools.cache
def _statements() -> list[str]:
    store = open_store("sqlite://")
    upgrade(store)
    asked = text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type DESC, name")
    found = store.database.read(lambda connection: list(connection.scalars(asked)))
    store.close()
    return found


def _as_upgraded(connection: Connection) -> None:
    """Do what an upgrade does on SQLite, in a twentieth of the time."""
    for statement in _statements():
        connection.exec_driver_sql(statement)


def stores() -> Any:
    """A fixture: an empty store on the fixture `url`, with the present schema."""

    def store(url: str) -> Iterator[SqlStore]:
        opened = open_store(url)
        if url.startswith("sqlite"):
            opened.database.migrate(_as_upgraded)
        yield opened
        opened.close()

    return pytest.fixture(store)


def terms() -> Any:
    """A fixture: the first term of the fixture `store`."""

    def term(store: SqlStore) -> Term:
        return store.begin_term(1, "ensemble-1", "node-1")

    return pytest.fixture(term)


# ---------------------------------------------------------------------------------------------- values


def uid() -> UUID:
    return new_id(START)


def definition(**changes: Any) -> JobSpec:
    base = {
        "triggers": [{"name": "main", "cron": "0 * * * * ?"}],
        "task": {"python": {"callable": "reports:nightly", "params": {"region": "eu"}}},
    }
    return JobSpec.from_json({**base, **changes})


def job(name: str = "report", **changes: Any) -> Job:
    """A job with one trigger, `main`, due at START."""
    values: dict[str, Any] = {
        "uid": uid(),
        "namespace": "default",
        "name": name,
        "labels": {"team": "data"},
        "revision": 1,
        "spec": definition(),
        "created": START - SECOND,
        "updated": START - SECOND,
        "triggers": (TriggerRecord(uid=uid(), name="main", next_fire=START),),
    }
    return Job(**{**values, **changes})


def calendar(name: str = "holidays", **changes: Any) -> Calendar:
    values: dict[str, Any] = {
        "uid": uid(),
        "namespace": "default",
        "name": name,
        "labels": {"team": "data"},
        "revision": 1,
        "spec": CalendarSpec.from_json({"exclude": [{"weekly": ["SAT", "SUN"]}]}),
        "created": START - SECOND,
        "updated": START - SECOND,
    }
    return Calendar(**{**values, **changes})


def fire(of: Job, at: datetime = START, **changes: Any) -> Execution:
    """A fire of a job's first trigger."""
    trigger = of.triggers[0]
    base = Execution(
        id=fire_id(trigger.uid, at),
        origin=Origin.SCHEDULE,
        namespace=of.namespace,
        job=of.name,
        job_uid=of.uid,
        revision=of.revision,
        trigger_uid=trigger.uid,
        trigger=trigger.name,
        scheduled_time=at,
        state=State.DISPATCHED,
        executor_id="executor-1",
        incarnation="life-1",
        placement=1,
        epoch=1,
        check_at=at + 60 * SECOND,
        recorded=at,
        dispatched=at,
    )
    return replace(base, **changes)


def run(of: Job, at: datetime = START, **changes: Any) -> Execution:
    """A manual run of a job."""
    base = fire(of, at, id=new_id(at), origin=Origin.MANUAL, trigger_uid=None, trigger="")
    return replace(base, **{**_WAITING, **changes})


def ahead(of: Job, at: datetime = START, **changes: Any) -> Execution:
    """A fire that is recorded, and not sent."""
    return replace(fire(of, at), **{**_WAITING, **changes})


_WAITING: dict[str, Any] = {"state": State.PENDING, "executor_id": "", "incarnation": "", "placement": 0}


def ended(execution: Execution, state: State = State.SUCCEEDED, **changes: Any) -> Execution:
    """What it is when it is over, a second after its scheduled time."""
    at = execution.scheduled_time + SECOND
    return replace(execution, **{"state": state, "ended": at, "check_at": None, **changes})


def attempt(execution: Execution, number: int = 1, **changes: Any) -> EndedAttempt:
    base = EndedAttempt(
        execution_id=execution.id,
        part=0,
        attempt=number,
        placement=1,
        executor_id="executor-1",
        incarnation="life-1",
        epoch=1,
        outcome=State.FAILED,
        reason="exitCode",
        dispatched=START,
        started=START + SECOND,
        ended=START + 2 * SECOND,
        exit_code=3,
    )
    return replace(base, **changes)


def put(store: SqlStore, term: Term, *values: Job | Calendar | Execution) -> None:
    """Write jobs, calendars and new executions in one transaction."""
    store.commit(term, [_change(value) for value in values])


def _change(value: Job | Calendar | Execution) -> Change:
    if isinstance(value, Job):
        return PutJob(value)
    return PutCalendar(value) if isinstance(value, Calendar) else NewExecution(value)


def kept_answer(store: SqlStore, scope: str, request_id: str) -> Answer | None:
    """The one answer of that key."""
    found = store.answers([(scope, request_id)])
    assert len(found) <= 1
    return found[0] if found else None
