"""The one writer of a term, on a real store."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from jobstore.changes import Change, MoveExecution, NewExecution
from jobstore.errors import BadChange, StaleTerm, StoreUnavailable
from jobstore.model import DueTrigger, Execution, Term
from jobstore.sql.store import SqlStore
from jobstore.states import State
from scheduler.errors import NotLeading, Overloaded
from scheduler.leader import writer as module
from scheduler.leader.writer import Writer
from scheduler.metrics import NodeMetrics
from tests.scheduler.building import execution
from tests.scheduler.fake_clock import FakeClock, turns, until


class Gate:
    """A job store that tells what it was asked to commit, and can be made to wait, or to fail."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.commits: list[list[Change]] = []
        self.fails: list[Exception | None] = []
        self.open = threading.Event()
        self.open.set()

    def commit(self, term: Term, changes: Sequence[Change]) -> None:
        self.commits.append(list(changes))
        assert self.open.wait(20)
        if self.fails and (error := self.fails.pop(0)) is not None:
            raise error
        self.store.commit(term, changes)

    def probe(self) -> datetime:
        return self.store.probe()

    def begin_term(self, order: int, ensemble: str, node_id: str, at_least: int = 0) -> Term:
        return self.store.begin_term(order, ensemble, node_id, at_least)

    def due(self, before: datetime, after: tuple[datetime, UUID] | None, limit: int) -> list[DueTrigger]:
        return self.store.due(before, after, limit)

    def open_executions(self, after: UUID | None, limit: int) -> list[Execution]:
        return self.store.open_executions(after, limit)

    def close(self) -> None:
        self.store.close()


