"""The schema's history, and the command that moves it."""

import os
import subprocess
import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Inspector, inspect, text

from jobstore.__main__ import main
from jobstore.errors import SchemaOutdated
from jobstore.opening import open_store
from jobstore.schema import check_schema, newest, upgrade
from jobstore.sql.store import SqlStore
from jobstore.sql.tables import metadata
from tests.rig import PostgresServer


def test_an_upgrade_from_nothing_makes_the_tables_that_the_code_knows(store: SqlStore) -> None:
    upgrade(store)

    def compared(name: str | None, kind: str, parents: object) -> bool:
        # not partitions; and the key that the databases have different ones of is compared by the next test
        return not (kind == "table" and str(name).startswith("executions_")) and name != "executions_fire"

    def difference(connection: Connection) -> object:
        options = {"include_name": compared, "include_object": lambda item, name, kind, *_: compared(name, kind, None)}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert store.database.migrate(difference) == []


def test_it_makes_the_same_checks_and_partial_indexes(store: SqlStore) -> None:
    """What alembic does not compare: every statement of the catalogue is the same as from the code itself."""
    upgrade(store)
    store.database.migrate(_drop_days)
    migrated = store.database.read(_catalogue)

    def anew(connection: Connection) -> None:
        metadata.drop_all(connection)
        metadata.create_all(connection)

    store.database.migrate(anew)
    assert migrated == store.database.read(_catalogue)
    assert len(migrated) > 20


def _drop_days(connection: Connection) -> None:
    """The days that a migration makes are others each day."""
    if connection.dialect.name == "postgresql":
        for day in connection.scalars(text("SELECT relname FROM pg_class WHERE relname ~ '^executions_p[0-9]{8}$'")):
            connection.execute(text(f"DROP TABLE {day}"))


def _catalogue(connection: Connection) -> list[str]:
    if connection.dialect.name == "sqlite":
        asked = "SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'alembic%'"
        found = [" ".join(row.split()) for row in connection.scalars(text(asked))]
        return sorted(row.replace('"', "") for row in found)
    asked = """
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE 'alembic%'
        UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                  WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'
        UNION ALL SELECT concat_ws(' ', relname, pg_get_partkeydef(oid), pg_get_expr(relpartbound, oid))
                  FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname LIKE 'executions%'
        UNION ALL SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, column_default,
                                   is_nullable, is_identity, identity_generation)
                  FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'alembic%'
    """
    return sorted(connection.scalars(text(asked)))


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(store: SqlStore) -> None:
    assert upgrade(store) == newest()
    store.begin_term(1, "e", "n")
    assert upgrade(store) == newest()
    assert store.begin_term(1, "e", "n").epoch == 2


def test_check_answers_with_the_revision(store: SqlStore) -> None:
    upgrade(store)
    assert check_schema(store) == newest()


def test_check_of_nothing_names_the_command_to_run(store: SqlStore) -> None:
    with pytest.raises(SchemaOutdated, match="has no schema yet; run: python -m jobstore upgrade --store "):
        check_schema(store)


def _pretend(store: SqlStore, revision: str) -> None:
    update = text("UPDATE alembic_version SET version_num = :revision")
    store.database.migrate(lambda connection: connection.execute(update, {"revision": revision}))


def test_a_schema_that_is_too_new_is_refused_by_check_and_by_upgrade(store: SqlStore) -> None:
    upgrade(store)
    _pretend(store, "9999")
    for refuse in (check_schema, upgrade):
        with pytest.raises(SchemaOutdated, match="has schema 9999, which is newer than this program's"):
            refuse(store)


