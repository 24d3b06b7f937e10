"""The contract in `cronquorum/coordination/protocols.py`, sentence by sentence, over both implementations.

That of ZooKeeper is also checked over TLS, with an ACL on every znode.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cronquorum.clock import SystemClock
from cronquorum.coordination import (
    Candidacy,
    CoordinationError,
    Coordinator,
    Member,
    Watch,
)
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.coordination.protocols import EXECUTORS, NODES
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from tests.rig import eventually_async

Connect = Callable[[], Awaitable[Coordinator]]

_numbers = itertools.count(1)


def member(id: str = "node-1", **changes: Any) -> Member:
    """One of a new incarnation."""
    number = next(_numbers)
    return replace(
        Member(id=id, incarnation=f"life-{number}", address=f"10.0.0.1:{7000 + number}", facts={"lease": "15s"}),
        **changes,
    )


@pytest.fixture(params=["inprocess", "zookeeper", "zookeeper, closed"])
def new(request: pytest.FixtureRequest) -> Callable[[], Coordinator]:
    """Makes coordinators of one ensemble, that are not started."""
    if request.param == "inprocess":
        first = InProcessCoordinator()
        return lambda: InProcessCoordinator(beside=first)
    if request.param == "zookeeper, closed":
        hosts, access = request.getfixturevalue("closed_chroot"), request.getfixturevalue("access")
        return lambda: ZooKeeperCoordinator(hosts, clock=SystemClock(), access=access)
    hosts = request.getfixturevalue("zk_chroot")
    return lambda: ZooKeeperCoordinator(hosts, clock=SystemClock(), session_timeout=timedelta(seconds=4))


@pytest.fixture
async def connect(new: Callable[[], Coordinator]) -> AsyncIterator[Connect]:
    """Starts coordinators of one ensemble; they are closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start() -> Coordinator:
            coordinator = new()
            stack.push_async_callback(coordinator.close)
            await coordinator.start()
            return coordinator

        yield start


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def shows(watch: Watch, *members: Member) -> None:
    """Wait until the watch shows these members, and no other."""
    expected = {each.id: each for each in members}
    while watch.current() != expected:
        await asyncio.wait_for(watch.changed(), 15)


async def leads(candidacy: Candidacy) -> None:
    """Wait until a candidate is elected, and may act."""
    await asyncio.wait_for(candidacy.elected(), 15)
    await eventually_async(candidacy.may_act)


async def led_by(coordinator: Coordinator, member: Member | None) -> None:
    await eventually_async(lambda: coordinator.leader() == member)


# --- standing in line


async def test_elected_returns_when_this_candidate_is_first_in_line(connect: Connect) -> None:
    me = member()
    claim = await (await (await connect()).stand(me)).elected()
    assert claim.member == me
    assert claim.ensemble


async def test_one_stands_in_line_as_the_last(connect: Connect) -> None:
    coordinator = await connect()
    first = await coordinator.stand(member("zzz"))
    second = await coordinator.stand(member("aaa"))
    await first.elected()
    async with running(second.elected()) as waiting:
        await leads(first)
        assert not waiting.done()


async def test_candidates_become_first_in_the_order_in_which_they_stood(connect: Connect) -> None:
    coordinators = [await connect(), await connect()]
    members = [member(f"node-{9 - number}") for number in range(5)]
    line = [await coordinators[number % 2].stand(each) for number, each in enumerate(members)]
    elected: list[str] = []

    async def serve(candidacy: Candidacy) -> None:
        elected.append((await candidacy.elected()).member.id)
        await candidacy.withdraw()

    await asyncio.wait_for(asyncio.gather(*(serve(each) for each in reversed(line))), 20)
    assert elected == [each.id for each in members]


async def test_one_in_the_middle_who_leaves_makes_nobody_first(connect: Connect) -> None:
    coordinator = await connect()
    first, second, third = [await coordinator.stand(member(f"node-{number}")) for number in range(3)]
    await second.withdraw()
    async with running(third.elected()) as waiting:
        await leads(first)
        assert not waiting.done()
        await first.withdraw()
        await asyncio.wait_for(waiting, 10)


async def test_a_candidacy_that_has_ended_before_is_never_elected_and_says_why(connect: Connect) -> None:
    coordinator = await connect()
    await coordinator.stand(member())
    second = await coordinator.stand(member("node-2"))
    async with running(second.elected()) as waiting:
        await second.withdraw()
        with pytest.raises(CoordinationError, match=r"node-2.*withdrawn"):
            await asyncio.wait_for(waiting, 10)
    with pytest.raises(CoordinationError, match=r"node-2.*withdrawn"):
        await second.elected()


