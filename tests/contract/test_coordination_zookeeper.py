"""What only a coordinator over a network can do wrong: silence, lost sessions, lost answers, strange data."""

import asyncio
import contextlib
import json
import shutil
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from kazoo.client import KazooClient

from cronquorum.clock import SystemClock
from cronquorum.coordination import Candidacy, CoordinationError, Member, Watch
from cronquorum.coordination.protocols import EXECUTORS, NODES
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from tests.conftest import Spawn
from tests.contract.test_coordination import leads, member, running, shows
from tests.rig import TcpProxy, ZooKeeperEnsemble, ZooKeeperServer, eventually_async

T = 2.0
"""Seconds of a session: short, since most tests here wait for the end of one."""

Open = Callable[..., ZooKeeperCoordinator]


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


# --- connecting


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


async def test_the_session_timeout_is_the_negotiated_one(make: Open, zk_chroot: str) -> None:
    coordinator = make(zk_chroot, session=1000)
    assert coordinator.session_timeout == timedelta(seconds=1000)
    await coordinator.start()
    assert coordinator.session_timeout == timedelta(seconds=60)


# --- silence, and lost sessions


async def test_silence_takes_the_leader_out_and_the_next_one_never_acts_beside_him(
    make: Open, proxy: TcpProxy, through_proxy: str, zk_chroot: str
) -> None:
    cut_off, other = await started(make(through_proxy)), await started(make(zk_chroot))
    first = await cut_off.stand(member("node-1"))
    second = await other.stand(member("node-2"))
    await leads(first)
    before = time.monotonic()
    proxy.blackhole()
    silent = time.monotonic()

    def second_acts() -> bool:
        now = time.monotonic()
        acts = first.may_act()
        assert not (acts and second.may_act()), "two leaders"
        if acts and now > silent + T / 2:
            raise RuntimeError(f"acts {now - silent} s after the last contact")
        return second.may_act()

    async with running(first.ended()) as ending:
        await eventually_async(second_acts, 30)
        reason = await asyncio.wait_for(ending, T)
    assert time.monotonic() - before < 3 * T
    assert "proof of contact" in reason or "session was lost" in reason
    proxy.heal()
    again = await eventually_async(lambda: standing(cut_off), 30)
    await second.withdraw()
    await leads(again)
    assert not first.may_act()


async def standing(coordinator: ZooKeeperCoordinator) -> Candidacy | None:
    try:
        return await coordinator.stand(member())
    except CoordinationError:
        return None


async def test_silence_of_a_whole_session_ends_the_candidacy_without_any_word_from_zookeeper(
    make: Open, proxy: TcpProxy, through_proxy: str
) -> None:
    coordinator = await started(make(through_proxy))
    candidacy = await coordinator.stand(member())
    await leads(candidacy)
    proxy.cut()
    assert await asyncio.wait_for(candidacy.ended(), 2 * T) == "no proof of contact for a whole session timeout"


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


async def test_a_deleted_entry_ends_the_candidacy_at_once(make: Open, zk_chroot: str, operator: KazooClient) -> None:
    coordinator = await started(make(zk_chroot, session=60))
    candidacy = await coordinator.stand(member())
    await leads(candidacy)
    for name in operator.get_children("/election"):
        operator.delete(f"/election/{name}")
    # seconds: the next proof of contact would find out after ten
    assert await asyncio.wait_for(candidacy.ended(), 5) == "its entry is gone"
    assert not candidacy.may_act()
    await leads(await coordinator.stand(member()))


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


# --- other processes


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


async def test_a_killed_leader_is_replaced_within_a_session_timeout(make: Open, zk_chroot: str, spawn: Spawn) -> None:
    process = candidate_process(spawn, zk_chroot)
    await asyncio.to_thread(process.wait_for_line, "^acts$")
    candidacy = await (await started(make(zk_chroot))).stand(member())
    process.kill()
    killed = time.monotonic()
    await asyncio.wait_for(candidacy.elected(), 30)
    assert time.monotonic() - killed < 3 * T


async def test_a_frozen_leader_that_wakes_never_acts_again(make: Open, zk_chroot: str, spawn: Spawn) -> None:
    process = candidate_process(spawn, zk_chroot)
    await asyncio.to_thread(process.wait_for_line, "^acts$")
    candidacy = await (await started(make(zk_chroot))).stand(member())
    process.suspend()
    before = process.output()
    await asyncio.wait_for(candidacy.elected(), 30)
    process.resume()
    await asyncio.to_thread(process.wait_for_line, "^ended: ")
    woken = process.output().removeprefix(before)
    assert "pauses" in woken
    assert "acts" not in woken
    assert candidacy.may_act()


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


