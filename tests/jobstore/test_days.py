"""History by day on PostgreSQL: days are made ahead, whatever has none finds a place, and old ones are dropped."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from sqlalchemy import Connection, text

from jobstore.changes import (
    AddEvidence,
    AddOutput,
    Change,
    DropDay,
    EndAttempt,
    Forget,
    MoveExecution,
    NewExecution,
    VoidExecution,
)
from jobstore.errors import BadChange
from jobstore.model import Evidence, Execution, Output, Term
from jobstore.opening import open_store
from jobstore.protocols import ExecutionQuery
from jobstore.retention import Retention, Said
from jobstore.schema import upgrade
from jobstore.sql import columns, days
from jobstore.sql.bulk import Statement
from jobstore.sql.retention import step
from jobstore.sql.store import SqlStore
from jobstore.sql.tables import metadata
from jobstore.states import State
from tests.jobstore.stores import START, ahead, attempt, definition, ended, fire, job, put, run

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NOON = START  # of the day that most of this happens in
LATER = NOON + 45 * DAY
RULE = Retention(succeeded=30 * DAY, failed=90 * DAY, namespaces={"audit": Said(succeeded=365 * DAY)})
REPORT = job()


@pytest.fixture
def store(pg_url: str) -> Iterator[SqlStore]:
    """With days around NOON, and no others."""
    opened = open_store(pg_url)
    upgrade(opened)
    opened.database.migrate(lambda c: [c.execute(text(f"DROP TABLE {day.name}")) for day in days.days(c)])
    opened.database.migrate(lambda c: days.make(c, [days.Day.of(NOON + n * DAY) for n in (-1, 0, 1)]))
    yield opened
    opened.close()


@pytest.fixture
def term(store: SqlStore) -> Term:
    return store.begin_term(1, "ensemble-1", "node-1")


@pytest.fixture
def other(pg_url: str) -> Iterator[psycopg2.extensions.connection]:
    """Somebody else's session."""
    connection = psycopg2.connect(pg_url)
    yield connection
    connection.close()


def forget(store: SqlStore, term: Term, now: datetime = LATER) -> list[Change]:
    """One pass; all that was committed."""
    done: list[Change] = []
    for changes in store.outdated(RULE, now):
        store.commit(term, changes)
        done += changes
    return done


def places(store: SqlStore) -> dict[object, str]:
    """In which partition each execution is."""
    asked = text("SELECT id, tableoid::regclass::text AS place FROM executions")
    return {row.id: row.place for row in store.database.read(lambda c: c.execute(asked).all())}


def names(store: SqlStore) -> list[str]:
    return [day.name for day in store.database.read(days.days)]


def tables(store: SqlStore) -> set[str]:
    asked = text("SELECT relname FROM pg_class WHERE relname LIKE 'executions_p%' AND relkind = 'r'")
    return set(store.database.read(lambda c: c.scalars(asked).all()))


def settle(store: SqlStore, term: Term, *executions: Execution) -> None:
    put(store, term, *(replace(each, state=State.DISPATCHED, ended=None) for each in executions))
    store.commit(term, [MoveExecution(each) for each in executions])


# ------------------------------------------------------------------------------------------------ places


def test_each_is_in_its_day_and_what_has_none_finds_a_place(store: SqlStore, term: Term) -> None:
    long_ago = fire(REPORT, datetime(1969, 7, 21, tzinfo=UTC))
    today, tonight = fire(REPORT, NOON), fire(REPORT, NOON + 12 * HOUR)
    far = fire(REPORT, datetime(2199, 1, 1, tzinfo=UTC))
    manual = run(REPORT, NOON)
    all_ = [long_ago, today, tonight, far, manual]
    put(store, term, *all_)
    assert places(store) == {
        long_ago.id: "executions_default",
        today.id: "executions_p20260301",
        tonight.id: "executions_p20260302",
        far.id: "executions_default",
        manual.id: "executions_p20260301",
    }
    assert [store.execution(each.id) for each in all_] == all_
    assert store.executions(ExecutionQuery()) == sorted(
        sorted(all_, key=lambda e: e.id), key=lambda e: e.scheduled_time, reverse=True
    )
    assert store.open_executions(None, 10) == sorted(all_, key=lambda e: e.id)
    assert store.latest([REPORT.uid]) == {REPORT.uid: far}
    done = [ended(each) for each in all_]
    store.commit(term, [MoveExecution(each) for each in done])
    assert [store.execution(each.id) for each in all_] == done


