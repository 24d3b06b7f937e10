"""Contact with ZooKeeper, and the session: how it is made, lost and found again."""

import asyncio
import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from cronquorum.coordination import CoordinationError, Watch
from cronquorum.coordination.protocols import EXECUTORS, NODES
from tests.contract.over_zookeeper import (
    Open,
    T,
    expire,
    shell,
    started,
    zookeeper_threads,
)
from tests.contract.test_coordination import leads, member, running, shows
from tests.rig import TcpProxy, ZooKeeperEnsemble, ZooKeeperServer, eventually_async


async def test_start_raises_naming_the_hosts_when_nobody_answers_in_time(make: Open) -> None:
    coordinator = make("127.0.0.1:1,localhost:1/x", connect_timeout=timedelta(seconds=0.5))
    with pytest.raises(CoordinationError, match=r"127\.0\.0\.1:1,localhost:1/x within 0\.5 s"):
        await coordinator.start()
    assert zookeeper_threads() == []


async def test_start_gives_up_on_a_server_that_accepts_and_is_silent(
    make: Open, proxy: TcpProxy, through_proxy: str
) -> None:
    proxy.blackhole()
    coordinator = make(through_proxy, session=30, connect_timeout=timedelta(seconds=0.5))
    before = time.monotonic()
    with pytest.raises(CoordinationError, match=str(proxy.port)):
        await coordinator.start()
    assert time.monotonic() - before < 10, "the session timeout of 30 s is not waited for"
    assert zookeeper_threads() == []
    proxy.heal()
    await coordinator.start()  # it may be tried again


async def test_start_that_is_cancelled_leaves_nothing_behind(make: Open) -> None:
    async with running(make("127.0.0.1:1").start()) as starting:
        await eventually_async(zookeeper_threads)
        starting.cancel()
        await asyncio.wait({starting})
    assert zookeeper_threads() == []


async def test_start_makes_the_chroot_and_close_leaves_no_thread(zookeeper: ZooKeeperServer, make: Open) -> None:
    coordinator = make(f"{zookeeper.hosts}/of/somebody/new")
    await coordinator.start()
    await coordinator.announce(NODES, member())
    with shell(zookeeper.hosts) as operator:
        assert operator.get_children("/of/somebody/new/nodes") == ["node-1"]
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    assert any("announce" in name for name in tasks)
    await coordinator.close()
    assert zookeeper_threads() == []
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize(
    "hosts",
    [
        "",
        ":2181",
        "zk:0",
        "zk:70000",
        "zk:x",
        "zk,,zk",
        "zk/../x",
        "zk//x",
        "a b",
        "x" * 64,
        "[::1",
        "zk/zookeeper",
    ],
)
async def test_a_wrong_hosts_string_is_refused_by_the_constructor(make: Open, hosts: str) -> None:
    with pytest.raises(CoordinationError, match="ZooKeeper hosts"):
        make(hosts)


async def test_the_session_timeout_is_the_negotiated_one(
    make: Open, zk_chroot: str, caplog: pytest.LogCaptureFixture
) -> None:
    coordinator = make(zk_chroot, session=1000)
    assert coordinator.session_timeout == timedelta(seconds=1000)
    await coordinator.start()
    assert coordinator.session_timeout == timedelta(seconds=60)
    assert "'asked': 1000.0, 'granted': 60.0" in caplog.text


async def test_suspension_pauses_the_leader_and_is_no_end(make: Open, proxy: TcpProxy, through_proxy: str) -> None:
    coordinator = await started(make(through_proxy, session=10))
    candidacy = await coordinator.stand(me := member())
    watch = await coordinator.watch(NODES)
    registration = await coordinator.announce(NODES, me)
    await leads(candidacy)
    await shows(watch, me)
    proxy.cut()
    await eventually_async(lambda: not watch.connected())
    assert not candidacy.may_act()
    assert not await registration.prove()
    assert dict(watch.current()) == {me.id: me}, "silence is no departure"
    with pytest.raises(CoordinationError, match="no contact"):
        await coordinator.stand(member())
    proxy.heal()
    await eventually_async(candidacy.may_act)
    await eventually_async(registration.prove)
    await eventually_async(watch.connected)
    async with running(candidacy.ended()) as ending:
        assert (await candidacy.elected()).member == me
        assert not ending.done()