async def test_a_leader_whose_event_loop_is_stuck_is_replaced(make: Open, zk_chroot: str) -> None:
    stuck, release = threading.Event(), threading.Event()
    acts: list[bool] = []

    async def lead() -> None:
        coordinator = make(zk_chroot)
        await coordinator.start()
        candidacy = await coordinator.stand(member())
        await candidacy.elected()
        stuck.set()
        release.wait(60)  # this is what blocks the loop
        acts.append(candidacy.may_act())
        await candidacy.ended()
        acts.append(candidacy.may_act())
        await coordinator.close()

    thread = threading.Thread(target=asyncio.run, args=(lead(),))
    thread.start()
    try:
        await asyncio.to_thread(stuck.wait, 30)
        candidacy = await (await started(make(zk_chroot))).stand(member())
        await asyncio.wait_for(candidacy.elected(), 30)
    finally:
        release.set()
        await asyncio.to_thread(thread.join)
    assert acts == [False, False]


async def test_a_leader_whose_event_loop_was_closed_is_replaced(make: Open, zk_chroot: str) -> None:
    forgotten = make(zk_chroot)

    async def lead_and_forget() -> None:
        await forgotten.start()
        await leads(await forgotten.stand(member()))

    await asyncio.to_thread(asyncio.run, lead_and_forget())
    candidacy = await (await started(make(zk_chroot))).stand(member())
    await asyncio.wait_for(candidacy.elected(), 30)
    await forgotten.close()


# --- lost answers


async def test_an_entry_whose_answer_was_lost_is_found_again(
    make: Open, proxy: TcpProxy, through_proxy: str, operator: KazooClient
) -> None:
    coordinator = await started(make(through_proxy, session=10))
    await eventually_async(lambda: coordinator.leader() is None)
    proxy.blackhole(requests=False)
    async with running(coordinator.stand(member())) as standing:
        await eventually_async(lambda: operator.get_children("/election"))
        proxy.cut()
        proxy.heal()
        candidacy: Candidacy = await asyncio.wait_for(standing, 10)
    await leads(candidacy)
    assert len(operator.get_children("/election")) == 1
    await candidacy.withdraw()
    assert operator.get_children("/election") == []


async def test_an_entry_whose_answer_never_comes_does_not_stay_in_line(
    make: Open, proxy: TcpProxy, through_proxy: str, operator: KazooClient
) -> None:
    coordinator = await started(make(through_proxy, session=10))
    proxy.blackhole(requests=False)
    async with running(coordinator.stand(member())) as standing:
        await eventually_async(lambda: operator.get_children("/election"))
        standing.cancel()
        await asyncio.wait({standing})
    proxy.cut()
    proxy.heal()
    await eventually_async(lambda: operator.get_children("/election") == [])


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


# --- strange data


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


async def test_lasting_and_unnumbered_znodes_do_not_stand_in_line(
    make: Open, zk_chroot: str, operator: KazooClient
) -> None:
    coordinator = await started(make(zk_chroot))
    operator.create("/election/junk-", b"{}", sequence=True)
    operator.create("/election/junk", b"{}")
    candidacy = await coordinator.stand(me := member())
    assert await asyncio.wait_for(candidacy.elected(), 10)
    await eventually_async(lambda: coordinator.leader() == me)


async def test_an_unreadable_leader_is_none(make: Open, zk_chroot: str, operator: KazooClient) -> None:
    coordinator = await started(make(zk_chroot))
    assert coordinator.leader() is None
    operator.create("/election/stranger-", b"{}", sequence=True, ephemeral=True)
    candidacy = await coordinator.stand(member())
    async with running(candidacy.elected()) as waiting:
        operator.get_children("/election")
        await coordinator.watch(NODES)
        assert not waiting.done()
        assert coordinator.leader() is None


async def test_an_unreadable_ensemble_id_is_replaced(make: Open, zk_chroot: str, operator: KazooClient) -> None:
    coordinator = await started(make(zk_chroot))
    operator.set("/ensemble", b"\x00\xff")
    claim = await (await coordinator.stand(member())).elected()
    assert operator.get("/ensemble")[0].decode() == claim.ensemble
    assert claim.ensemble.isalnum()


# --- other servers


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