def test_an_execution_whose_id_says_another_time_is_found(store: SqlStore, term: Term) -> None:
    odd = run(REPORT, NOON, id=run(REPORT, NOON - DAY).id)
    put(store, term, odd)
    assert store.execution(odd.id) == odd
    store.commit(term, [MoveExecution(ended(odd))])
    assert store.execution(odd.id) == ended(odd)


def test_voids_and_second_records_find_their_day(store: SqlStore, term: Term) -> None:
    put(store, term, ahead(REPORT))
    with pytest.raises(BadChange, match=r"this fire .* has an execution already"):
        put(store, term, run(REPORT, trigger_uid=REPORT.triggers[0].uid))
    with pytest.raises(BadChange, match="an execution of this id is there already"):
        put(store, term, ahead(REPORT, trigger_uid=None))
    store.commit(term, [VoidExecution(fire(REPORT).id), NewExecution(fire(REPORT))])
    assert store.executions(ExecutionQuery()) == [fire(REPORT)]


@pytest.mark.parametrize("known", [0, 1000], ids=["it knows nothing of", "it knows only earlier rows of"])
def test_moves_look_into_their_own_day_alone_and_there_by_id(store: SqlStore, term: Term, known: int) -> None:
    """Also in a day that PostgreSQL knows nothing of yet, or not of this time, with thousands of rows of one time."""
    if known:
        put(store, term, *(run(REPORT, NOON - HOUR) for _ in range(known)))
        store.database.write(lambda connection: connection.exec_driver_sql("ANALYZE executions"))
    put(store, term, *(run(REPORT, NOON) for _ in range(6000)))
    moved = [run(REPORT, NOON) for _ in range(1000)]
    put(store, term, *moved)

    for some in (moved, moved[:1]):
        statement = store.database.bulk.update(columns.MOVED, [ended(each) for each in some], unless="final")

        def explain(connection: Connection, statement: Statement = statement) -> str:
            return "\n".join(connection.exec_driver_sql("EXPLAIN " + statement.sql, statement.parameters).scalars())

        plan = store.database.write(explain)
        used = re.findall(r"-> +(?:Seq|Index|Bitmap)\b.* using (\w+) on (\w+)", plan)
        assert [table for _, table in used] == ["executions_p20260301", "executions_kept"], plan
        assert all(index in (f"{table}_pkey", f"{table}_id_idx") for index, table in used), plan
        # one that it knows to be empty may be read whole
        assert plan.count("Index Cond: (id = ") in ((1, 2) if known else (2,)), plan
        assert "Materialize" not in plan


def test_moves_of_several_days_are_one_transaction(store: SqlStore, term: Term) -> None:
    fires = [fire(REPORT, NOON + n * 6 * HOUR) for n in range(-8, 8)]
    put(store, term, *fires)
    over = ended(fires[-1])
    store.commit(term, [MoveExecution(over)])
    with pytest.raises(BadChange, match="is final"):
        store.commit(term, [MoveExecution(ended(each)) for each in fires])
    assert len(store.open_executions(None, 100)) == len(fires) - 1
    store.commit(term, [MoveExecution(ended(each)) for each in fires[:-1]])
    assert store.open_executions(None, 100) == []


# ---------------------------------------------------------------------------------------------- made ahead


def test_days_are_made_ahead(store: SqlStore, term: Term) -> None:
    forget(store, term, NOON)
    assert names(store) == [f"executions_p{NOON + n * DAY:%Y%m%d}" for n in range(-1, days.AHEAD + 1)]
    forget(store, term, NOON + DAY)
    assert names(store)[-1] == f"executions_p{NOON + (days.AHEAD + 1) * DAY:%Y%m%d}"


def test_a_day_for_which_there_are_rows_already_is_left_out(store: SqlStore, term: Term) -> None:
    early = fire(REPORT, NOON + 3 * DAY)
    put(store, term, early)
    forget(store, term, NOON)
    assert f"executions_p{NOON + 3 * DAY:%Y%m%d}" not in names(store)
    assert f"executions_p{NOON + 4 * DAY:%Y%m%d}" in names(store)
    assert store.execution(early.id) == early


def test_days_are_made_later_while_somebody_holds_what_they_need(
    store: SqlStore, term: Term, other: psycopg2.extensions.connection
) -> None:
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM executions_default")  # in a transaction
    forget(store, term, NOON)
    assert len(names(store)) == 3
    far = fire(REPORT, NOON + 3 * DAY)
    put(store, term, far, fire(REPORT))
    other.rollback()
    forget(store, term, NOON)
    assert len(names(store)) == 1 + days.AHEAD  # that of `far` is left out


