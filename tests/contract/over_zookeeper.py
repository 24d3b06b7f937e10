"""What tests of the coordinator over ZooKeeper share."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kazoo.client import KazooClient

from cronquorum.coordination import Candidacy, CoordinationError
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from tests.conftest import Spawn
from tests.contract.test_coordination import member

T = 2.0
"""Seconds of a session: short, since most tests here wait for the end of one."""

Open = Callable[..., ZooKeeperCoordinator]


@contextlib.contextmanager
def shell(hosts: str, **options: Any) -> Iterator[KazooClient]:
    client = KazooClient(hosts, **options)
    client.start(timeout=30)
    try:
        yield client
    finally:
        client.stop()
        client.close()


async def started(coordinator: ZooKeeperCoordinator) -> ZooKeeperCoordinator:
    await coordinator.start()
    return coordinator


def expire(coordinator: ZooKeeperCoordinator, hosts: str) -> None:
    """End its session, as ZooKeeper does: by taking it over, and closing it."""
    client = coordinator._session._client
    assert client is not None
    with shell(hosts, client_id=client.client_id, timeout=T):
        pass


def zookeeper_threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("zookeeper")]


async def standing(coordinator: ZooKeeperCoordinator) -> Candidacy | None:
    try:
        return await coordinator.stand(member())
    except CoordinationError:
        return None


CANDIDATE = """
import asyncio, sys
from datetime import timedelta
from cronquorum.clock import SystemClock
from cronquorum.coordination import Member
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator

async def main():
    clock = SystemClock()
    coordinator = ZooKeeperCoordinator(sys.argv[1], clock=clock, session_timeout=timedelta(seconds=2))
    await coordinator.start()
    candidacy = await coordinator.stand(Member(id="process", incarnation="one", address="localhost:1"))
    await coordinator.announce("nodes", candidacy.member)
    await candidacy.elected()
    print("elected")
    ended = asyncio.create_task(candidacy.ended())
    acted = None
    while True:
        acts = candidacy.may_act()
        if acts != acted:
            print("acts" if acts else "pauses")
            acted = acts
        if ended is not None and ended.done():
            print("ended:", ended.result())
            ended = None
        await clock.sleep(0.002)

asyncio.run(main())
"""


def candidate_process(spawn: Spawn, hosts: str) -> Any:
    root = Path(__file__).resolve().parents[2]
    return spawn("candidate", [sys.executable, "-c", CANDIDATE, hosts], {"PYTHONPATH": str(root)})
