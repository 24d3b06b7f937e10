"""What only an election over a network can do wrong: silence, deaths, lost answers, strange entries."""

import asyncio
import threading
import time

import pytest
from kazoo.client import KazooClient

from cronquorum.coordination import Candidacy
from cronquorum.coordination.protocols import NODES
from tests.conftest import Spawn
from tests.contract.over_zookeeper import (
    Open,
    T,
    candidate_process,
    standing,
    started,
)
from tests.contract.test_coordination import leads, member, running
from tests.rig import TcpProxy, ZooKeeperServer, eventually_async


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
        assert time.monotonic() - before < 3 * T
        assert not ending.done(), "nobody has told it so far"
        proxy.heal()
        assert await asyncio.wait_for(ending, 30) == "the session was lost"
    again = await eventually_async(lambda: standing(cut_off), 30)
    await second.withdraw()
    await leads(again)
    assert not first.may_act()


@pytest.mark.parametrize("thread_dies", [False, True])
async def test_a_candidacy_outlives_a_silence_that_its_session_outlives(make: Open, thread_dies: bool) -> None:
    with ZooKeeperServer() as server:
        coordinator = await started(make(server.hosts, session=4))  # to connect again within
        candidacy = await coordinator.stand(member())
        await leads(candidacy)
        claim = await candidacy.elected()
        server.kill()
        async with running(candidacy.ended()) as ending:
            client = coordinator._session._client
            assert client is not None
            if thread_dies:
                await asyncio.to_thread(client.stop)
            await eventually_async(lambda: coordinator._session._client is not client, 30)
            assert not candidacy.may_act()
            server.start()
            await eventually_async(candidacy.may_act, 30)
            assert not ending.done()
        assert await candidacy.elected() == claim


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
