"""The rig itself: real servers keep what they promised through kill -9, and networks break and heal."""

import contextlib
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import ConnectionLoss

from tests.conftest import Spawn
from tests.rig import (
    PostgresServer,
    TcpProxy,
    ZooKeeperEnsemble,
    ZooKeeperServer,
    eventually,
    eventually_async,
    free_port,
)
from tests.rig.process import is_alive

FROZEN_CLIENT = """
import sys, time
from kazoo.client import KazooClient
client = KazooClient(sys.argv[1], timeout=1.0)
client.add_listener(lambda state: print("state", state))
client.start()
client.create("/mine", ephemeral=True)
print("ready")
sys.stdin.read() or time.sleep(600)
"""

FAILING_TEST = """
def test_it(spawn):
    spawn("talker", ["echo", "last words"]).wait()
    assert False
"""

SERVER_WITHOUT_AN_END = """
import signal
from tests.rig import PostgresServer
server = PostgresServer().start()
print("postmaster", server.process.pid, server.process.log.parent)
signal.pause()
"""

REPOSITORY = Path(__file__).resolve().parents[1]


def run_sql(url: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def zookeeper_session(hosts: str, timeout: float = 4.0) -> Iterator[KazooClient]:
    client = KazooClient(hosts, timeout=timeout)
    client.start(timeout=30)
    try:
        yield client
    finally:
        client.stop()
        client.close()


def test_a_database_is_empty_and_takes_sql(pg_url: str) -> None:
    assert run_sql(pg_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]
    run_sql(pg_url, "CREATE TABLE word (text text)")
    run_sql(pg_url, "INSERT INTO word VALUES ('fire')")
    assert run_sql(pg_url, "SELECT text FROM word") == [("fire",)]
    assert run_sql(pg_url, "SHOW fsync") == [("on",)]


def test_a_database_is_made_from_a_template(postgres: PostgresServer) -> None:
    run_sql(postgres.create_database("pattern"), "CREATE TABLE word (text text)")
    copy = postgres.create_database("copy", template="pattern")
    assert run_sql(copy, "SELECT * FROM word") == []
    postgres.drop_database("copy")
    postgres.drop_database("pattern")


def test_postgres_keeps_what_was_committed_through_kill_9_and_each_way_of_stopping() -> None:
    with PostgresServer() as server:
        url = server.create_database("kept")
        run_sql(url, "CREATE TABLE word (text text)")
        run_sql(url, "INSERT INTO word VALUES ('fire')")
        with contextlib.closing(psycopg2.connect(url)) as bystander:
            server.kill()
            assert not server.process.running
            with pytest.raises(psycopg2.OperationalError), bystander.cursor() as cursor:
                cursor.execute("SELECT 1")
        server.start()
        server.stop("fast")
        server.start()
        server.stop("immediate")
        server.start()
        assert run_sql(url, "SELECT text FROM word") == [("fire",)]


def test_a_chroot_is_empty_and_holds_an_ephemeral_znode_as_long_as_its_session(zk_chroot: str) -> None:
    with zookeeper_session(zk_chroot) as watcher:
        assert watcher.get_children("/") == []
        with zookeeper_session(zk_chroot) as owner:
            owner.create("/mine", b"here", ephemeral=True)
            assert watcher.get("/mine")[0] == b"here"
        assert watcher.exists("/mine") is None


def test_a_frozen_client_loses_its_session(zk_chroot: str, spawn: Spawn) -> None:
    client = spawn("client", [sys.executable, "-c", FROZEN_CLIENT, zk_chroot])
    client.wait_for_line("^ready$")
    with zookeeper_session(zk_chroot) as watcher:
        assert watcher.exists("/mine")
        client.suspend()
        eventually(lambda: watcher.exists("/mine") is None, describe="the ephemeral znode is gone")
    client.resume()
    client.wait_for_line("^state LOST$")
    assert client.terminate() == -15


def test_zookeeper_keeps_its_data_and_its_sessions_through_kill_9() -> None:
    with ZooKeeperServer() as server, zookeeper_session(server.hosts, timeout=30.0) as client:
        assert server.ask("ruok") == "imok"
        client.create("/kept", b"fire")
        session = client.client_id
        server.kill()
        server.start()
        assert client.retry(client.get, "/kept")[0] == b"fire"
        assert client.client_id == session


def test_an_ensemble_outlives_its_leader() -> None:
    with ZooKeeperEnsemble(3) as ensemble, zookeeper_session(ensemble.hosts, timeout=30.0) as client:
        client.create("/kept", b"fire")
        first = ensemble.leader()
        assert len(ensemble.followers()) == 2
        first.kill()
        assert ensemble.leader() is not first
        client.retry(client.set, "/kept", b"still")
        ensemble.start()
        assert len(ensemble.followers()) == 2
        assert client.retry(client.get, "/kept")[0] == b"still"


def test_a_proxy_cuts_and_heals(pg_url: str, postgres: PostgresServer) -> None:
    with TcpProxy(postgres.port) as proxy:
        through = pg_url.replace(str(postgres.port), str(proxy.port))
        with contextlib.closing(psycopg2.connect(through)) as connection:
            assert proxy.connections == 1
            proxy.cut()
            assert proxy.connections == 0
            with pytest.raises(psycopg2.OperationalError), connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(through)
        proxy.heal()
        assert run_sql(through, "SELECT 1") == [(1,)]
        proxy.delay(0.05)
        assert run_sql(through, "SELECT 1") == [(1,)]


def test_a_blackhole_holds_bytes_back_until_the_network_heals(zookeeper: ZooKeeperServer) -> None:
    with TcpProxy(zookeeper.port) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
            eventually(lambda: proxy.connections == 1)
            proxy.blackhole()
            connection.sendall(b"ruok")
            connection.settimeout(0.3)
            with pytest.raises(TimeoutError):
                connection.recv(4)
            proxy.heal()
            connection.settimeout(15)
            assert connection.recv(4) == b"imok"
        eventually(lambda: proxy.connections == 0, describe="the connection is closed on both sides")


def test_an_answer_is_lost_to_a_request_that_was_carried_out(zk_chroot: str, zookeeper: ZooKeeperServer) -> None:
    with (
        TcpProxy(zookeeper.port) as proxy,
        zookeeper_session(zk_chroot) as watcher,
        zookeeper_session(zk_chroot.replace(str(zookeeper.port), str(proxy.port))) as client,
    ):
        proxy.blackhole(requests=False)
        answer = client.create_async("/made")
        eventually(lambda: watcher.exists("/made"), describe="the request was carried out")
        proxy.cut()
        with pytest.raises(ConnectionLoss):
            answer.get(timeout=15)
        proxy.heal()
        assert client.retry(client.exists, "/made")


async def test_waiting_says_what_it_last_saw() -> None:
    looks = iter([0, 0, 7])
    assert eventually(lambda: next(looks)) == 7
    with pytest.raises(AssertionError, match=r"not within 0.05 s: rain; last seen: ''"):
        eventually(str, timeout=0.05, describe="rain")

    async def dry() -> None:
        raise AssertionError("still dry")

    with pytest.raises(AssertionError, match=r"rain; last seen: AssertionError\('still dry'\)"):
        await eventually_async(dry, timeout=0.05, describe="rain")
    assert await eventually_async(lambda: "wet") == "wet"


def test_the_end_of_a_process_ends_the_wait_for_its_line(spawn: Spawn) -> None:
    process = spawn("mute", [sys.executable, "-c", "print('last words'); raise SystemExit(3)"])
    with pytest.raises(RuntimeError, match=r"(?s)mute .*exit status 3.*last words"):
        process.wait_for_line("never")


def test_servers_die_with_the_tests_that_started_them(spawn: Spawn) -> None:
    code = [sys.executable, "-c", SERVER_WITHOUT_AN_END]
    tests = spawn("tests", code, env={"PYTHONPATH": str(REPOSITORY)})
    postmaster, folder = tests.wait_for_line(r"^postmaster (\d+) (.*)$").groups()
    assert is_alive(int(postmaster))
    assert Path(folder).is_dir()
    tests.kill()
    eventually(lambda: not is_alive(int(postmaster)), describe="the server is gone")
    eventually(lambda: not Path(folder).exists(), describe="its data are gone")


def test_ports_differ() -> None:
    assert len({free_port() for _ in range(50)}) == 50


def test_a_failed_test_shows_the_logs_of_its_processes(spawn: Spawn, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_it.py").write_text(FAILING_TEST)
    pytest_of_its_own = spawn(
        "pytest",
        [
            sys.executable,
            "-m",
            "pytest",
            "-c",
            REPOSITORY / "pyproject.toml",
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        env={"PYTHONPATH": str(REPOSITORY)},
    )
    assert pytest_of_its_own.wait() == 1
    pytest_of_its_own.wait_for_line("-- log of talker, ended with 0 --+\nlast words\n")