def test_a_new_day_has_the_keys_and_indexes_of_the_others(store: SqlStore, term: Term) -> None:
    forget(store, term, NOON)
    asked = text("SELECT count(*) FROM pg_index WHERE indrelid = to_regclass(:name) AND indisvalid")
    for name in names(store):
        assert store.database.read(lambda c, name=name: c.scalar(asked, {"name": name})) == 5  # type: ignore[misc]


# ------------------------------------------------------------------------------------------------ dropped


def belongings(of: Execution) -> Sequence[Change]:
    seen = Evidence(
        execution_id=of.id, executor_id="x", incarnation="y", attempt=1, received=NOON, why="late", report={}
    )
    output = Output(execution_id=of.id, part=0, attempt=1, seq=0, stream="o", data=b"x")
    return [EndAttempt(attempt(of)), AddOutput(output), AddEvidence(seen)]


def rows(store: SqlStore, table: str) -> int:
    return store.database.read(lambda c: c.scalar(text(f"SELECT count(*) FROM {table}"))) or 0


def test_a_day_is_dropped_and_what_has_to_stay_is_found_as_before(store: SqlStore, term: Term) -> None:
    audit = job("audit", namespace="audit")
    own = job("own", spec=definition(retention={"succeeded": "60d"}))
    put(store, term, REPORT, audit, own)
    gone = [ended(fire(REPORT, NOON + n * HOUR)) for n in range(-12, 12)]
    waits = fire(REPORT, NOON + timedelta(minutes=1))
    late = replace(ended(fire(REPORT, NOON + timedelta(minutes=2))), ended=LATER - DAY)
    failed = ended(fire(REPORT, NOON + timedelta(minutes=3)), State.FAILED)
    kept = [ended(fire(audit)), ended(fire(own)), late, failed]
    settle(store, term, *gone, *kept)
    put(store, term, waits)
    for each in (*gone[:3], *kept, waits):
        store.commit(term, belongings(each))
    done = forget(store, term)
    # not row by row
    assert not any(change.executions for change in done if isinstance(change, Forget))
    assert "executions_p20260301" not in tables(store)
    stay = [waits, *kept]
    assert [store.execution(each.id) for each in stay] == stay
    assert set(places(store).values()) == {"executions_kept"}
    assert store.open_executions(None, 100) == [waits]
    assert {e.id for e in store.executions(ExecutionQuery(limit=100))} == {e.id for e in stay}
    for table in ("attempts", "outputs", "evidence"):
        assert rows(store, table) == len(stay)
    # what was kept can move, and goes in its time, row by row
    store.commit(term, [MoveExecution(replace(ended(waits), ended=LATER))])
    forget(store, term, LATER + 400 * DAY)
    assert rows(store, "executions") == rows(store, "attempts") == rows(store, "evidence") == 0


def test_a_day_stays_until_the_last_of_it_may_go(store: SqlStore, term: Term) -> None:
    settle(store, term, ended(fire(REPORT)))
    midnight = NOON + 12 * HOUR
    forget(store, term, midnight + 30 * DAY)
    assert "executions_p20260301" in names(store)
    assert "executions_p20260228" not in names(store)
    forget(store, term, midnight + 30 * DAY + 2 * HOUR)
    assert "executions_p20260301" not in names(store)
    assert rows(store, "executions") == 0


def test_a_backfill_of_a_day_that_was_dropped_finds_a_place_and_goes_row_by_row(store: SqlStore, term: Term) -> None:
    forget(store, term)
    again = fire(REPORT)
    put(store, term, again)
    assert places(store) == {again.id: "executions_default"}
    store.commit(term, [MoveExecution(ended(again))])
    done = forget(store, term)
    assert Forget(executions=((again.scheduled_time, again.id),)) in done
    assert rows(store, "executions") == 0


def test_what_comes_into_a_day_while_it_is_looked_through_keeps_it(store: SqlStore, term: Term) -> None:
    """An open row, or one that ended now; the next pass keeps them apart."""
    for late in (fire(REPORT), replace(ended(fire(REPORT, NOON + HOUR), State.SKIPPED), ended=LATER)):
        for changes in store.outdated(RULE, LATER):
            if changes == [DropDay("executions_p20260301", LATER - 30 * DAY)]:
                put(store, term, late)
            store.commit(term, changes)
        assert "executions_p20260301" in names(store)
        assert store.execution(late.id) == late
    forget(store, term)
    assert "executions_p20260301" not in names(store)
    assert rows(store, "executions_kept") == 2


