"""The contract in `jobstore/protocols.py`: what a store that fails answers, and what survives it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Connection

from jobstore.changes import MoveExecution, NewExecution
from jobstore.errors import BadChange, SchemaOutdated, StoreError, StoreUnavailable
from jobstore.opening import open_store
from jobstore.protocols import ExecutionQuery, JobQuery
from jobstore.schema import check_schema, upgrade
from jobstore.sql.store import SqlStore
from jobstore.sql.writes import plan
from tests.jobstore.stores import START, ended, fire, job, put
from tests.rig import PostgresServer, TcpProxy, eventually

REPORT = job()


def works(store: SqlStore) -> bool:
    try:
        store.probe()
    except StoreUnavailable:
        return False
    return True


# -------------------------------------------------------------------------------------------- PostgreSQL


@pytest.fixture(scope="module")
def own() -> Iterator[PostgresServer]:
    """A server that these tests may kill."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def behind_proxy(own: PostgresServer) -> Iterator[tuple[SqlStore, TcpProxy]]:
    own.create_database("behind_proxy")
    with TcpProxy(own.port) as proxy:
        store = open_store(f"postgresql://postgres@127.0.0.1:{proxy.port}/behind_proxy")
        upgrade(store)
        yield store, proxy
        store.close()
    own.drop_database("behind_proxy")


def test_when_commit_returns_the_changes_survive_a_crash_of_postgresql(own: PostgresServer) -> None:
    store = open_store(own.create_database("crash"))
    upgrade(store)
    term = store.begin_term(1, "e", "n")
    put(store, term, REPORT, fire(REPORT))
    store.commit(term, [MoveExecution(ended(fire(REPORT)))])
    own.kill()
    with pytest.raises(StoreUnavailable):
        store.commit(term, [])
    with pytest.raises(StoreUnavailable):
        store.execution(fire(REPORT).id)
    own.start()
    # a restart is not seen by readers, and costs the writer one attempt at most
    assert store.execution(fire(REPORT).id) == ended(fire(REPORT))
    eventually(lambda: works(store))
    store.commit(term, [])
    assert store.begin_term(1, "e", "n").epoch == term.epoch + 1
    store.close()


def test_readers_do_not_notice_a_restart(own: PostgresServer) -> None:
    store = open_store(own.create_database("restart"))
    upgrade(store)
    reads: list[Callable[[], Sequence[object]]] = [
        lambda: store.executions(ExecutionQuery()),
        lambda: store.jobs(JobQuery(limit=1)),
    ]
    for first in reads:  # whichever comes upon the connections that are gone
        with ThreadPoolExecutor(4) as threads:
            assert [each.result() for each in [threads.submit(read) for read in 4 * reads]] == [[]] * 8
        own.stop()
        own.start()
        assert [read() for read in (first, *reads)] == [[]] * 3
    store.close()


def test_a_lost_connection_is_store_unavailable_and_the_next_call_connects_again(
    behind_proxy: tuple[SqlStore, TcpProxy],
) -> None:
    store, proxy = behind_proxy
    term = store.begin_term(1, "e", "n")
    proxy.cut()
    for call in (store.probe, lambda: store.commit(term, []), lambda: store.begin_term(2, "e", "n")):
        with pytest.raises(StoreUnavailable):
            call()
    with pytest.raises(StoreUnavailable):
        store.execution(fire(REPORT).id)
    proxy.heal()
    eventually(lambda: works(store))
    store.commit(term, [])


def test_whether_the_last_write_was_committed_is_not_known(
    own: PostgresServer, behind_proxy: tuple[SqlStore, TcpProxy]
) -> None:
    """Here its answer is lost: it was carried out, and is refused when it is repeated."""
    store, proxy = behind_proxy
    term = store.begin_term(1, "e", "n")
    put(store, term, REPORT)
    beside = open_store(own.url("behind_proxy"))

    def lose_the_answer(connection: Connection) -> None:
        for step in plan([NewExecution(fire(REPORT))], store.database.bulk):
            step(connection)
        proxy.blackhole(requests=False)

    def cut_when_committed() -> None:
        eventually(lambda: beside.execution(fire(REPORT).id))
        proxy.cut()

    with ThreadPoolExecutor(1) as pool:
        cutting = pool.submit(cut_when_committed)
        with pytest.raises(StoreUnavailable):
            store.database.write(lose_the_answer)
        cutting.result(30)
    proxy.heal()
    eventually(lambda: works(store))
    with pytest.raises(BadChange):
        put(store, term, fire(REPORT))
    beside.close()


