"""Fixtures that every test may ask for; a server starts only when the first test asks."""

import itertools
import logging
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
import structlog
from kazoo.client import KazooClient

from cronquorum import logs
from tests.rig.certificates import Authority
from tests.rig.postgres import PostgresServer
from tests.rig.process import ManagedProcess
from tests.rig.zookeeper import ServerTls, ZooKeeperServer

# before gRPC is imported: its fork handlers crash a child that starts while channels are open, and the servers
# of the tests are started as another user, which takes a real fork
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

_numbers = itertools.count(1)


class Spawn(Protocol):
    """Starts a process that ends with the test at the latest."""

    def __call__(
        self, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None
    ) -> ManagedProcess: ...


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The session's PostgreSQL, shared: a test that stops or kills a server makes its own."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def zookeeper() -> Iterator[ZooKeeperServer]:
    """The session's ZooKeeper, shared: a test that stops, freezes or kills a server makes its own."""
    with ZooKeeperServer() as server:
        yield server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who has issued the certificate of the session's ZooKeeper with TLS."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls_zookeeper(authority: Authority) -> Iterator[ZooKeeperServer]:
    """The session's ZooKeeper with TLS, as ``localhost``, shared like the other one; 127.0.0.1 is not its name."""
    with ZooKeeperServer(tls=ServerTls(certificate=authority.issue("zookeeper", "localhost"))) as server:
        yield server


@contextmanager
def database_of(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database, which goes with the context."""
    name = f"test_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def pg_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of an empty database of this test's own."""
    with database_of(postgres) as url:
        yield url


def new_chroot(zookeeper: ZooKeeperServer) -> str:
    """A hosts string for kazoo that ends in an empty chroot, which exists."""
    chroot = f"/test-{next(_numbers)}"
    client = KazooClient(zookeeper.hosts)
    client.start(timeout=30)
    try:
        client.create(chroot)
    finally:
        client.stop()
        client.close()
    return f"{zookeeper.hosts}{chroot}"


@pytest.fixture
def zk_chroot(zookeeper: ZooKeeperServer) -> str:
    """A hosts string for kazoo that ends in an empty chroot of this test's own, which exists."""
    return new_chroot(zookeeper)


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start processes whose logs stand in ``tmp_path``; what is left of them is killed after the test."""
    started: list[ManagedProcess] = []

    def start(name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> ManagedProcess:
        process = ManagedProcess(name, command, log=tmp_path / f"{name}.log", env=env).start()
        started.append(process)
        return process

    yield start
    for process in reversed(started):
        process.close()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """What a test sets up of the logging (a program's `main` does) ends with it, as does the stream it wrote to."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in logs.OURS}
    configured = structlog.get_config()
    yield
    logs.unbind()
    logs.verbosity.debug = False
    if any(isinstance(each, logging.StreamHandler) and each not in handlers for each in root.handlers):
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, before in levels.items():
            logging.getLogger(name).setLevel(before)
        structlog.configure(**configured)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    ManagedProcess.of_this_test[:] = [each for each in ManagedProcess.of_this_test if not each.closed]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for process in ManagedProcess.of_this_test:
            fate = "running" if process.running else f"ended with {process.returncode}"
            report.sections.append((f"log of {process.name}, {fate}", process.tail()))
    return report
