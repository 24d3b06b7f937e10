"""The contract in `jobstore/protocols.py`: the fence between terms, in real races on PostgreSQL.

Transactions are held up by locks of other connections, and are seen to wait in `pg_locks`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg2
import pytest
from psycopg2.extensions import connection as PgConnection
from sqlalchemy import Connection, text

from jobstore.changes import KeepAnswer
from jobstore.errors import StaleTerm, StoreUnavailable
from jobstore.model import Answer, Term
from jobstore.opening import open_store
from jobstore.sql import terms as fence
from jobstore.sql.store import SqlStore
from tests.jobstore.stores import START, fire, job, kept_answer, put, stores, terms, urls
from tests.rig import eventually

plain_url = urls("postgresql")
store = stores()
term = terms()

REPORT = job()
CHANGE = KeepAnswer(Answer(scope="s", request_id="r", digest="", answered=START, body=b""))


@pytest.fixture
def url(plain_url: str) -> str:
    """Whose stores wait for locks for as long as a busy machine needs to set a race up."""
    return f"{plain_url}?options=-c%20lock_timeout%3D60s"


@pytest.fixture
def successor(url: str) -> Iterator[SqlStore]:
    """Another node's store."""
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def other(url: str) -> Iterator[PgConnection]:
    """A connection that is nobody's."""
    with closing(psycopg2.connect(url)) as connection:
        yield connection


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


@contextmanager
def paused(other: PgConnection, table: str) -> Iterator[None]:
    """Whoever writes to the table waits until the block ends."""
    with other.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
    try:
        yield
    finally:
        other.rollback()


def waiting(store: SqlStore) -> int:
    """How many wait for a lock in this database."""
    count = store.database.read(
        lambda connection: connection.scalar(
            text(
                "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE NOT granted AND datname = current_database()"
            )
        )
    )
    return int(count or 0)


def test_a_commit_in_flight_is_committed_before_begin_term_returns(
    store: SqlStore, term: Term, successor: SqlStore, other: PgConnection, pool: ThreadPoolExecutor
) -> None:
    with paused(other, "answers"):
        commit = pool.submit(store.commit, term, [CHANGE])
        eventually(lambda: waiting(store) == 1, describe="the commit waits, inside its transaction")
        begin = pool.submit(successor.begin_term, 2, "ensemble-1", "node-2")
        eventually(lambda: waiting(store) == 2, describe="begin_term waits for the commit")
        assert not begin.done()
    commit.result(30)
    later = begin.result(30)
    assert later.epoch > term.epoch
    assert kept_answer(successor, "s", "r") is not None
    with pytest.raises(StaleTerm):
        put(store, term, fire(REPORT))


def test_a_commit_that_meets_begin_term_in_flight_is_refused(
    store: SqlStore, term: Term, other: PgConnection, pool: ThreadPoolExecutor
) -> None:
    with other.cursor() as cursor:
        cursor.execute("UPDATE terms SET epoch = epoch + 1")
        commit = pool.submit(store.commit, term, [CHANGE])
        eventually(lambda: waiting(store) == 1, describe="the commit waits for the new term")
        other.commit()
    with pytest.raises(StaleTerm) as stale:
        commit.result(30)
    assert stale.value.present == term.epoch + 1
    assert kept_answer(store, "s", "r") is None


def test_a_commit_goes_on_when_the_new_term_is_given_up(
    store: SqlStore, term: Term, other: PgConnection, pool: ThreadPoolExecutor
) -> None:
    with other.cursor() as cursor:
        cursor.execute("UPDATE terms SET epoch = epoch + 1")
        commit = pool.submit(store.commit, term, [CHANGE])
        eventually(lambda: waiting(store) == 1, describe="the commit waits for the new term")
        other.rollback()
    commit.result(30)
    assert kept_answer(store, "s", "r") is not None


def test_many_candidates_at_once_get_different_epochs(
    store: SqlStore, successor: SqlStore, pool: ThreadPoolExecutor
) -> None:
    claims = [pool.submit((store, successor)[n % 2].begin_term, 1, f"ensemble-{n}", f"node-{n}") for n in range(20)]
    epochs = [claim.result(30).epoch for claim in claims]
    assert sorted(epochs) == list(range(1, 21))


def test_a_leader_that_is_stopped_inside_its_transaction_holds_its_successor_up_for_a_second(
    store: SqlStore, term: Term, successor: SqlStore, pool: ThreadPoolExecutor
) -> None:
    def stop_inside(connection: Connection) -> Term:
        fence.hold(connection, store.database, term)
        return pool.submit(successor.begin_term, 2, "ensemble-1", "node-2").result(30)

    with pytest.raises(StoreUnavailable):
        store.database.write(stop_inside)
    with pytest.raises(StaleTerm):
        store.commit(term, [CHANGE])
    assert kept_answer(store, "s", "r") is None


def test_a_writer_that_waits_too_long_gives_up(plain_url: str, term: Term, other: PgConnection) -> None:
    store = open_store(plain_url)
    with paused(other, "answers"), pytest.raises(StoreUnavailable, match="lock timeout"):
        store.commit(term, [CHANGE])
    store.commit(term, [CHANGE])
    store.close()


def test_closing_frees_whoever_waits_for_an_answer(
    store: SqlStore, term: Term, successor: SqlStore, other: PgConnection, pool: ThreadPoolExecutor
) -> None:
    with paused(other, "answers"):
        commit = pool.submit(store.commit, term, [CHANGE])
        eventually(lambda: waiting(successor) == 1, describe="the commit waits")
        store.close()
        with pytest.raises(StoreUnavailable):
            commit.result(30)