async def test_elected_may_be_cancelled_and_asked_again(connect: Connect) -> None:
    coordinator = await connect()
    first, second = await coordinator.stand(member()), await coordinator.stand(member("node-2"))
    async with running(second.elected()):
        await leads(first)
    await first.withdraw()
    assert (await asyncio.wait_for(second.elected(), 10)).member.id == "node-2"


async def test_the_order_is_greater_for_every_later_candidate_of_the_same_ensemble(connect: Connect) -> None:
    orders, ensembles = [], set()
    for coordinator in (await connect(), await connect()):
        for _ in range(3):
            candidacy = await coordinator.stand(member())
            claim = await asyncio.wait_for(candidacy.elected(), 10)
            orders.append(claim.order)
            ensembles.add(claim.ensemble)
            await candidacy.withdraw()
    assert orders == sorted(set(orders))
    assert len(ensembles) == 1


async def test_nobody_may_act_before_the_election(connect: Connect) -> None:
    coordinator = await connect()
    first, second = await coordinator.stand(member()), await coordinator.stand(member("node-2"))
    await leads(first)
    assert not second.may_act()


async def test_one_may_act_while_contact_is_proven(connect: Connect) -> None:
    candidacy = await (await connect()).stand(member())
    await candidacy.elected()
    assert candidacy.may_act()


async def test_once_ended_one_may_never_act(connect: Connect) -> None:
    candidacy = await (await connect()).stand(member())
    await leads(candidacy)
    async with running(candidacy.withdraw()) as withdrawing:
        while not withdrawing.done():
            await asyncio.wait({withdrawing}, timeout=0)
            assert not candidacy.may_act()
    assert not candidacy.may_act()


async def test_ended_returns_with_the_reason_when_the_candidacy_has_ended(connect: Connect) -> None:
    candidacy = await (await connect()).stand(member())
    async with running(candidacy.ended()) as waiting:
        await leads(candidacy)
        assert not waiting.done()
        await candidacy.withdraw()
        assert await asyncio.wait_for(waiting, 10) == "withdrawn"
    assert await candidacy.ended() == "withdrawn"


async def test_an_ended_candidate_is_never_first_again(connect: Connect) -> None:
    coordinator = await connect()
    me = member()
    ended = await coordinator.stand(me)
    await leads(ended)
    await ended.withdraw()
    again = await coordinator.stand(me)
    await leads(again)
    assert not ended.may_act()
    with pytest.raises(CoordinationError):
        await ended.elected()


async def test_withdraw_lets_the_next_one_be_first_without_waiting_for_a_timeout(connect: Connect) -> None:
    first = await (await connect()).stand(member())
    second = await (await connect()).stand(member("node-2"))
    await leads(first)
    await first.withdraw()
    await asyncio.wait_for(second.elected(), 2)  # seconds: half of a session timeout


async def test_withdraw_is_idempotent(connect: Connect) -> None:
    coordinator = await connect()
    candidacy = await coordinator.stand(member())
    await asyncio.gather(candidacy.withdraw(), candidacy.withdraw())
    await candidacy.withdraw()
    await coordinator.close()
    await candidacy.withdraw()


async def test_one_cannot_stand_without_contact(new: Callable[[], Coordinator]) -> None:
    coordinator = new()
    with pytest.raises(CoordinationError):
        await coordinator.stand(member())
    await coordinator.start()
    await coordinator.close()
    with pytest.raises(CoordinationError):
        await coordinator.stand(member())


# --- who leads, and the ensemble's id


async def test_leader_is_who_is_first_in_line_and_none_when_nobody_is(connect: Connect) -> None:
    coordinator, observer = await connect(), await connect()
    assert observer.leader() is None
    members = [member("node-1"), member("node-2")]
    line = [await coordinator.stand(each) for each in members]
    for place in (coordinator, observer):
        await led_by(place, members[0])
    await line[0].withdraw()
    for place in (coordinator, observer):
        await led_by(place, members[1])
    await line[1].withdraw()
    for place in (coordinator, observer):
        await led_by(place, None)


async def test_replace_ensemble_gives_a_new_random_id_if_it_is_still_the_one_seen(connect: Connect) -> None:
    coordinator, other = await connect(), await connect()
    candidacy = await coordinator.stand(member())
    old = (await candidacy.elected()).ensemble
    new = await coordinator.replace_ensemble(old)
    assert new not in ("", old)
    assert await other.replace_ensemble(old) == new, "somebody has replaced it before: his id is in force"
    await candidacy.withdraw()
    assert (await (await other.stand(member())).elected()).ensemble == new


# --- being there


async def test_a_member_that_is_announced_is_seen_as_he_is(connect: Connect) -> None:
    me = member("executor-1", facts={"lease": "15s", "größe": "groß"})
    watch = await (await connect()).watch(EXECUTORS)
    await (await connect()).announce(EXECUTORS, me)
    await shows(watch, me)


