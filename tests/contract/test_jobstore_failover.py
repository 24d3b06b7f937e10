"""Several PostgreSQL servers in one URL: the one that takes writes is found, also after a failover."""

from collections.abc import Iterator

import psycopg2
import pytest

from jobstore.errors import StaleTerm, StoreUnavailable
from jobstore.opening import open_store
from jobstore.protocols import ExecutionQuery
from jobstore.schema import check_schema, upgrade
from jobstore.sql.store import SqlStore
from tests.jobstore.stores import fire, job, put
from tests.rig import PostgresServer, eventually
from tests.rig.ports import free_port
from tests.rig.replica import Replica

REPORT = job()


def opened(*ports: int, database: str = "postgres", options: str = "") -> SqlStore:
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return open_store(f"postgresql://postgres@{hosts}/{database}{options}")


def works(store: SqlStore) -> bool:
    try:
        store.probe()
    except StoreUnavailable:
        return False
    return True


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def replica(primary: PostgresServer) -> Iterator[Replica]:
    with Replica(primary) as server:
        yield server


def test_a_server_that_refuses_is_passed_over(postgres: PostgresServer) -> None:
    database = postgres.create_database("several").rpartition("/")[2]
    store = opened(free_port(), postgres.port, database=database)
    upgrade(store)
    store.probe()
    assert store.executions(ExecutionQuery()) == []
    store.close()
    postgres.drop_database(database)


@pytest.mark.parametrize("options", ["", "?target_session_attrs=read-write"])
def test_a_replica_is_passed_over_by_writers_and_readers(
    primary: PostgresServer, replica: Replica, options: str
) -> None:
    store = opened(replica.port, primary.port, options=options)
    upgrade(store)
    check_schema(store)
    term = store.begin_term(1, "e", "n")
    put(store, term, REPORT, fire(REPORT))
    # not yet on the replica, perhaps: so it was read from the primary
    assert store.executions(ExecutionQuery()) == [fire(REPORT)]
    store.close()


def test_the_promoted_one_is_found_and_nothing_acknowledged_is_gone() -> None:
    """The promise of a synchronous standby: what was acknowledged survives its failover."""
    with PostgresServer() as primary, Replica(primary) as replica:
        _sql(primary, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        store = opened(primary.port, replica.port)
        upgrade(store)
        term = store.begin_term(1, "e", "n")
        put(store, term, REPORT, fire(REPORT))
        primary.kill()
        with pytest.raises(StoreUnavailable):
            store.commit(term, [])
        with pytest.raises(StoreUnavailable):
            store.executions(ExecutionQuery())
        assert not works(store), "the replica takes no writes"
        replica.promote()
        eventually(lambda: works(store), describe="the promoted one is found")
        assert store.executions(ExecutionQuery()) == [fire(REPORT)]
        later = store.begin_term(2, "e", "other")
        assert later.epoch == term.epoch + 1
        assert later.held == ""
        with pytest.raises(StaleTerm):
            store.commit(term, [])
        store.close()


def test_a_server_that_takes_writes_no_more_is_left(postgres: PostgresServer) -> None:
    """Its connections stay open, and would be used for ever."""
    with PostgresServer() as other:
        for server in (postgres, other):
            each = open_store(server.create_database("demoted"))
            upgrade(each)
            each.close()
        store = opened(postgres.port, other.port, database="demoted")
        term = store.begin_term(1, "e", "n")
        _sql(postgres, "ALTER DATABASE demoted SET default_transaction_read_only = on")
        _set_read_only(store)
        with pytest.raises(StoreUnavailable):
            put(store, term, REPORT)
        store.probe()
        assert store.begin_term(1, "e", "n").epoch == 1, "it is the other one"
        _sql(other, "ALTER DATABASE demoted SET default_transaction_read_only = on")
        _sql(postgres, "ALTER DATABASE demoted SET default_transaction_read_only = off")
        _set_read_only(store)
        with pytest.raises(StoreUnavailable, match="read-only"):
            store.probe()
        store.probe()
        assert store.begin_term(1, "e", "n").epoch == 2, "it is the first one again"
        store.close()
        postgres.drop_database("demoted")


def _set_read_only(store: SqlStore) -> None:
    """As the server has it from now on, in the connection that is open already."""
    store.database.write(lambda connection: connection.exec_driver_sql("SET default_transaction_read_only = on"))


def _sql(server: PostgresServer, *statements: str) -> None:
    connection = psycopg2.connect(server.url())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()
