"""Coordinators over a ZooKeeper, a proxy before it, and an operator beside it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from cronquorum.clock import SystemClock
from cronquorum.coordination.access import Access
from cronquorum.coordination.tls import Tls
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from tests.contract.over_zookeeper import (
    Open,
    T,
    shell,
)
from tests.rig import Authority, TcpProxy, ZooKeeperServer

_numbers = itertools.count(1)


@pytest.fixture
async def make() -> AsyncIterator[Open]:
    """Makes coordinators, which are closed after the test."""
    made: list[ZooKeeperCoordinator] = []

    def one(hosts: str, session: float = T, **others: Any) -> ZooKeeperCoordinator:
        coordinator = ZooKeeperCoordinator(
            hosts, clock=SystemClock(), session_timeout=timedelta(seconds=session), **others
        )
        made.append(coordinator)
        return coordinator

    yield one
    await asyncio.gather(*(each.close() for each in made))


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """The password is `secret`."""
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text("secret\n")
    return file


@pytest.fixture
def access(password_file: Path, authority: Authority) -> Access:
    """As a user, over TLS."""
    return Access(user="cluster", password_file=password_file, tls=Tls(ca=authority.ca))


@pytest.fixture
def closed_chroot(tls_zookeeper: ZooKeeperServer) -> str:
    """The TLS port, and a chroot of this test's own, which nobody has made yet."""
    return f"localhost:{tls_zookeeper.secure_port}/closed/{next(_numbers)}"


@pytest.fixture
def proxy(zookeeper: ZooKeeperServer) -> Iterator[TcpProxy]:
    with TcpProxy(zookeeper.port) as proxy:
        yield proxy


@pytest.fixture
def through_proxy(proxy: TcpProxy, zk_chroot: str) -> str:
    return proxy.hosts + zk_chroot[zk_chroot.index("/") :]


@pytest.fixture
def operator(zk_chroot: str) -> Iterator[KazooClient]:
    """Somebody with a ZooKeeper shell in the chroot."""
    with shell(zk_chroot) as client:
        yield client
