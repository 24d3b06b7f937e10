"""A commit that is one message to PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg2
import pytest
from psycopg2.extensions import connection as PgConnection

from jobstore.changes import Change, MoveExecution, MoveTrigger, NewExecution, VoidExecution
from jobstore.errors import BadChange, StoreUnavailable
from jobstore.model import Term
from jobstore.protocols import ExecutionQuery
from jobstore.sql.bulk import Statement, Written
from jobstore.sql.store import SqlStore
from jobstore.sql.writes import plan
from tests.jobstore.inside import statements_of
from tests.jobstore.stores import SECOND, START, ahead, ended, fire, job, put, stores, terms, urls
from tests.rig import eventually

REPORT = job()
FIRES = [fire(REPORT, START + n * SECOND) for n in range(3)]

url = urls("postgresql")
store = stores()
term = terms()


def statements(store: SqlStore, *changes: Change) -> list[Statement]:
    steps = [step for step in plan(changes, store.database.bulk) if isinstance(step, Written)]
    return [statement for step in steps for statement in step.statements]


@contextmanager
def beside(url: str) -> Iterator[PgConnection]:
    connection = psycopg2.connect(url)
    try:
        yield connection
    finally:
        connection.close()


def transactions(url: str) -> list[str]:
    """What other clients wait for that are inside a transaction: `Client` are those that nothing holds up."""
    with beside(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT wait_event_type FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY wait_event_type"
        )
        return [kind for (kind,) in cursor.fetchall()]


def test_what_a_fire_writes_goes_in_one_message(store: SqlStore, term: Term) -> None:
    trigger = REPORT.triggers[0].uid
    put(store, term, REPORT, ahead(REPORT, START + 9 * SECOND))
    changes: list[Change] = [
        *(NewExecution(each) for each in FIRES),
        MoveTrigger(trigger, START + SECOND, START, 1),
        MoveExecution(ended(FIRES[0])),
        VoidExecution(ahead(REPORT, START + 9 * SECOND).id),
    ]
    assert statements_of(lambda: store.commit(term, changes)) == []  # none by itself
    assert store.executions(ExecutionQuery()) == [FIRES[2], FIRES[1], ended(FIRES[0])]
    assert [each.next_fire for each in store.due(START + 9 * SECOND, None, 9)] == [START + SECOND]


@pytest.mark.parametrize(
    "refused",
    [
        NewExecution(FIRES[0]),
        MoveExecution(ended(FIRES[0])),
        MoveExecution(ended(FIRES[1])),
        VoidExecution(FIRES[0].id),
        VoidExecution(FIRES[1].id),
    ],
)
def test_what_cannot_be_written_leaves_nothing(store: SqlStore, term: Term, url: str, refused: Change) -> None:
    put(store, term, FIRES[0])
    store.commit(term, [MoveExecution(ended(FIRES[0]))])
    ran = statements(store, NewExecution(FIRES[2]), refused)
    assert not store.database.at_once(term.epoch, ran)
    assert transactions(url) == []
    with pytest.raises(BadChange):
        store.commit(term, [NewExecution(FIRES[2]), refused])
    assert store.executions(ExecutionQuery()) == [ended(FIRES[0])]
    store.commit(term, [NewExecution(FIRES[2])])


def test_another_epoch_writes_nothing(store: SqlStore, term: Term) -> None:
    ran = statements(store, NewExecution(FIRES[0]))
    for other in (term.epoch - 1, term.epoch + 1):
        assert not store.database.at_once(other, ran)
    assert store.executions(ExecutionQuery()) == []
    assert store.database.at_once(term.epoch, ran)
    assert store.executions(ExecutionQuery()) == [FIRES[0]]


def test_a_text_with_a_nul_is_refused_before_anything_is_sent(store: SqlStore, term: Term, url: str) -> None:
    with pytest.raises(BadChange, match="a value cannot be stored"):
        store.commit(term, [NewExecution(FIRES[0]), MoveTrigger(REPORT.triggers[0].uid, None, None, 1, "\x00")])
    assert transactions(url) == []
    store.commit(term, [NewExecution(FIRES[0])])


def test_who_waits_too_long_for_the_term_has_written_nothing(store: SqlStore, term: Term, url: str) -> None:
    with beside(url) as other, other.cursor() as cursor:
        cursor.execute("UPDATE terms SET node_id = 'somebody'")
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            store.commit(term, [NewExecution(FIRES[0])])
        other.rollback()
    assert transactions(url) == []
    assert store.executions(ExecutionQuery()) == []
    store.commit(term, [NewExecution(FIRES[0])])


def test_a_connection_that_ends_in_the_middle_is_not_used_again(store: SqlStore, term: Term, url: str) -> None:
    with beside(url) as other, other.cursor() as cursor, ThreadPoolExecutor(1) as thread:
        cursor.execute("UPDATE terms SET node_id = 'somebody'")
        commit = thread.submit(store.commit, term, [NewExecution(FIRES[0])])
        eventually(lambda: transactions(url) == ["Client", "Lock"])
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with pytest.raises(StoreUnavailable):
            commit.result()
        other.rollback()
    assert store.executions(ExecutionQuery()) == []
    store.commit(term, [NewExecution(FIRES[0])])
    assert store.executions(ExecutionQuery()) == [FIRES[0]]