class Desk:
    """A writer with its store, and a log of what it called back."""

    def __init__(self, store: SqlStore, clock: FakeClock) -> None:
        self.gate = Gate(store)
        self.store = store
        self.may_act = True
        self.term = store.begin_term(1, "e", "node-1")
        self.writer = Writer(self.gate, self.term, clock, lambda: self.may_act, NodeMetrics())
        self.log: list[str] = []
        self.run: asyncio.Task[None] | None = None

    def submit(self, name: str, *changes: Change) -> None:
        self.writer.submit(
            changes,
            lambda: self.log.append(f"{name} committed"),
            lambda error: self.log.append(f"{name} refused: {type(error).__name__}"),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        self.run = task = asyncio.create_task(self.writer.run())
        try:
            yield task
        finally:
            self.gate.open.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.writer.close()

    def names(self) -> list[str]:
        return [row.job for row in self.store.open_executions(None, 1000)]


@pytest.fixture
def desk(store: SqlStore, clock: FakeClock) -> Desk:
    return Desk(store, clock)


def new(name: str, **changes: Any) -> NewExecution:
    """A manual execution: no second one is in its way."""
    return NewExecution(execution(job=name, trigger_uid=None, **changes))


def impossible(name: str) -> MoveExecution:
    """A move of an execution that is not there."""
    return MoveExecution(replace(execution(job=name), state=State.DISPATCHED))


async def test_what_gathers_while_a_commit_is_under_way_goes_into_the_next_one(desk: Desk) -> None:
    async with desk.running():
        desk.gate.open.clear()
        desk.submit("a", new("a"))
        await until(lambda: desk.gate.commits)
        for name in "bcd":
            desk.submit(name, new(name), new(name))
        assert len(desk.writer) == 3
        assert desk.log == []
        desk.gate.open.set()
        await until(lambda: len(desk.log) == 4)
    assert [len(commit) for commit in desk.gate.commits] == [1, 6]
    assert desk.log == ["a committed", "b committed", "c committed", "d committed"]
    assert desk.names() == ["a", "b", "b", "c", "c", "d", "d"]


async def test_alone_a_change_waits_for_nobody(desk: Desk) -> None:
    async with desk.running():
        for name in "ab":
            await desk.writer.write([new(name)])
    assert [len(commit) for commit in desk.gate.commits] == [1, 1]


async def test_a_commit_has_a_largest_size_and_order_is_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_COMMIT", 10)
    rows = [new(f"job-{number}") for number in range(25)]
    for number, row in enumerate(rows):
        desk.submit(f"{number}", row)
    async with desk.running():
        await desk.writer.drained()
    assert [len(commit) for commit in desk.gate.commits] == [10, 10, 5]
    assert [change for commit in desk.gate.commits for change in commit] == rows
    assert desk.log == [f"{number} committed" for number in range(25)]


@pytest.mark.parametrize("bad", [{0}, {7}, {12}, {3, 4}, {0, 6, 12}, set(range(13))])
async def test_a_bad_batch_is_halved_until_each_offender_stands_alone(desk: Desk, bad: set[int]) -> None:
    for number in range(13):
        name = f"job-{number:02}"
        desk.submit(name, new(name), *([impossible(name)] if number in bad else []))
    async with desk.running():
        await desk.writer.drained()
    assert desk.log == [
        f"job-{number:02} {'refused: BadChange' if number in bad else 'committed'}" for number in range(13)
    ]
    # a unit is written whole or not at all
    assert desk.names() == [f"job-{number:02}" for number in range(13) if number not in bad]


async def test_one_offender_in_a_thousand_costs_few_commits(desk: Desk) -> None:
    for number in range(1000):
        name = f"job-{number}"
        desk.submit(name, impossible(name) if number == 617 else new(name))
    async with desk.running():
        await desk.writer.drained()
    assert len(desk.gate.commits) <= 21
    assert [line for line in desk.log if "refused" in line] == ["job-617 refused: BadChange"]
    assert len(desk.log) == 1000


async def test_a_write_that_is_refused_raises_and_nothing_of_it_is_written(desk: Desk) -> None:
    async with desk.running():
        with pytest.raises(BadChange):
            await desk.writer.write([new("a"), impossible("a")])
        await desk.writer.write([new("b")])
    assert desk.names() == ["b"]


async def test_a_write_of_a_term_that_is_over_ends_the_run_and_everybody_is_told(desk: Desk) -> None:
    async with desk.running() as run:
        desk.gate.open.clear()
        under_way = [asyncio.create_task(desk.writer.write([new("a")])) for _ in range(3)]
        desk.submit("b", new("b"))
        await until(lambda: desk.gate.commits)
        waiting = asyncio.create_task(desk.writer.write([new("c")]))
        asked = asyncio.create_task(desk.writer.read(desk.names))
        await turns()
        desk.store.begin_term(2, "e", "node-2")
        desk.gate.open.set()
        await until(run.done)
        with pytest.raises(StaleTerm, match="epoch 1 is over: the present one is 2"):
            run.result()
        desk.writer.close()
        # those whose commit failed as well as those behind it
        for task in (*under_way, waiting, asked):
            with pytest.raises(NotLeading):
                await asyncio.wait_for(task, 5)
    assert desk.log == ["b refused: NotLeading"]
    assert desk.names() == []


async def test_a_lost_store_in_the_middle_of_halving_ends_the_run_and_everybody_is_told(desk: Desk) -> None:
    desk.gate.fails = [None, None, StoreUnavailable("gone")]  # whole, first half, and the second half
    writes = [asyncio.create_task(desk.writer.write([new("a")])) for _ in range(2)]
    await turns()
    desk.submit("bad", impossible("bad"))
    desk.submit("c", new("c"))
    async with desk.running() as run:
        await until(run.done)
        with pytest.raises(StoreUnavailable):
            run.result()
        desk.writer.close()
        assert await asyncio.gather(*writes) == [None, None]
    assert desk.log == ["bad refused: NotLeading", "c refused: NotLeading"]


async def test_when_the_run_is_cancelled_in_a_commit_or_a_read_whoever_waits_is_told(desk: Desk) -> None:
    async with desk.running():
        desk.gate.open.clear()
        writing = asyncio.create_task(desk.writer.write([new("a")]))
        await until(lambda: desk.gate.commits)
    with pytest.raises(NotLeading):
        await asyncio.wait_for(writing, 5)


async def test_a_read_that_is_under_way_when_the_run_is_cancelled_is_answered(desk: Desk) -> None:
    begun, end = threading.Event(), threading.Event()

    def ask() -> bool:
        begun.set()
        return end.wait(20)

    async with desk.running():
        asked = asyncio.create_task(desk.writer.read(ask))
        await until(begun.is_set)
    end.set()
    with pytest.raises(NotLeading):
        await asyncio.wait_for(asked, 5)


async def test_a_read_is_asked_behind_everything_submitted_before(desk: Desk) -> None:
    async with desk.running():
        answers = []
        for count in range(1, 4):
            desk.submit("x", new("x"))
            answers.append(asyncio.create_task(desk.writer.read(desk.names)))
            await asyncio.gather(answers[-1])
            assert len(answers[-1].result()) == count
        desk.gate.open.clear()
        desk.submit("y", new("y"))
        early = asyncio.create_task(desk.writer.read(desk.names))
        await turns()
        desk.submit("z", new("z"))
        late = asyncio.create_task(desk.writer.read(desk.names))
        await turns()
        assert not early.done()
        desk.gate.open.set()
        assert await early == ["x", "x", "x", "y"]
        assert await late == ["x", "x", "x", "y", "z"]


async def test_a_question_that_fails_is_the_askers_alone(desk: Desk) -> None:
    def ask() -> None:
        raise StoreUnavailable("for this one")

    async with desk.running() as run:
        with pytest.raises(StoreUnavailable, match="for this one"):
            await desk.writer.read(ask)
        await desk.writer.write([new("a")])
        assert not run.done()


async def test_nothing_is_committed_while_the_leader_may_not_act(desk: Desk, clock: FakeClock) -> None:
    desk.may_act = False
    async with desk.running():
        desk.submit("a", new("a"))
        asked = asyncio.create_task(desk.writer.read(desk.names))
        await clock.advance(60)
        assert desk.gate.commits == []
        assert not asked.done()
        desk.may_act = True
        await clock.advance(module.PAUSE)
        assert await asked == ["a"]
    assert desk.log == ["a committed"]


async def test_each_commit_asks_again_whether_the_leader_may_act(desk: Desk, clock: FakeClock) -> None:
    async with desk.running():
        desk.gate.open.clear()
        desk.submit("a", new("a"))
        await until(lambda: desk.gate.commits)
        desk.submit("b", new("b"))
        desk.may_act = False
        desk.gate.open.set()
        await until(lambda: desk.log)
        await clock.advance(1)
        assert desk.log == ["a committed"]
        assert len(desk.gate.commits) == 1


async def test_closing_answers_everybody_and_nothing_is_taken_any_more(desk: Desk) -> None:
    writing = asyncio.create_task(desk.writer.write([new("a")]))
    asked = asyncio.create_task(desk.writer.read(desk.names))
    desk.submit("b", new("b"))
    await turns()
    desk.writer.close()
    calls: list[Callable[[], Any]] = [
        lambda: desk.writer.write([new("c")]),
        lambda: desk.writer.read(desk.names),
        desk.writer.drained,
    ]
    for task in (writing, asked):
        with pytest.raises(NotLeading, match="this node stopped leading"):
            await task
    for call in calls:
        with pytest.raises(NotLeading, match="this node stopped leading"):
            await call()
    assert desk.log == ["b refused: NotLeading"]
    assert desk.gate.commits == []


async def test_when_too_much_waits_new_writes_are_told_to_come_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_QUEUE", 2)
    for name in "ab":
        assert not desk.writer.full
        desk.writer.require_room()
        desk.submit(name, new(name))
    assert desk.writer.full
    with pytest.raises(Overloaded, match="2 writes are waiting"):
        await desk.writer.write([new("c")])
    async with desk.running():
        await desk.writer.drained()
        await desk.writer.write([new("c")])
    assert desk.names() == ["a", "b", "c"]


async def test_whoever_stops_waiting_for_a_write_does_not_stop_it(desk: Desk) -> None:
    async with desk.running():
        desk.gate.open.clear()
        writing = asyncio.create_task(desk.writer.write([new("a")]))
        asked = asyncio.create_task(desk.writer.read(desk.names))
        await until(lambda: desk.gate.commits)
        writing.cancel()
        asked.cancel()
        await turns()
        desk.gate.open.set()
        assert await desk.writer.read(desk.names) == ["a"]
