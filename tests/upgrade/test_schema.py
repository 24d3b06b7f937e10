"""A schema that is newer than the program: an expanded one serves it, a contracted one is refused."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Connection, text

from jobstore.__main__ import main
from jobstore.errors import SchemaNewer
from jobstore.opening import open_store
from jobstore.schema import check_schema, newest, upgrade
from jobstore.sql.store import SqlStore
from tests.upgrade.next_release import NextRelease


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = open_store(url)
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def later(tmp_path: Path) -> NextRelease:
    return NextRelease(tmp_path / "next")


def test_an_expanded_schema_serves_the_code_of_before(
    store: SqlStore, url: str, later: NextRelease, capsys: pytest.CaptureFixture[str]
) -> None:
    revision = later.expand()
    later.upgrade(url)
    assert check_schema(store) == revision
    assert main(["check", "--store", url]) == 0
    assert capsys.readouterr().out.endswith(f"schema {revision}\n")
    assert store.begin_term(1, "e", "n").epoch == 1
    expanded = text("SELECT count(weight) FROM executions")
    assert store.database.read(lambda connection: connection.scalar(expanded)) == 0


def test_an_upgrade_by_the_code_of_before_leaves_it_as_it_is(
    store: SqlStore, url: str, later: NextRelease, capsys: pytest.CaptureFixture[str]
) -> None:
    revision = later.expand()
    later.upgrade(url)
    assert main(["upgrade", "--store", url]) == 0
    assert capsys.readouterr().out.endswith(f"schema {revision}\n")
    assert upgrade(store) == revision


def test_a_contracted_schema_is_refused_with_one_line(
    store: SqlStore, url: str, later: NextRelease, capsys: pytest.CaptureFixture[str]
) -> None:
    later.expand()
    contracted = later.contract()
    later.upgrade(url)
    for refuse in (check_schema, upgrade):
        with pytest.raises(SchemaNewer):
            refuse(store)
    assert main(["check", "--store", url]) == 1
    out, err = capsys.readouterr()
    told = f"has schema {contracted}, which is newer than this program's {newest()}; run a newer cronquorum\n"
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith(told)


def test_an_expansion_after_a_contraction_does_not_serve_who_was_left_behind(
    store: SqlStore, url: str, later: NextRelease
) -> None:
    expanded = later.expand()
    further = later.add(9002, 'op.add_column("jobs", sa.Column("colour", sa.Text()))', serves=expanded)
    later.upgrade(url)
    with pytest.raises(SchemaNewer, match=f"has schema {further}, .* and serves none before {expanded}; run a newer"):
        check_schema(store)


def test_an_upgrade_gives_way_to_a_long_transaction_and_keeps_nobody_waiting(
    pg_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While somebody reads the history for long (`pg_dump`), the upgrade does not stand before it with its lock."""
    store = open_store(pg_url)
    upgrade(store)
    begun: list[int] = []

    def change(connection: Connection) -> None:
        begun.append(len(begun))
        if len(begun) == 2:
            reading.rollback()
        connection.execute(text("ALTER TABLE executions ADD COLUMN weight INTEGER"))

    with contextlib.closing(psycopg2.connect(pg_url)) as reading:
        with reading.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM executions")
        store.database.migrate(change, patient=True)
    assert begun == [0, 1]
    assert [each.getMessage() for each in caplog.records if "gives way" in each.getMessage()]
    store.close()