async def test_a_connection_that_answers_nothing_is_left_though_requests_are_made_on_it(
    make: Open, proxy: TcpProxy, through_proxy: str
) -> None:
    coordinator = await started(make(through_proxy))
    registration, watch = await coordinator.announce(NODES, member()), await coordinator.watch(NODES)
    proxy.blackhole()
    asked: list[asyncio.Task[bool]] = []
    last = 0.0

    def left() -> bool:
        nonlocal last
        if time.monotonic() - last > T / 8:  # more often than kazoo would ping
            last = time.monotonic()
            asked.append(asyncio.create_task(registration.prove()))
        return not watch.connected()

    await eventually_async(left, 4 * T)
    assert not any(await asyncio.gather(*asked))


async def test_nobody_acts_on_a_frozen_zookeeper_and_all_goes_on_when_it_wakes(make: Open) -> None:
    with ZooKeeperServer() as server:
        coordinator = await started(make(server.hosts, session=8))
        candidacy = await coordinator.stand(member())
        await leads(candidacy)
        server.suspend()
        frozen = time.monotonic()
        await eventually_async(lambda: not candidacy.may_act())
        assert time.monotonic() - frozen < 8
        server.resume()
        await eventually_async(candidacy.may_act)


async def test_a_lost_session_ends_the_candidacy_and_the_announcement_is_made_again(make: Open, zk_chroot: str) -> None:
    coordinator = await started(make(zk_chroot))
    observer = await started(make(zk_chroot))
    candidacy = await coordinator.stand(member())
    registration = await coordinator.announce(EXECUTORS, me := member("executor-1"))
    own_watch, watch = await coordinator.watch(EXECUTORS), await observer.watch(EXECUTORS)
    await leads(candidacy)
    for _ in range(2):
        await asyncio.to_thread(expire, coordinator, zk_chroot)
        await eventually_async(registration.prove)
        await shows(watch, me)
    assert await asyncio.wait_for(candidacy.ended(), 1) == "the session was lost"
    assert not candidacy.may_act()
    newcomer = member("executor-2")
    await observer.announce(EXECUTORS, newcomer)
    await shows(own_watch, me, newcomer)
    await leads(await coordinator.stand(member()))


async def test_a_client_whose_thread_died_is_replaced_at_once_and_the_session_goes_on(
    make: Open, zk_chroot: str
) -> None:
    coordinator = await started(make(zk_chroot, session=10))
    candidacy = await coordinator.stand(member())
    await leads(candidacy)
    claim = await candidacy.elected()
    client = coordinator._session._client
    assert client is not None
    client._stopped.set()  # so its thread ends, without farewell to the session
    client.drop()
    await eventually_async(lambda: not candidacy.may_act())
    await eventually_async(candidacy.may_act)
    async with running(candidacy.ended()) as ending:
        assert await candidacy.elected() == claim
        assert not ending.done()


async def test_a_client_that_is_replaced_does_not_take_its_session_with_it(
    make: Open, zk_chroot: str, operator: KazooClient
) -> None:
    coordinator = await started(make(zk_chroot, session=30))
    registration = await coordinator.announce(NODES, member())
    before = operator.exists("/nodes/node-1")
    coordinator._session._replace_client()
    await eventually_async(registration.prove)
    await asyncio.gather(*coordinator._session._disposals)
    assert operator.exists("/nodes/node-1").ephemeralOwner == before.ephemeralOwner
    assert await registration.prove()