def test_a_schema_that_is_too_old_names_the_command_to_run(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade(store)
    present = newest()
    monkeypatch.setattr("jobstore.schema.newest", lambda: "9999")
    with pytest.raises(SchemaOutdated, match=f"has schema {present}, and 9999 is needed; run: python -m jobstore"):
        check_schema(store)


def test_a_memory_store_is_upgraded_by_whoever_opens_it() -> None:
    store = open_store("sqlite://")
    with pytest.raises(SchemaOutdated):
        store.probe()
    upgrade(store)
    assert check_schema(store) == newest()
    assert store.begin_term(1, "e", "n").epoch == 1
    store.close()


def test_a_failed_upgrade_leaves_nothing_behind(store: SqlStore) -> None:
    def clash(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE executions (id INTEGER)"))

    store.database.migrate(clash)
    with pytest.raises(Exception, match="executions"):
        upgrade(store)

    def tables(connection: Connection) -> list[str]:
        inspector: Inspector = inspect(connection)
        return inspector.get_table_names()

    assert store.database.read(tables) == ["executions"]


# ------------------------------------------------------------------------------------------- as a process


def jobstore(*arguments: str, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "jobstore", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
    )


def test_several_upgrades_race(url: str) -> None:
    racing = [jobstore("upgrade", "--store", url) for _ in range(3)]
    answers = [(*process.communicate(timeout=60), process.returncode) for process in racing]
    assert [code for _, _, code in answers] == [0, 0, 0], answers
    assert all(out.endswith(f"schema {newest()}\n") for out, _, _ in answers)


def test_the_store_may_stand_in_the_environment_beside_what_others_read(url: str) -> None:
    process = jobstore("upgrade", CRONQUORUM_STORE=url, CRONQUORUM_ZOOKEEPER="h:2181", CRONQUORUM_SLOTS="3")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.endswith(f"schema {newest()}\n")


def test_check_exits_with_0_or_1_and_one_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--store", url]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "run: python -m jobstore upgrade --store " in err
    assert main(["upgrade", "--store", url]) == 0
    capsys.readouterr()
    assert main(["check", "--store", url]) == 0
    assert capsys.readouterr().out.endswith(f"schema {newest()}\n")


def test_hold_holds_what_has_the_present_schema(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hold", "--store", url]) == 1
    assert "run: python -m jobstore upgrade --store " in capsys.readouterr().err
    assert main(["upgrade", "--store", url]) == 0
    assert main(["hold", "--store", url]) == 0
    assert capsys.readouterr().out.endswith(": held\n")
    store = open_store(url)
    assert "python -m jobstore hold" in store.begin_term(1, "e", "n").held
    store.close()


@pytest.mark.parametrize("command", ["check", "upgrade", "hold"])
@pytest.mark.parametrize(
    ("store_url", "words"),
    [
        ("postgresql://u:secret@127.0.0.1:1/db", "127.0.0.1:1, database 'db'"),
        ("mysql://u:secret@h/db", "use postgresql://"),
        ("postgresql://u:secret@host.invalid/db", "host.invalid"),
    ],
)
def test_what_cannot_be_reached_is_one_line_without_the_password(
    command: str, store_url: str, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRONQUORUM_STORE", store_url)
    assert main([command]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert "secret" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "usage: python -m jobstore upgrade|check|hold --store URL"),
        (["upgrad"], "unknown command 'upgrad'; did you mean 'upgrade'?"),
        (["--store", "sqlite://"], "usage:"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check"], "--store"),
        (["check", "--stoer", "sqlite://"], "--store"),
        (["check", "--store", "sqlite://", "more"], "more"),
    ],
)
def test_wrong_flags(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRONQUORUM_STORE", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "upgrade" in capsys.readouterr().out


def test_settings_under_which_writes_can_be_lost_are_warned_of(capfd: pytest.CaptureFixture[str]) -> None:
    with PostgresServer(fsync="off", synchronous_commit="off") as server:
        assert main(["upgrade", "--store", server.url()]) == 0
        assert main(["check", "--store", server.url()]) == 0
    err = capfd.readouterr().err
    assert "set fsync = on" in err
    assert "set synchronous_commit = on" in err
    assert "superuser" in err