@pytest.mark.parametrize(
    "holds",
    [
        "SELECT count(*) FROM executions",
        "SELECT id FROM executions_p20260301 FOR UPDATE",
        "LOCK TABLE executions IN ACCESS SHARE MODE",  # as pg_dump does
    ],
)
def test_whoever_uses_a_day_delays_nothing_but_its_drop(
    store: SqlStore, term: Term, other: psycopg2.extensions.connection, holds: str
) -> None:
    settle(store, term, ended(fire(REPORT)))
    with other.cursor() as cursor:
        cursor.execute(holds)  # in a transaction that stays open
    forget(store, term)
    assert "executions_p20260301" in names(store)
    # with the drop in one transaction with others' changes, too: it gives way, and they are written
    waits, drop = fire(REPORT, LATER), DropDay("executions_p20260301", LATER - 30 * DAY)
    store.commit(term, [NewExecution(waits), drop, MoveExecution(ended(waits))])
    assert store.execution(waits.id) == ended(waits)
    assert "executions_p20260301" in names(store)
    other.rollback()
    forget(store, term)
    assert "executions_p20260301" not in names(store)


def test_after_a_drop_the_writer_waits_for_locks_as_before(store: SqlStore, term: Term) -> None:
    drop = DropDay("executions_p20260301", LATER)
    asked = text("SHOW lock_timeout")
    before = store.database.write(lambda c: c.scalar(asked))

    def both(connection: Connection) -> object:
        step(drop)(connection)
        return connection.scalar(asked)

    assert store.database.write(both) == before
    assert "executions_p20260301" not in names(store)


def test_a_table_that_was_taken_out_and_not_dropped_is_dropped_by_the_next_pass(store: SqlStore, term: Term) -> None:
    settle(store, term, ended(fire(REPORT)))
    store.commit(term, [DropDay("executions_p20260301", LATER)])
    assert rows(store, "executions") == 0
    assert "executions_p20260301" in tables(store)
    forget(store, term, NOON)
    assert "executions_p20260301" not in tables(store)


def test_a_day_that_is_gone_or_never_was_is_no_error(store: SqlStore, term: Term) -> None:
    store.commit(term, [DropDay("executions_p20010101", LATER)])
    with pytest.raises(BadChange, match="is not the name of a day"):
        store.commit(term, [DropDay("jobs", LATER)])


def test_more_than_a_page_stays_of_a_day(store: SqlStore, term: Term) -> None:
    """Of one instant, too."""
    failed = [ended(run(REPORT, NOON), State.FAILED) for _ in range(2300)]
    settle(store, term, *failed, *(ended(run(REPORT, NOON)) for _ in range(50)))
    forget(store, term)
    assert rows(store, "executions_kept") == rows(store, "executions") == 2300


def test_more_than_a_page_belongs_to_a_day(store: SqlStore, term: Term) -> None:
    gone = [ended(run(REPORT, NOON)) for _ in range(2300)]
    settle(store, term, *gone)
    store.commit(term, [change for each in gone for change in belongings(each)])
    forget(store, term)
    assert rows(store, "attempts") == rows(store, "outputs") == rows(store, "evidence") == 0


def test_a_job_that_forgets_early_does_not_wait_for_its_day(store: SqlStore, term: Term) -> None:
    brief = job("brief", spec=definition(retention={"succeeded": "1h", "failed": "2h"}))
    put(store, term, brief, REPORT)
    settle(store, term, ended(fire(REPORT)), ended(fire(brief)), ended(fire(brief, NOON + HOUR), State.FAILED))
    forget(store, term, NOON + 2 * HOUR)
    assert {e.job for e in store.executions(ExecutionQuery())} == {"report", "brief"}
    forget(store, term, NOON + 4 * HOUR)
    assert {e.job for e in store.executions(ExecutionQuery())} == {"report"}


def test_short_retention_goes_row_by_row(store: SqlStore, term: Term) -> None:
    settle(store, term, ended(fire(REPORT)))
    for changes in store.outdated(Retention(succeeded=HOUR, failed=HOUR), NOON + 2 * HOUR):
        store.commit(term, changes)
    assert rows(store, "executions") == 0
    assert "executions_p20260301" in names(store)


def test_a_role_that_owns_nothing_forgets_row_by_row(store: SqlStore, term: Term, pg_url: str) -> None:
    for statement in (
        "CREATE ROLE dml LOGIN",
        *(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO dml" for name in metadata.tables),
    ):
        store.database.migrate(lambda c, s=statement: c.execute(text(s)))  # type: ignore[misc]
    settle(store, term, ended(fire(REPORT)), ended(fire(REPORT, LATER)))
    granted = open_store(pg_url.replace("postgres@", "dml@"))
    forget(granted, term)
    assert rows(store, "executions") == 1
    assert len(names(store)) == 3
    granted.close()
    for statement in ("DROP OWNED BY dml", "DROP ROLE dml"):
        store.database.migrate(lambda c, s=statement: c.execute(text(s)))  # type: ignore[misc]