async def test_an_id_that_another_live_incarnation_holds_is_refused(
    connect: Connect,
) -> None:
    coordinator = await connect()
    holder, twin = member("executor-1"), member("executor-1")
    registration = await coordinator.announce(EXECUTORS, holder)
    watch = await coordinator.watch(EXECUTORS)
    for place in (coordinator, await connect()):
        with pytest.raises(CoordinationError, match=rf"executor-1 .*{holder.address}"):
            await place.announce(EXECUTORS, twin)
    assert await registration.prove()
    assert dict(watch.current()) == {holder.id: holder}


async def test_the_entry_of_an_incarnation_that_is_known_to_be_dead_is_taken_over(connect: Connect) -> None:
    holder, successor = member("executor-1"), member("executor-1")
    registration = await (await connect()).announce(EXECUTORS, holder)
    place = await connect()
    watch = await place.watch(EXECUTORS)
    with pytest.raises(CoordinationError):
        await place.announce(EXECUTORS, successor, ["somebody else's"])
    later = await place.announce(EXECUTORS, successor, [holder.incarnation])
    await shows(watch, successor)
    assert await later.prove()
    assert not await registration.prove()


async def test_the_same_incarnation_may_announce_itself_again(connect: Connect) -> None:
    coordinator = await connect()
    me = member()
    await coordinator.announce(NODES, me)
    moved = replace(me, address="10.0.0.2:7400")
    registration = await coordinator.announce(NODES, moved)
    assert await registration.prove()
    await shows(await coordinator.watch(NODES), moved)
    await registration.withdraw()
    assert (await coordinator.watch(NODES)).current() == {}


async def test_the_same_id_may_be_in_each_folder(connect: Connect) -> None:
    coordinator = await connect()
    node, executor = member("host-1"), member("host-1")
    await coordinator.announce(NODES, node)
    await coordinator.announce(EXECUTORS, executor)
    assert dict((await coordinator.watch(NODES)).current()) == {"host-1": node}
    assert dict((await coordinator.watch(EXECUTORS)).current()) == {"host-1": executor}


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "a/b"},
        {"id": ".."},
        {"id": "x" * 129},
        {"incarnation": "a b"},
        {"address": "localhost"},
        {"address": "localhost:0"},
        {"address": "0.0.0.0:7400"},
        {"facts": {"a": "x" * 70_000}},
    ],
    ids=repr,
)
async def test_a_member_that_nobody_could_use_is_refused(connect: Connect, changes: dict[str, Any]) -> None:
    coordinator = await connect()
    wrong = member(**changes)
    with pytest.raises(CoordinationError):
        await coordinator.announce(NODES, wrong)
    with pytest.raises(CoordinationError):
        await coordinator.stand(wrong)
    registration = await coordinator.announce(NODES, member(wrong.id if "id" not in changes else "node-1"))
    with pytest.raises(CoordinationError):
        await registration.update(wrong)
    assert await registration.prove()


async def test_folders_that_nobody_watches_are_refused(connect: Connect) -> None:
    coordinator = await connect()
    with pytest.raises(CoordinationError, match="election"):
        await coordinator.announce("election", member())
    with pytest.raises(CoordinationError, match="nodes, executors"):
        await coordinator.watch("exekutors")


async def test_prove_is_true_while_the_announcement_is_there(connect: Connect) -> None:
    registration = await (await connect()).announce(EXECUTORS, member())
    assert await registration.prove()
    assert all(await asyncio.gather(*(registration.prove() for _ in range(20))))
    await registration.withdraw()
    assert not await registration.prove()


async def test_update_replaces_what_is_announced(connect: Connect) -> None:
    coordinator = await connect()
    me = member()
    registration = await coordinator.announce(NODES, me)
    watch = await (await connect()).watch(NODES)
    for lease in ("20s", "30s"):
        me = replace(me, facts={"lease": lease}, address="10.0.0.2:7400")
        await registration.update(me)
        assert dict((await coordinator.watch(NODES)).current()) == {me.id: me}
        await shows(watch, me)
    assert await registration.prove()


async def test_update_keeps_the_id(connect: Connect) -> None:
    coordinator = await connect()
    me = member()
    registration = await coordinator.announce(NODES, me)
    with pytest.raises(CoordinationError, match="node-2"):
        await registration.update(replace(me, id="node-2"))
    assert dict((await coordinator.watch(NODES)).current()) == {me.id: me}


async def test_withdraw_takes_the_announcement_back_at_once(connect: Connect) -> None:
    coordinator = await connect()
    registration = await coordinator.announce(NODES, member())
    await registration.withdraw()
    assert (await coordinator.watch(NODES)).current() == {}
    await (await connect()).announce(NODES, member())  # the id is free