@pytest.mark.parametrize(
    ("database", "wrong"),
    [
        ("none", 'database "none" does not exist'),
        ("postgres", "has no schema"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(own: PostgresServer, database: str, wrong: str) -> None:
    store = open_store(own.url(database).replace("postgres@", "postgres:secret@"))
    with pytest.raises(StoreError, match=wrong) as error:
        check_schema(store)
    store.close()
    assert f"127.0.0.1:{own.port}, database '{database}'" in str(error.value)
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)


def test_without_a_schema_every_call_names_the_command(own: PostgresServer) -> None:
    store = open_store(own.url().replace("postgres@", "postgres:secret@"))
    command = f"run: python -m jobstore upgrade --store {own.url()}"
    for call in (store.probe, lambda: store.begin_term(1, "e", "n"), lambda: store.execution(REPORT.uid)):
        with pytest.raises(SchemaOutdated, match=command):
            call()
    store.close()


def test_nobody_listens() -> None:
    store = open_store("postgresql://me:secret@127.0.0.1:1/db")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1, database 'db': .*refused") as error:
        store.probe()
    assert "secret" not in str(error.value)
    store.close()


def _sql(server: PostgresServer, *statements: str, database: str = "postgres") -> None:
    connection = psycopg2.connect(server.url(database))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()


def test_the_probe_refuses_a_store_that_takes_no_writes(own: PostgresServer) -> None:
    url = own.create_database("readonly")
    store = open_store(url)
    upgrade(store)
    _sql(own, "ALTER DATABASE readonly SET default_transaction_read_only = on")
    store.close()
    store = open_store(url)
    with pytest.raises(StoreUnavailable, match="read-only"):
        store.probe()
    with pytest.raises(StoreUnavailable):
        store.begin_term(1, "e", "n")
    store.close()


def test_the_probe_refuses_a_read_replica() -> None:
    with PostgresServer() as server:
        store = open_store(server.url())
        upgrade(store)
        connection = psycopg2.connect(server.url())
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            ((folder,),) = cursor.fetchall()
        connection.close()
        server.stop()
        Path(folder, "standby.signal").touch()
        server.start()
        assert store.executions(ExecutionQuery()) == []
        eventually(lambda: not works(store))
        with pytest.raises(StoreUnavailable, match="read replica"):
            store.probe()
        with pytest.raises(StoreUnavailable):
            store.begin_term(1, "e", "n")
        store.close()


def test_the_probe_refuses_a_role_without_rights(own: PostgresServer) -> None:
    url = own.create_database("rights")
    store = open_store(url)
    upgrade(store)
    store.close()
    _sql(
        own,
        "CREATE ROLE reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
        "GRANT INSERT, UPDATE, DELETE ON jobs, job_revisions, triggers, calendars, calendar_uses TO reader",
        "GRANT INSERT, UPDATE, DELETE ON job_retention, executions, attempts TO reader",
        database="rights",
    )
    store = open_store(url.replace("postgres@", "reader@"))
    with pytest.raises(StoreUnavailable, match="may not write to terms, outputs, evidence, answers"):
        store.probe()
    store.close()


_FAILING = """
CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'as told' USING ERRCODE = '{code}'; END $$
"""


@pytest.mark.parametrize(
    "code",
    [
        "53100",  # disk_full
        "53200",  # out_of_memory
        "58030",  # io_error
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "25006",  # read_only_sql_transaction
        "57P01",  # admin_shutdown
        "XX001",  # data_corrupted
    ],
)
@pytest.mark.parametrize("at", ["its statement", "its end"])
def test_a_server_that_fails_inside_a_commit_is_store_unavailable_and_nothing_is_written(
    own: PostgresServer, code: str, at: str
) -> None:
    """Never `BadChange`: that would set a good record aside."""
    store = open_store(own.create_database("failing"))
    upgrade(store)
    term = store.begin_term(1, "e", "n")
    put(store, term, REPORT)
    deferred = "CONSTRAINT TRIGGER fails AFTER INSERT ON executions DEFERRABLE INITIALLY DEFERRED"
    when = "TRIGGER fails BEFORE INSERT ON executions" if at == "its statement" else deferred
    making = f"CREATE {when} FOR EACH ROW EXECUTE FUNCTION fail()"
    _sql(own, _FAILING.format(code=code), making, database="failing")
    with pytest.raises(StoreUnavailable, match="as told"):
        put(store, term, fire(REPORT))
    assert store.executions(ExecutionQuery()) == []
    _sql(own, "DROP TRIGGER fails ON executions", database="failing")
    put(store, term, fire(REPORT))
    store.close()
    own.drop_database("failing")


def test_a_statement_that_takes_too_long_is_given_up(own: PostgresServer) -> None:
    url = own.create_database("slow")
    store = open_store(f"{url}?options=-c%20statement_timeout%3D300ms%20-c%20lock_timeout%3D60s")
    upgrade(store)
    term = store.begin_term(1, "e", "n")
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE jobs IN EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable, match="statement timeout"):
            put(store, term, REPORT)
    connection.close()
    put(store, term, REPORT)
    store.close()
    own.drop_database("slow")


# ------------------------------------------------------------------------------------------------ SQLite

_WRITER = """
import os, signal, sys
from jobstore.opening import open_store
from tests.jobstore.stores import fire, job, put
store = open_store(sys.argv[1])
term = store.begin_term(1, "e", "n")
report = job(name=sys.argv[2])
put(store, term, report)
put(store, term, fire(report))
print(report.uid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_when_commit_returns_the_changes_survive_a_crash_of_the_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    store = open_store(url)
    upgrade(store)
    command = [sys.executable, "-c", _WRITER, url, "crashed"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)
    assert child.returncode == -signal.SIGKILL, child.stderr
    (execution,) = store.executions(ExecutionQuery())
    assert str(execution.job_uid) == child.stdout.strip()
    assert execution.scheduled_time == START
    store.close()


def test_another_process_that_writes_is_waited_for_and_then_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobstore.sql.sqlite.BUSY_TIMEOUT", 0.2)
    url = f"sqlite:///{tmp_path / 'store.db'}"
    one, two = open_store(url), open_store(url)
    upgrade(one)
    term = one.begin_term(1, "e", "n")

    def meanwhile(connection: object) -> None:
        with pytest.raises(StoreUnavailable, match="locked"):
            two.probe()
        with pytest.raises(StoreUnavailable, match="locked"):
            two.commit(term, [])
        assert two.executions(ExecutionQuery()) == []  # readers don't wait

    one.database.write(meanwhile)
    two.commit(term, [])
    one.close()
    two.close()


def test_a_full_disk_is_store_unavailable_and_nothing_is_written(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    upgrade(store)
    term = store.begin_term(1, "e", "n")

    def most_pages(count: int) -> None:
        store.database.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {count}"))

    most_pages(1)  # SQLite's own words for a full disk: it stays as large as it is
    with pytest.raises(StoreUnavailable, match="full"):
        put(store, term, *(job(name=f"report-{number}") for number in range(1000)))
    store.probe()
    most_pages(1_000_000)
    put(store, term, REPORT)
    assert len(store.jobs(JobQuery())) == 1
    store.close()


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        store.probe()
    with pytest.raises(SchemaOutdated, match=f"run: python -m jobstore upgrade --store sqlite:///{path}"):
        check_schema(store)
    assert not path.exists()
    store.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("hello " * 1000)
    store = open_store(f"sqlite:///{path}")
    for call in (store.probe, lambda: check_schema(store), lambda: upgrade(store)):
        with pytest.raises(StoreUnavailable, match="not a database"):
            call()
    store.close()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'none' / 'store.db'}")
    with pytest.raises(StoreUnavailable, match="unable to open database file"):
        upgrade(store)
    store.close()
