"""Configuration: files, variables, addresses, and stores and coordinators that cannot be used."""

# ruff: noqa: E501 - tables have a row in a line

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest
from kazoo.client import KazooClient
from kazoo.security import make_digest_acl

from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from executor.__main__ import main as executor
from jobstore.__main__ import main as jobstore
from scheduler.__main__ import main as scheduler
from tests.bad_inputs.conftest import Ended, Program
from tests.bad_inputs.house import House
from tests.rig.ports import free_port
from tests.rig.postgres import PostgresServer
from tests.rig.waiting import eventually

Main = Callable[[list[str]], int]
UPGRADE = "run: python -m jobstore upgrade --store "


def said(ended: Ended, prog: str, *words: str, code: int = 1) -> None:
    """The program ended with one line, with these words in it."""
    assert (ended.code, ended.out) == (code, ""), ended
    (problem,) = ended.problems(prog)
    for part in words:
        assert part in problem


# ------------------------------------------------------------------------------------ files and variables

FILES = {
    "typo": (scheduler, 'seesion_timeout = "4s"', "config key 'seesion_timeout' in node.toml is unknown; did you mean 'session_timeout'?"),
    "flag-as-a-key": (scheduler, 'session-timeout = "4s"', "did you mean 'session_timeout'?"),
    "executor's-key": (scheduler, "slots = 3", "config key 'slots' in node.toml is unknown"),
    "unknown-table": (scheduler, "[default]\nrouting = 'random'", "config key 'default' in node.toml is unknown"),
    "typo-in-a-table": (scheduler, "[defaults]\nroting = 'x'", "config key 'defaults.roting' in node.toml is unknown; did you mean 'defaults.routing'?"),
    "a-number-for-a-length": (scheduler, "session_timeout = 4", "config key 'session_timeout' in node.toml: 4 is not a duration such as"),
    "nan": (scheduler, "retention = nan", "config key 'retention' in node.toml: nan is not a duration"),
    "kept-for-seconds": (scheduler, "retention = '59s'", "config key 'retention' in node.toml: '59s' is less than 1m"),
    "kept-for-a-number": (scheduler, "[retention]\nfailed = 30", "config key 'retention.failed' in node.toml: 30 is not a duration"),
    "failed-shorter": (scheduler, "[retention]\nfailed = '7d'", "failed: 7d is less than 30d of succeeded: what failed is kept as long, or longer"),
    "typo-of-retention": (scheduler, "[retention]\nsuceeded = '7d'", "config key 'retention.suceeded' in node.toml is unknown; did you mean 'retention.succeeded'?"),
    "namespace-for-a-number": (scheduler, "[retention.namespaces]\naudit = 3", "config key 'retention.namespaces' in node.toml: 3 is not a"),
    "true-for-a-number": (scheduler, "[limits]\nrunning = true", "config key 'limits.running' in node.toml: true is not what it takes"),
    "no-running": (scheduler, "[limits]\nrunning = 0", "config key 'limits.running' in node.toml: 0 is less than 1"),
    "strategy": (scheduler, "[defaults]\nrouting = 'leastloaded'", "routing: 'leastloaded' is not one of leastLoaded, roundRobin, random, consistentHash"),
    "failover": (scheduler, "[defaults]\nfailover = 'retry'", "failover: 'retry' is not one of rerun, fail"),
    "attempts": (scheduler, "[defaults]\nmax_attempts = 101", "config key 'defaults.max_attempts' in node.toml: 101 is more than 100"),
    "not-toml": (scheduler, "store: x", "node.toml line 1: not TOML: "),
    "key-twice": (scheduler, "lease = '1m'\nlease = '1m'", "node.toml line 2: not TOML: Cannot overwrite a value"),
    "deep": (scheduler, "x = " + "[" * 20_000, "node.toml: not TOML: "),
    "typo-of-an-executor": (executor, "slot = 3", "config key 'slot' in node.toml is unknown; did you mean 'slots'?"),
    "slots": (executor, "slots = -1", "config key 'slots' in node.toml: -1 is less than 1"),
    "slots-1e9": (executor, "slots = 1_000_000_000", "config key 'slots' in node.toml: 1000000000 is more than 10000"),
    "user-alone": (scheduler, "zookeeper_user = 'x'", "zookeeper_password_file: not given, but zookeeper_user is: both are needed, or none"),
    "password-alone": (executor, "zookeeper_password_file = 'x'", "zookeeper_user: not given, but zookeeper_password_file is: both are needed"),
    "user": (executor, "zookeeper_user = 'a:b'\nzookeeper_password_file = 'x'", "zookeeper_user: 'a:b' is not 1 to 64 letters, digits, and . _ @ - after the first"),
    "key-alone": (scheduler, "[zookeeper_tls]\nca = 'x'\nkey = 'x'", "zookeeper_tls.cert: not given, but key is: both are needed, or none"),
    "cert-without-a-ca": (executor, "[zookeeper_tls]\ncert = 'x'\nkey = 'x'", "zookeeper_tls.ca: not given: without it, no certificate of ZooKeeper's is believed"),
    "tls-for-true": (executor, "zookeeper_tls = true", "config key 'zookeeper_tls' in node.toml: true is not what it takes"),
    "typo-in-tls": (scheduler, "[zookeeper_tls]\ncert_file = 'x'", "config key 'zookeeper_tls.cert_file' in node.toml is unknown; did you mean 'zookeeper_tls.cert'?"),
    "kind": (executor, "kind = ['http']", "config key 'kind' in node.toml: 'http' is not 'shell', 'python' or 'kubernetes'"),
    "label-number": (executor, "label = {zone = 1}", "config key 'label' in node.toml: 1 is not a text"),
}  # fmt: skip


