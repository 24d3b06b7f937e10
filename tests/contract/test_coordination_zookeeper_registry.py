"""What only a registry over a network can do wrong: lost sessions, lost answers, strange data."""

import asyncio
import json
from dataclasses import replace

import pytest
from kazoo.client import KazooClient

from cronquorum.coordination import CoordinationError, Member
from cronquorum.coordination.protocols import EXECUTORS, NODES
from tests.conftest import Spawn
from tests.contract.over_zookeeper import (
    Open,
    candidate_process,
    started,
)
from tests.contract.test_coordination import member, running, shows
from tests.rig import TcpProxy, eventually_async


async def test_an_announcement_comes_back_after_its_session_was_cut_off_for_long(
    make: Open, proxy: TcpProxy, through_proxy: str, zk_chroot: str
) -> None:
    coordinator, observer = await started(make(through_proxy)), await started(make(zk_chroot))
    watch = await observer.watch(EXECUTORS)
    registration = await coordinator.announce(EXECUTORS, me := member("executor-1"))
    await shows(watch, me)
    proxy.blackhole()
    await shows(watch)
    moved = replace(me, address="10.0.0.2:7500")
    await asyncio.wait_for(registration.update(moved), 10)
    proxy.heal()
    await shows(watch, moved)
    await eventually_async(registration.prove)


async def test_a_deleted_announcement_is_made_again(make: Open, zk_chroot: str, operator: KazooClient) -> None:
    coordinator = await started(make(zk_chroot))
    await coordinator.announce(EXECUTORS, me := member("executor-1"))
    watch = await coordinator.watch(EXECUTORS)
    for _ in range(3):
        operator.delete("/executors/executor-1")
        await eventually_async(lambda: operator.exists("/executors/executor-1"))
    await shows(watch, me)


async def test_proofs_of_an_announcement_wake_nobody(make: Open, zk_chroot: str, operator: KazooClient) -> None:
    registration = await (await started(make(zk_chroot))).announce(EXECUTORS, member("executor-1"))
    events: list[object] = []
    operator.get("/executors/executor-1", watch=events.append)
    before = operator.exists("/executors/executor-1").mzxid, operator.last_zxid
    for _ in range(3):
        assert await registration.prove()
    operator.sync("/")
    assert operator.exists("/executors/executor-1").mzxid == before[0]
    assert operator.last_zxid >= before[1] + 3, "each is a transaction"
    assert events == []


async def test_a_process_that_comes_back_under_its_id_waits_for_its_old_session_to_end(
    make: Open, zk_chroot: str, spawn: Spawn
) -> None:
    process = candidate_process(spawn, zk_chroot)
    await asyncio.to_thread(process.wait_for_line, "^elected$")
    process.kill()
    coordinator = await started(make(zk_chroot))
    reborn = member("process")
    await coordinator.announce(NODES, reborn)
    assert dict((await coordinator.watch(NODES)).current()) == {"process": reborn}


async def test_an_announcement_whose_answer_was_lost_is_found_again(
    make: Open, proxy: TcpProxy, through_proxy: str, operator: KazooClient
) -> None:
    coordinator = await started(make(through_proxy, session=10))
    proxy.blackhole(requests=False)
    async with running(coordinator.announce(NODES, me := member())) as announcing:
        await eventually_async(lambda: operator.get_children("/nodes"))
        made = operator.exists("/nodes/node-1").czxid
        proxy.cut()
        proxy.heal()
        registration = await asyncio.wait_for(announcing, 10)
    assert await registration.prove()
    assert operator.exists("/nodes/node-1").czxid == made
    assert dict((await coordinator.watch(NODES)).current()) == {me.id: me}


def record(**changes: object) -> bytes:
    fields = {"id": "bad", "incarnation": "i", "address": "10.0.0.1:7500", "facts": {}}
    return json.dumps({**fields, **changes}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b"[" * 50_000,
        b"9" * 10_000,
        record(id="another"),
        record(id=None),
        record(incarnation=7),
        record(incarnation=""),
        record(address="10.0.0.1"),
        record(address="10.0.0.1:0"),
        record(address="10.0.0.1:70000"),
        record(address="10.0.0.1:\u0667\u0665"),
        record(address="0.0.0.0:7500"),
        record(address="0:7500"),
        record(address="[::]:7500"),
        record(address="[nonsense]:7500"),
        record(address=["10.0.0.1", 7500]),
        record(facts=[]),
        record(facts={"slots": 16}),
        record(facts={"name": "\ud800"}),
        record(facts={"much": "x" * 65_536}),
    ],
    ids=lambda data: repr(data[:60]),
)
async def test_a_bad_member_is_ignored_and_said_once(
    make: Open, zk_chroot: str, operator: KazooClient, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = await started(make(zk_chroot))
    operator.create("/executors/bad", data)
    watch = await coordinator.watch(EXECUTORS)
    await coordinator.announce(EXECUTORS, good := member("good"))
    operator.set("/executors/bad", data)
    await coordinator.announce(EXECUTORS, other := member("other"))
    await shows(watch, good, other)
    events = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    told = [event for event in events if event.get("path", "").endswith("/executors/bad")]
    assert len(told) == 1, events
    assert told[0]["error"]
    operator.set("/executors/bad", record())
    mended = Member(id="bad", incarnation="i", address="10.0.0.1:7500")
    await shows(watch, good, other, mended)
    operator.set("/executors/bad", data)
    await shows(watch, good, other)


async def test_keys_of_a_later_version_are_no_fault(make: Open, zk_chroot: str, operator: KazooClient) -> None:
    watch = await (await started(make(zk_chroot))).watch(EXECUTORS)
    operator.create("/executors/bad", record(zone="a", address="[::1]:7500"))
    await shows(watch, Member(id="bad", incarnation="i", address="[::1]:7500"))


async def test_a_lasting_znode_in_the_place_of_a_member_is_said_at_once(
    make: Open, zk_chroot: str, operator: KazooClient
) -> None:
    coordinator = await started(make(zk_chroot, session=30))
    operator.create("/executors/executor-1", b"")
    with pytest.raises(CoordinationError, match=r"/executors/executor-1 .*delete it"):
        await asyncio.wait_for(coordinator.announce(EXECUTORS, member("executor-1")), 10)