async def test_all_is_made_again_when_somebody_deletes_everything(
    make: Open, zk_chroot: str, operator: KazooClient
) -> None:
    coordinator = await started(make(zk_chroot))
    registration = await coordinator.announce(EXECUTORS, me := member("executor-1"))
    watch = await coordinator.watch(EXECUTORS)
    candidacy = await coordinator.stand(member())
    claim = await candidacy.elected()
    for folder in ("/executors", "/election", "/nodes", "/ensemble"):
        operator.delete(folder, recursive=True)
    await asyncio.wait_for(candidacy.ended(), 10)
    await eventually_async(registration.prove)
    await shows(watch, me)
    successor = await coordinator.stand(leader := member())
    assert (await asyncio.wait_for(successor.elected(), 10)).ensemble != claim.ensemble
    await eventually_async(lambda: coordinator.leader() == leader)


async def test_a_frozen_server_is_left_for_another_one_within_the_session(make: Open) -> None:
    with ZooKeeperEnsemble() as ensemble:
        followers = ensemble.followers()
        coordinator = await started(make(",".join(each.hosts for each in followers), session=8))
        candidacy = await coordinator.stand(member())
        await leads(candidacy)
        mine = next(each for each in followers if "sid=0x" in each.ask("cons"))
        mine.suspend()
        await eventually_async(lambda: not candidacy.may_act())
        await eventually_async(candidacy.may_act)
        mine.resume()


async def test_a_server_without_a_quorum_that_is_read_only_is_none(make: Open) -> None:
    with ZooKeeperEnsemble(3, jvm=("-Dreadonlymode.enabled=true",)) as ensemble:
        coordinator = await started(make(f"{ensemble.hosts}/x", session=10))
        registration = await coordinator.announce(NODES, member())
        last, *others = ensemble.members
        for each in others:
            each.kill()
        await eventually_async(lambda: last.mode() == "read-only")
        client = coordinator._session._client
        assert client is not None
        client.handler.failure = ""
        refusal = f"{last.port}: socket connection broken: perhaps it does not serve now"
        await eventually_async(lambda: refusal in coordinator._session.failure)
        assert not await registration.prove()
        await asyncio.to_thread(ensemble.start)
        await eventually_async(registration.prove)


async def test_a_zookeeper_that_went_back_to_a_backup_is_found_again(make: Open, tmp_path: Path) -> None:
    with ZooKeeperServer() as server:
        coordinator = await started(make(server.hosts))
        registration = await coordinator.announce(EXECUTORS, me := member("executor-1"))
        watch = await coordinator.watch(EXECUTORS)
        server.stop()
        shutil.copytree(server.data, tmp_path / "backup")
        server.start()
        await eventually_async(registration.prove)
        for _ in range(20):
            await registration.prove()  # contact has now seen later states than the backup has
        server.stop()
        shutil.rmtree(server.data)
        shutil.copytree(tmp_path / "backup", server.data)
        server.start()
        await eventually_async(registration.prove, 30)
        await eventually_async(watch.connected, 30)
        await shows(watch, me)
        await leads(await coordinator.stand(member()))


async def test_watches_and_announcements_survive_a_restart(make: Open) -> None:
    with ZooKeeperServer() as server:
        coordinator = await started(make(server.hosts))
        registration = await coordinator.announce(EXECUTORS, me := member("executor-1"))
        watch: Watch = await coordinator.watch(EXECUTORS)
        for crash in (False, True):
            server.kill() if crash else server.stop()
            await eventually_async(lambda: not watch.connected())
            server.start()
            await eventually_async(registration.prove, 30)
        newcomer = member("executor-2")
        await coordinator.announce(EXECUTORS, newcomer)
        await shows(watch, me, newcomer)


async def test_withdrawing_without_contact_returns_and_is_done_when_contact_is_back(
    make: Open, proxy: TcpProxy, through_proxy: str, operator: KazooClient
) -> None:
    coordinator = await started(make(through_proxy, session=10))
    candidacy = await coordinator.stand(member())
    registration = await coordinator.announce(NODES, member())
    watch = await coordinator.watch(NODES)
    await leads(candidacy)
    proxy.cut()
    await eventually_async(lambda: not watch.connected())
    await asyncio.wait_for(asyncio.gather(candidacy.withdraw(), registration.withdraw()), 1)
    assert operator.get_children("/election")
    proxy.heal()
    await eventually_async(lambda: not operator.get_children("/election") + operator.get_children("/nodes"))
    await shows(watch)