@pytest.mark.parametrize(("main", "content", "words"), FILES.values(), ids=FILES)
def test_a_bad_file_stops_the_start(
    main: Main, content: str, words: str, program: Program, in_empty_folder: Path
) -> None:
    Path("node.toml").write_text(content)
    flags = ["--store", "sqlite:///x"] if main is scheduler else []
    ended = program(main, "--zookeeper", "127.0.0.1:1", *flags, "--config", "node.toml")
    said(ended, "scheduler" if main is scheduler else "executor", words, code=2)


VARIABLES = {
    "CRONQUORUM_SEESION_TIMEOUT": ("4s", "is unknown; did you mean 'CRONQUORUM_SESSION_TIMEOUT'?"),
    "CRONQUORUM_LISTEN": ("0.0.0.0", "CRONQUORUM_LISTEN: '0.0.0.0' is not HOST:PORT"),
    "CRONQUORUM_INSECURE": ("perhaps", "CRONQUORUM_INSECURE: 'perhaps' is not true or false"),
    "CRONQUORUM_DEFAULTS__TIMEOUT": ("1", "CRONQUORUM_DEFAULTS__TIMEOUT: '1' is not a duration"),
    "CRONQUORUM_DEFAULTS": ("x", "CRONQUORUM_DEFAULTS is unknown"),
    "CRONQUORUM_LIMITS__RUNNING": ("-5", "CRONQUORUM_LIMITS__RUNNING: '-5' is less than 1"),
    "CRONQUORUM_ZOOKEEPER_USER": ("a b", "zookeeper_user: 'a b' is not 1 to 64 letters"),
    "CRONQUORUM_ZOOKEEPER_TLS_KEY": ("x", "zookeeper_tls.ca: not given"),
    "CRONQUORUM_ZOOKEEPER_TLS_KEYS": ("x", "is unknown; did you mean 'CRONQUORUM_ZOOKEEPER_TLS_KEY'?"),
    "CRONQUORUM_CONFIG": ("/nowhere.toml", "/nowhere.toml: no such file or directory"),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_a_bad_variable_stops_the_start(name: str, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    value, words = VARIABLES[name]
    monkeypatch.setenv(name, value)
    said(program(scheduler, "--store", "sqlite:///x", "--zookeeper", "127.0.0.1:1"), "scheduler", words, code=2)


def test_plugins_that_cannot_be_imported(
    program: Program, in_empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(in_empty_folder)
    Path("broken_plugin.py").write_text("def f(:\n")
    Path("raising_plugin.py").write_text("raise RuntimeError('first line\\nsecond line')\n")
    rows = {
        "no_such_plugin": "ModuleNotFoundError: No module named 'no_such_plugin'",
        "broken_plugin": "SyntaxError: ",
        "raising_plugin": "RuntimeError: first line",
        "": "ValueError: Empty module name",
        ".relative": "TypeError: ",
    }
    for plugin, words in rows.items():
        ended = program(scheduler, "--store", "sqlite:///x", "--zookeeper", "127.0.0.1:1", "--plugins", plugin)
        said(ended, "scheduler", f"--plugins: cannot import {plugin!r}: {words}")


# ------------------------------------------------------------------------------------------------ addresses


@pytest.fixture
def taken() -> Iterator[str]:
    """An address that somebody else listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def sqlite(program: Program, in_empty_folder: Path) -> str:
    """A store that is up to date."""
    assert program(jobstore, "upgrade", "--store", "sqlite:///store.sqlite").code == 0
    return "sqlite:///store.sqlite"


def test_ports_in_use(program: Program, sqlite: str, zk_chroot: str, taken: str) -> None:
    node = ["--store", sqlite, "--zookeeper", zk_chroot, "--metrics-listen", "127.0.0.1:0"]
    for main, prog, flags, words in (
        (
            scheduler,
            "scheduler",
            [*node, "--listen", taken],
            "address already in use, or not of this machine (set --listen)",
        ),
        (
            scheduler,
            "scheduler",
            [*node, "--listen", "127.0.0.1:0", "--metrics-listen", taken],
            "in use (set --metrics-listen)",
        ),
        (executor, "executor", ["--zookeeper", zk_chroot, "--listen", taken], ""),
    ):
        ended = program(main, *flags)
        (problem,) = ended.problems(prog)
        assert ended.code == 1
        assert problem.startswith(f"cannot listen on {taken}") and words in problem


def test_a_port_of_dev_in_use(house: House, in_empty_folder: Path) -> None:
    """A process, since `dev` changes signal handlers and the logging."""
    command = [sys.executable, "-m", "schedctl", "dev", "--listen", house.address]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    told = f"schedctl: cannot listen on {house.address}: address already in use, or not of this machine (set --listen)"
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1] == told  # behind what its executor logs


# ----------------------------------------------------------------------------------------------------- ZooKeeper

HOSTS = {
    "": "no host; right would be 'zk1:2181,zk2:2181/cronquorum'",
    "/cronquorum": "no host",
    "h:99999": "port '99999' of h is not in 1-65535",
    "h:0": "port '0' of h is not in 1-65535",
    "h:1,,h:2": "an empty host between commas",
    "ho st:1": "'ho st' is no host name",
    "h:1/a/../b": "'..' is no folder of a chroot",
    "h:1/zookeeper": "/zookeeper belongs to ZooKeeper itself",
    "http://h:1": "",
    "[::g]:1": "'[::g]:1' is no IPv6 address in brackets",
    "h:1/\u202e": r"'\u202e' is no folder of a chroot",
}


@pytest.mark.parametrize("hosts", HOSTS, ids=ascii)
def test_hosts_that_are_none(hosts: str, program: Program, sqlite: str) -> None:
    for main, prog, flags in ((scheduler, "scheduler", ["--store", sqlite]), (executor, "executor", [])):
        said(program(main, *flags, "--zookeeper", hosts), prog, "ZooKeeper hosts ", HOSTS[hosts])


def test_nobody_answers(program: Program, sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = ZooKeeperCoordinator.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "connect_timeout", timedelta(seconds=0.5))
    hosts = f"127.0.0.1:{free_port()}/here"
    told = f"no ZooKeeper answers at {hosts} within 0.5 s"
    ports = ["--listen", "127.0.0.1:0"]
    said(program(executor, "--zookeeper", hosts, *ports), "executor", told)
    node = ["--store", sqlite, *ports, "--metrics-listen", "127.0.0.1:0"]
    said(program(scheduler, "--zookeeper", hosts, *node), "scheduler", told)


def test_passwords_and_certificates_that_cannot_be_used(program: Program, sqlite: str, in_empty_folder: Path) -> None:
    Path("empty").touch()
    ports = ["--listen", "127.0.0.1:0"]
    node = ["--store", sqlite, *ports, "--metrics-listen", "127.0.0.1:0"]
    for main, prog, flags in ((executor, "executor", ports), (scheduler, "scheduler", node)):
        who = ["--zookeeper", "127.0.0.1:1/x", "--zookeeper-user", "me", "--zookeeper-password-file"]
        said(program(main, *who, "none", *flags), prog, "zookeeper_password_file: none: no such file or directory")
        said(program(main, *who, "empty", *flags), prog, "zookeeper_password_file: empty: is empty; right would be")
        said(
            program(main, *who[:2], "--zookeeper-tls-ca", "empty", *flags),
            prog,
            "zookeeper_tls.ca: empty: is not in PEM",
        )


def test_a_zookeeper_that_is_closed_to_us(program: Program, sqlite: str, zk_chroot: str, tmp_path: Path) -> None:
    chroot = zk_chroot[zk_chroot.index("/") :]
    with closing(KazooClient(zk_chroot[: zk_chroot.index("/")])) as client:
        client.start(30)
        client.set_acls(chroot, [make_digest_acl("other", "x", all=True)])
        client.stop()
    (tmp_path / "password").write_text("x")
    ports = ["--listen", "127.0.0.1:0"]
    node = ["--store", sqlite, *ports, "--metrics-listen", "127.0.0.1:0"]
    for main, prog, flags in ((executor, "executor", ports), (scheduler, "scheduler", node)):
        told = f"ZooKeeper at {zk_chroot} refuses to create {chroot}/election: its ACL is "
        said(
            program(main, "--zookeeper", zk_chroot, *flags),
            prog,
            told,
            "set zookeeper_user and zookeeper_password_file",
        )
        who = ["--zookeeper-user", "me", "--zookeeper-password-file", str(tmp_path / "password")]
        said(
            program(main, "--zookeeper", zk_chroot, *who, *flags),
            prog,
            told,
            "not for zookeeper_user 'me' with the pass",
        )


def test_a_zookeeper_that_is_none(program: Program, monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    """The address of something else: here, of a node's API."""
    defaults = ZooKeeperCoordinator.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "connect_timeout", timedelta(seconds=0.5))
    ended = program(executor, "--zookeeper", house.address, "--listen", "127.0.0.1:0")
    said(ended, "executor", f"no ZooKeeper answers at {house.address} within 0.5 s")


# --------------------------------------------------------------------------------------------------- the store

URLS = {
    "": "a store's URL without a scheme: use postgresql://USER@HOST:PORT/DATABASE, sqlite:///PATH",
    "store.sqlite": "a store's URL without a scheme",
    "mysql://u:secret@h/db": "mysql: is not a store: use postgresql://",
    "postgres://u:secret@h/db": "postgres: is not a store",
    "sqlite:store.sqlite": "three slashes before its path",
    "postgresql://u:secret@h:99999/db": "port that is not in 1-65535",
    "postgresql://u:secret@h/db?sslmod=require": 'invalid URI query parameter: "sslmod"',
    "postgresql://u:a@secret@h/db": "an '@' too many",
}


@pytest.mark.parametrize("url", URLS, ids=[url or "empty" for url in URLS])
def test_a_url_that_is_no_store(url: str, program: Program, in_empty_folder: Path) -> None:
    for main, prog, argv in (
        (jobstore, "python -m jobstore check", ["check", "--store", url]),
        (jobstore, "python -m jobstore upgrade", ["upgrade", "--store", url]),
        (scheduler, "scheduler", ["--store", url, "--zookeeper", "127.0.0.1:1"]),
    ):
        ended = program(main, *argv)
        *warnings, problem = ended.problems(prog)
        assert (ended.code, ended.out) == (1, "")
        assert all("a password in a flag" in warning for warning in warnings)
        assert URLS[url] in problem
        assert "secret" not in ended.err
    assert list(in_empty_folder.iterdir()) == []


def refused(program: Program, url: str, *words: str) -> None:
    """Neither the schema's own command nor a node takes this store; both say why."""
    said(program(jobstore, "check", "--store", url), "python -m jobstore check", *words)
    said(program(scheduler, "--store", url, "--zookeeper", "127.0.0.1:1"), "scheduler", *words)


def test_no_schema(program: Program, pg_url: str, in_empty_folder: Path) -> None:
    for url in (pg_url, "sqlite:///store.sqlite"):
        refused(program, url, "has no schema yet; " + UPGRADE + url)
    assert list(in_empty_folder.iterdir()) == [], "looking makes no file"


def test_a_schema_that_is_too_new(program: Program, sqlite: str, pg_url: str) -> None:
    import sqlite3

    assert program(jobstore, "upgrade", "--store", pg_url).code == 0
    statement = "UPDATE alembic_version SET version_num = '9999'"
    with closing(sqlite3.connect("store.sqlite")) as file, file:
        file.execute(statement)
    execute(pg_url, statement)
    for url in (sqlite, pg_url):
        newer = "has schema 9999, which is newer than this program's "
        refused(program, url, newer, "; run a newer cronquorum")
        said(program(jobstore, "upgrade", "--store", url), "python -m jobstore upgrade", newer)


def test_files_that_are_no_store(program: Program, in_empty_folder: Path) -> None:
    Path("text").write_text("hello, world; this is a text file and no database\n" * 100)
    Path("folder").mkdir()
    for path, words in {
        "text": "file is not a database",
        "folder": "unable to open database file",
        "/dev/full": "",
        "text/store.sqlite": "",
    }.items():
        for command in ("check", "upgrade"):
            said(
                program(jobstore, command, "--store", f"sqlite:///{path}"), f"python -m jobstore {command}", path, words
            )
    assert sorted(path.name for path in in_empty_folder.iterdir()) == ["folder", "text"]
    assert Path("text").read_text().startswith("hello")


def execute(url: str, *statements: str) -> None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    finally:
        connection.close()


@pytest.fixture
def stranger(postgres: PostgresServer, pg_url: str) -> Iterator[str]:
    """The URL of the test's database for a role without any rights, whose password is `right`."""
    name = pg_url.rpartition("/")[2]
    role = f"stranger_{name}"
    execute(pg_url, f"CREATE ROLE {role} LOGIN PASSWORD 'right'", "REVOKE CREATE ON SCHEMA public FROM public")
    yield f"postgresql://{role}@127.0.0.1:{postgres.port}/{name}"
    execute(pg_url, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_server_that_is_not_there(program: Program, in_empty_folder: Path) -> None:
    refused(program, f"postgresql://sched@127.0.0.1:{free_port()}/sched", "database 'sched'", "Connection refused")
    refused(program, "postgresql://sched@nobody.invalid/sched", "could not translate host name")


def test_a_database_or_a_role_that_is_not_there(program: Program, postgres: PostgresServer) -> None:
    here = f"127.0.0.1:{postgres.port}"
    refused(program, f"postgresql://postgres@{here}/nowhere", 'database "nowhere" does not exist')
    refused(program, f"postgresql://nobody@{here}/postgres", 'role "nobody" does not exist')


def test_a_wrong_password(
    program: Program, stranger: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    role, name = stranger.removeprefix("postgresql://").split("@")[0], stranger.rpartition("/")[2]
    (rules,) = query(postgres.url(), "SHOW hba_file")
    before = Path(rules).read_text()
    try:
        Path(rules).write_text(f"host {name} {role} 127.0.0.1/32 scram-sha-256\n{before}")
        query(postgres.url(), "SELECT pg_reload_conf()")
        with_password = stranger.replace(f"{role}@", f"{role}:wrong-one@")
        eventually(lambda: not lets_in(with_password), describe="the new rules are in force")
        monkeypatch.setenv("CRONQUORUM_STORE", with_password)
        told = f'password authentication failed for user "{role}"'
        said(program(jobstore, "check"), "python -m jobstore check", told)
        ended = program(scheduler, "--zookeeper", "127.0.0.1:1")
        said(ended, "scheduler", told)
        assert "wrong-one" not in ended.err
        said(program(jobstore, "check", "--store", stranger), "python -m jobstore check", "no password supplied")
    finally:
        Path(rules).write_text(before)
        query(postgres.url(), "SELECT pg_reload_conf()")


def lets_in(url: str) -> bool:
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def query(url: str, statement: str) -> tuple[str, ...]:
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row: tuple[str, ...] | None = cursor.fetchone()
            assert row is not None
            return row
    finally:
        connection.close()


def test_a_role_without_rights(program: Program, stranger: str, pg_url: str) -> None:
    said(program(jobstore, "upgrade", "--store", stranger), "python -m jobstore upgrade", "permission denied")
    assert program(jobstore, "upgrade", "--store", pg_url).code == 0
    refused(program, stranger, "permission denied")


def test_a_database_that_takes_no_writes(program: Program, pg_url: str, zk_chroot: str) -> None:
    assert program(jobstore, "upgrade", "--store", pg_url).code == 0
    name = pg_url.rpartition("/")[2]
    execute(pg_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    node = ["--zookeeper", zk_chroot, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]
    said(program(scheduler, "--store", pg_url, *node), "scheduler", "read-only")


def test_settings_that_lose_what_was_acknowledged_are_warned_of(
    program: Program, pg_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert program(jobstore, "upgrade", "--store", pg_url).code == 0
    execute(pg_url, f"ALTER DATABASE {pg_url.rpartition('/')[2]} SET synchronous_commit = off")
    assert program(jobstore, "check", "--store", pg_url).code == 0
    warnings = caplog.text
    assert "synchronous_commit is off: a crash loses what was acknowledged; set synchronous_commit = on" in warnings
    assert "the role is a superuser: give the scheduler one that only owns its tables" in warnings


def test_two_nodes_of_one_id(program: Program, sqlite: str, zk_chroot: str) -> None:
    """The second one waits for the session of the first to end, and says whose id it is when it does not."""
    command = [
        *(sys.executable, "-m", "scheduler", "--store", sqlite, "--zookeeper", zk_chroot, "--node-id", "one"),
        *("--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--session-timeout", "1s", "--lease", "3s"),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr is not None
        try:
            assert any("node started" in line for line in first.stderr)
            ended = program(scheduler, *command[3:])
        finally:
            first.kill()
    (problem,) = ended.problems("scheduler")
    assert ended.code == 1
    assert "/nodes/one is held by another live incarnation, at 127.0.0.1:" in problem
    assert problem.endswith("every member needs an id of its own")
