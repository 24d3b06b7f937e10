"""Whoever waits for an execution, or watches executions."""

import asyncio
from dataclasses import replace

import pytest

from jobstore.model import Execution
from jobstore.states import State
from scheduler.errors import NotLeading, Overloaded, SetAside
from scheduler.leader import hub as module
from scheduler.leader.hub import Hub
from tests.scheduler.building import NOW, execution
from tests.scheduler.fake_clock import turns


def done(row: Execution) -> Execution:
    return replace(row, state=State.SUCCEEDED, ended=NOW, check_at=None)


def everything(_: Execution) -> bool:
    return True


async def test_whoever_waits_gets_the_end_and_nothing_before() -> None:
    hub, row = Hub(), execution()
    waiting = [asyncio.create_task(hub.final(row.id)) for _ in range(2)]
    await turns()
    hub.publish(replace(row, state=State.RUNNING))
    hub.publish(done(execution()))
    await turns()
    assert not any(task.done() for task in waiting)
    hub.publish(done(row))
    assert await asyncio.gather(*waiting) == [done(row)] * 2
    assert hub._waiting == {}


async def test_a_record_is_told_with_the_first_commit_or_with_why_there_is_none() -> None:
    hub, row, refused, late = Hub(), execution(), execution(), execution()
    recorded, other, last = (hub.recorded(each.id) for each in (row, refused, late))
    hub.publish(row)
    hub.publish(done(row))
    hub.give_up(refused.id, SetAside("the store refused it"))
    hub.close()
    assert await recorded == row
    with pytest.raises(SetAside, match="the store refused it"):
        await other
    with pytest.raises(NotLeading):
        await last
    with pytest.raises(NotLeading):
        hub.recorded(row.id)
    assert hub._recording == {}


async def test_whoever_waits_for_what_is_set_aside_is_told() -> None:
    hub, row = Hub(), execution()
    waiting = asyncio.create_task(hub.final(row.id))
    await turns()
    hub.give_up(row.id, SetAside("the store refused it"))
    with pytest.raises(SetAside, match="the store refused it"):
        await waiting
    assert hub._waiting == {}


async def test_whoever_stops_waiting_leaves_nothing_behind() -> None:
    hub, row = Hub(), execution()
    first, second = (asyncio.create_task(hub.final(row.id)) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    hub.publish(done(row))
    assert await second == done(row)
    third = asyncio.create_task(hub.final(row.id))
    await turns()
    third.cancel()
    await turns()
    assert hub._waiting == {}


async def test_a_watcher_gets_what_matches_in_order() -> None:
    hub, mine, other = Hub(), execution(job="mine"), execution(job="other")
    with hub.watch(lambda row: row.job == "mine") as watcher:
        for each in (mine, other, done(mine)):
            hub.publish(each)
        assert [await watcher.next(), await watcher.next()] == [mine, done(mine)]
        following = asyncio.create_task(watcher.next())
        await turns()
        assert not following.done()
        hub.publish(other)
        hub.publish(mine)
        assert await following == mine
    hub.publish(mine)
    assert hub._watchers == []


async def test_a_watcher_who_lags_behind_is_ended_and_what_it_has_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LONGEST_BACKLOG", 3)
    hub = Hub()
    with hub.watch(everything) as slow, hub.watch(everything) as quick:
        rows = [execution() for _ in range(5)]
        for row in rows:
            hub.publish(row)
            assert await quick.next() is row
        assert [await slow.next() for _ in range(3)] == rows[:3]
        with pytest.raises(Overloaded, match="the watcher is more than 3 changes behind"):
            await slow.next()


async def test_too_many_watchers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WATCHERS", 1)
    hub = Hub()
    refused = pytest.raises(Overloaded, match="1 watchers are here already")
    with hub.watch(everything), refused, hub.watch(everything):
        pass
    with hub.watch(everything):
        pass


async def test_when_the_term_ends_everybody_is_told() -> None:
    hub, row = Hub(), execution()
    waiting = asyncio.create_task(hub.final(row.id))
    with hub.watch(everything) as watcher:
        hub.publish(row)
        following = asyncio.create_task(hub.final(execution().id))
        await turns()
        hub.close()
        assert await watcher.next() is row  # what it had is not lost
        with pytest.raises(NotLeading):
            await watcher.next()
    for task in (waiting, following):
        with pytest.raises(NotLeading, match="this node stopped leading"):
            await task
    with pytest.raises(NotLeading):
        await hub.final(row.id)
    with pytest.raises(NotLeading), hub.watch(everything):
        pass