async def test_withdrawing_an_announcement_is_idempotent(connect: Connect) -> None:
    coordinator = await connect()
    registration = await coordinator.announce(NODES, member())
    await asyncio.gather(registration.withdraw(), registration.withdraw())
    await registration.withdraw()
    successor = member()
    await coordinator.announce(NODES, successor)
    await registration.withdraw()
    assert dict((await coordinator.watch(NODES)).current()) == {successor.id: successor}
    await coordinator.close()
    await registration.withdraw()


# --- seeing who is there


async def test_current_is_filled_when_watch_returns(connect: Connect) -> None:
    coordinator = await connect()
    members = [member(f"executor-{number}") for number in range(100)]
    await asyncio.gather(*(coordinator.announce(EXECUTORS, each) for each in members))
    watch = await (await connect()).watch(EXECUTORS)
    assert dict(watch.current()) == {each.id: each for each in members}
    assert watch.connected()


async def test_a_member_that_went_and_every_change_shows_soon(connect: Connect) -> None:
    coordinator, watch = await connect(), await (await connect()).watch(EXECUTORS)
    first, second = member("executor-1"), member("executor-2")
    one, two = await coordinator.announce(EXECUTORS, first), await coordinator.announce(EXECUTORS, second)
    await shows(watch, first, second)
    await one.withdraw()
    await shows(watch, second)
    changed = replace(second, facts={"lease": "1m"})
    await two.update(changed)
    await shows(watch, changed)
    reborn = member("executor-1")
    await coordinator.announce(EXECUTORS, reborn)
    await shows(watch, reborn, changed)


async def test_changed_returns_when_current_has_changed_since_last_it_returned(connect: Connect) -> None:
    coordinator, watch = await connect(), await (await connect()).watch(EXECUTORS)
    first = member("executor-1")
    registration = await coordinator.announce(EXECUTORS, first)
    await asyncio.wait_for(watch.changed(), 10)
    assert dict(watch.current()) == {first.id: first}
    async with running(watch.changed()) as waiting:
        for _ in range(10):
            assert await registration.prove()
        await coordinator.announce(NODES, member())
        await (await coordinator.watch(EXECUTORS)).close()
        assert not waiting.done(), "proofs of contact, and other folders, change nothing"
        await registration.withdraw()
        await asyncio.wait_for(waiting, 10)
    assert watch.current() == {}


async def test_what_current_returned_stays_as_it_was(connect: Connect) -> None:
    coordinator = await connect()
    watch = await coordinator.watch(NODES)
    before = watch.current()
    await coordinator.announce(NODES, member())
    await asyncio.wait_for(watch.changed(), 10)
    assert before == {}


async def test_a_closed_watch_sees_nothing_more_and_is_not_connected(connect: Connect) -> None:
    coordinator = await connect()
    watch, other = await coordinator.watch(NODES), await coordinator.watch(NODES)
    await watch.close()
    await watch.close()
    me = member()
    await coordinator.announce(NODES, me)
    await shows(other, me)
    assert watch.current() == {}
    assert not watch.connected()


async def test_who_waits_for_a_change_is_told_that_the_watch_is_closed(connect: Connect) -> None:
    coordinator = await connect()
    watches = [await coordinator.watch(NODES) for _ in range(2)]
    async with running(watches[0].changed()) as one, running(watches[1].changed()) as two:
        await watches[0].close()
        with pytest.raises(CoordinationError, match="closed"):
            await asyncio.wait_for(one, 10)
        assert not two.done()
        await coordinator.close()
        with pytest.raises(CoordinationError, match="closed"):
            await asyncio.wait_for(two, 10)


# --- the end


async def test_close_ends_candidacies_and_announcements_of_this_coordinator_only(connect: Connect) -> None:
    leaving, staying = await connect(), await connect()
    mine, theirs = member("node-1"), member("node-2")
    first, second = await leaving.stand(mine), await staying.stand(theirs)
    registration = await leaving.announce(NODES, mine)
    kept = await staying.announce(NODES, theirs)
    watch = await staying.watch(NODES)
    await leads(first)
    await leaving.close()
    assert "closed" in await asyncio.wait_for(first.ended(), 1)
    assert not first.may_act()
    await asyncio.wait_for(second.elected(), 2)
    await shows(watch, theirs)
    assert not await registration.prove()
    assert await kept.prove()


async def test_close_is_idempotent(connect: Connect) -> None:
    coordinator = await connect()
    await coordinator.stand(member())
    await asyncio.gather(coordinator.close(), coordinator.close())
    await coordinator.close()
    assert coordinator.leader() is None


async def test_close_before_the_start_does_nothing(new: Callable[[], Coordinator]) -> None:
    await new().close()
