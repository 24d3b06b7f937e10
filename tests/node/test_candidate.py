"""Standing in line and leading, of one node and of two: a real store and a real leader, a clock that a test moves."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from cronquorum.clock import StoreClock
from cronquorum.coordination import Candidacy, Member
from cronquorum.coordination.inprocess import InProcessCandidacy, InProcessCoordinator
from cronquorum.coordination.protocols import EXECUTORS
from jobstore.errors import StoreUnavailable
from jobstore.model import Term
from jobstore.opening import open_store
from jobstore.sql.store import SqlStore
from jobstore.sql.tables import metadata
from scheduler.candidate import Candidate
from scheduler.fitness import Fitness
from scheduler.leader.leader import Leader, Policy
from scheduler.metrics import NodeMetrics
from scheduler.probe import StoreProbe
from tests.scheduler.building import request
from tests.scheduler.fake_clock import FakeClock, turns, until
from tests.scheduler.scripted_executor import ScriptedExecutor

T = timedelta(seconds=4)


class Timed(SqlStore):
    """A store whose clock is the test's."""

    def __init__(self, inner: SqlStore, clock: FakeClock) -> None:
        super().__init__(inner.database)
        self._clock = clock
        self.replies = True

    def probe(self) -> datetime:
        if not self.replies:
            raise StoreUnavailable("it is away")
        super().probe()
        return self._clock.now()


class Losable(InProcessCoordinator):
    """Contact with the coordinator, and a session that a test can end."""

    _candidacy: Candidacy

    async def stand(self, member: Member) -> Candidacy:
        self._candidacy = await super().stand(member)
        return self._candidacy

    def lose_session(self) -> None:
        assert isinstance(self._candidacy, InProcessCandidacy)
        self._candidacy.end("the session was lost")


class One:
    """A node's candidate, and the host's clock under it."""

    def __init__(self, name: str, store: Timed, beside: InProcessCoordinator, clock: FakeClock) -> None:
        self.name = name
        self.bump = timedelta(0)
        self.metrics = NodeMetrics()
        self.terms: list[Term] = []
        self.leaders: list[Leader] = []
        self.others = False
        self.silenced = False
        """Without contact with the coordinator."""
        self.coordinator = Losable(beside=beside)
        self._store = store
        self.clock = StoreClock(clock)
        self.probe = StoreProbe(store, self.clock, self.metrics, lambda: clock.now() + self.bump)
        fitness = Fitness(self.probe, self.clock, T, lambda: self.others)
        member = Member(id=name, incarnation=f"{name}-life", address="127.0.0.1:1")
        self.candidate = Candidate(
            member, self.coordinator, store, self._make_leader, fitness, self.clock, T, self.metrics
        )
        self.task: asyncio.Task[None] | None = None

    def _make_leader(self, term: Term, may_act: Callable[[], bool]) -> Leader:
        self.terms.append(term)
        policy = Policy(session_timeout=T)
        acts = lambda: may_act() and not self.silenced  # noqa: E731
        made = Leader(term, self._store, self._store, self.watch, self.clock, acts, policy, self.metrics)
        self.leaders.append(made)
        return made

    async def start(self) -> None:
        await self.coordinator.start()
        self.watch = await self.coordinator.watch(EXECUTORS)
        await self.probe.measure()
        self.task = asyncio.create_task(self.candidate.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.candidate.stop()
            await until(self.task.done, f"{self.name} stops")
        await self.coordinator.close()

    @property
    def leads(self) -> bool:
        return self.candidate.leads.is_set()

    @property
    def offset(self) -> float | None:
        return self.metrics.registry.get_sample_value("cronquorum_clock_offset_seconds")


class Threads:
    """What the event loop's threads are asked for; knows whether everybody who asked has been told."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asked: set[asyncio.Future[Any]] = set()
        self._run = loop.run_in_executor
        loop.run_in_executor = self._ask  # type: ignore[assignment,method-assign]  # a pool knows only of threads

    @property
    def rest(self) -> bool:
        return not self._asked

    def _ask(self, *call: Any) -> "asyncio.Future[Any]":
        asked = self._run(*call)
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return asked


class Place:
    """Nodes over one store, and time that passes when a test says so, and nobody but the clock has anything to do."""

    def __init__(self, store: Timed, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        self.root = InProcessCoordinator(ensemble="e", order_start=0)
        self.nodes: list[One] = []
        self.executors: list[ScriptedExecutor] = []
        self._threads = Threads(asyncio.get_running_loop())
        clock.rest = self._rest

    async def node(self, name: str) -> One:
        made = One(name, self.store, self.root, self.clock)
        self.nodes.append(made)
        await made.start()
        return made

    async def _rest(self) -> None:
        """Until threads and wires have come to an end: they take no time of the clock."""
        await turns()
        while not self._at_rest():
            await until(self._at_rest, "nobody asks the store or an executor")
            await turns()

    def _at_rest(self) -> bool:
        leaders = [node.leaders[-1] for node in self.nodes if node.leaders]
        return self._threads.rest and all(self._rests(leader) for leader in leaders if not leader._closing)

    def _rests(self, leader: Leader) -> bool:
        hear = {each.name for each in self.executors if each.hears}
        waits = any(
            not link.tried.is_set() or (link.attached and link.hearing.waits and link.member.id in hear)
            for link in leader.roster.links()
        )
        # what is queued and not under way waits for the clock: until the leader may act
        return not waits and not leader._writer._under_way

    async def ensemble(self) -> str:
        """The coordinator's id."""
        return await self.root.replace_ensemble("no id of its own")

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)

    async def until(self, condition: Callable[[], object], within: float, described: str) -> None:
        """Let time pass until the condition holds, for at most so long."""
        for _ in range(round(within * 4)):
            if condition():
                return
            await self.pass_time(0.25)
        assert condition(), f"not within {within:g} s of the clock: {described}"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> Iterator[Timed]:
    inner = open_store("sqlite://")
    inner.database.write(metadata.create_all)
    yield Timed(inner, clock)
    inner.close()


@pytest.fixture
async def place(store: Timed, clock: FakeClock) -> AsyncIterator[Place]:
    made = Place(store, clock)
    await made.root.start()
    yield made
    for node in made.nodes:
        await node.stop()
    for executor in made.executors:
        await executor.stop()
    await made.root.close()


async def test_the_next_one_leads_when_the_leaders_clock_is_wrong_and_it_leads_again_when_that_is_right(
    place: Place,
) -> None:
    one = await place.node("one")
    await place.until(lambda: one.leads, 5, "one leads")
    two = await place.node("two")
    await place.pass_time(2)
    now = one.clock.now()
    one.bump = timedelta(seconds=288)
    assert one.clock.now() == now, "nothing is decided by the host's clock"
    await place.until(lambda: two.leads, 8, "two leads")
    assert not one.leads
    assert (one.offset, two.offset) == (-288, 0)
    await place.pass_time(20)
    assert (len(one.terms), len(two.terms)) == (1, 1)
    one.bump, two.bump = timedelta(0), timedelta(seconds=-3)
    await place.until(lambda: one.leads, 10, "one leads again")


@pytest.mark.parametrize("seconds", [1.9, -1.9])
async def test_up_to_two_seconds_are_warned_of(place: Place, seconds: float, caplog: pytest.LogCaptureFixture) -> None:
    one = await place.node("one")
    one.bump = timedelta(seconds=seconds)
    await place.pass_time(20)
    assert one.leads
    assert len(one.terms) == 1
    assert caplog.text.count("the host's clock and the store's differ") == 1


async def test_a_node_that_starts_with_a_wrong_clock_does_not_stand(place: Place) -> None:
    one = One("one", place.store, place.root, place.clock)
    one.bump = timedelta(seconds=2.5)
    place.nodes.append(one)
    await one.start()
    await place.pass_time(10)
    assert not one.terms
    assert place.root.leader() is None


async def test_a_single_wrong_reading_ends_no_term(place: Place) -> None:
    one = await place.node("one")
    await place.until(lambda: one.leads, 5, "one leads")
    one.bump = timedelta(seconds=60)
    await place.until(lambda: one.offset == -60, 5, "it was read")
    one.bump = timedelta(0)
    await place.pass_time(10)
    assert one.leads
    assert len(one.terms) == 1


async def test_a_node_whose_store_is_away_leaves_the_line(place: Place) -> None:
    one = await place.node("one")
    await place.until(lambda: one.leads, 5, "one leads")
    await place.node("two")
    await place.pass_time(2)
    place.store.replies = False
    await place.pass_time(3)
    await one.stop()
    place.nodes.remove(one)
    assert place.root.leader() is None
    place.store.replies = True
    await place.until(lambda: place.nodes[0].leads, 5, "it stands again")


async def test_a_leader_without_contact_is_shown_as_none_after_a_session_timeout_and_then_leads_on(
    place: Place,
) -> None:
    one = await place.node("one")
    await place.until(lambda: one.leads, 5, "one leads")
    one.silenced = True
    await place.pass_time(3)
    assert one.leads, "it may be back at once"
    await place.until(lambda: not one.leads, 2, "callers are told that there is no leader")
    await place.pass_time(60)
    assert one.candidate.leader is None
    assert one.metrics.registry.get_sample_value("cronquorum_leader") == 0
    one.silenced = False
    await place.until(lambda: one.leads, 1, "it leads on")
    assert len(one.terms) == 1


# ------------------------------------------------------------------------------------- out of reach


async def registered(place: Place, *, listens: bool) -> ScriptedExecutor:
    executor = ScriptedExecutor("executor-1")
    place.executors.append(executor)
    await executor.start()
    if not listens:
        await executor.stop()
    await place.root.announce(EXECUTORS, executor.member)
    return executor


async def test_who_reaches_no_executor_goes_to_the_end_of_the_line_and_does_not_come_back_at_once(
    place: Place,
) -> None:
    await registered(place, listens=False)
    one = await place.node("one")
    await place.until(lambda: one.leads, 5, "one leads")
    two = await place.node("two")
    one.others = two.others = True
    await place.until(lambda: two.leads, 8, "two leads")
    assert not one.leads
    await place.until(lambda: one.leads, 8, "two gives way as well, as it reaches nobody either")
    terms = len(one.terms) + len(two.terms)
    await place.pass_time(20)
    assert len(one.terms) + len(two.terms) == terms, "neither gives way twice within ten session timeouts"


async def test_who_reaches_one_stays(place: Place) -> None:
    executor = await registered(place, listens=True)
    one = await place.node("one")
    await place.until(lambda: executor.attached, 5, "it is attached")
    await place.node("two")
    one.others = True
    await place.pass_time(12)
    assert one.leads
    await executor.stop()
    await place.until(lambda: not one.leads, 12, "one gives way")


async def test_who_is_attached_and_no_longer_heard_gives_way_before_the_stream_breaks(place: Place) -> None:
    executor = await registered(place, listens=True)
    one = await place.node("one")
    await place.until(lambda: executor.attached, 5, "it is attached")
    two = await place.node("two")
    one.others = two.others = True
    await place.pass_time(10)
    assert one.leads
    executor.hears = False
    await place.pass_time(3)
    assert executor.attached
    assert one.leads
    await place.until(lambda: not one.leads, 2.5, "one gives way")
    executor.hears = True
    await place.until(lambda: two.leads and executor.attached, 3, "two leads")
    await place.pass_time(50)
    assert (len(one.terms), len(two.terms)) == (1, 1)


async def test_a_node_that_stood_still_does_not_give_way_for_what_it_did_not_ask(place: Place) -> None:
    executor = await registered(place, listens=True)
    one = await place.node("one")
    await place.until(lambda: executor.attached, 5, "it is attached")
    one.others = True
    await place.pass_time(2)
    place.clock.jump(3 * T.total_seconds())
    await place.pass_time(10)
    assert one.leads
    assert len(one.terms) == 1


async def test_who_is_alone_stays(place: Place) -> None:
    await registered(place, listens=False)
    one = await place.node("one")
    await place.pass_time(20)
    assert one.leads
    assert len(one.terms) == 1


# --------------------------------------------------------------------------------------------- held


async def test_a_store_that_went_back_is_led_held_and_goes_on_when_it_is_released(place: Place) -> None:
    executor = await registered(place, listens=True)
    executor.highest_epoch = "30"
    one = await place.node("one")
    await place.until(lambda: one.leads and one.candidate.leader.term.held, 20, "one leads, held")  # type: ignore[union-attr]  # it leads
    assert [(term.epoch, bool(term.held)) for term in one.terms] == [(1, False), (31, True)]
    assert one.metrics.registry.get_sample_value("cronquorum_held") == 1
    await place.pass_time(20)
    assert len(one.terms) == 2
    executor.highest_epoch = ""
    assert one.candidate.leader is not None
    await one.candidate.leader.hold.release(request())
    await place.until(lambda: executor.attached, 5, "it goes on")
    assert [(term.epoch, bool(term.held)) for term in one.terms[2:]] == [(32, False)]
    assert one.metrics.registry.get_sample_value("cronquorum_held") == 0


# ------------------------------------------------------------------------------------------ refused


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR]


async def test_who_is_refused_by_the_store_and_then_proven_first_replaces_the_coordinators_id_and_leads(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.store.begin_term(100, "e", "before", 0)  # and then the coordinator went back to a backup
    one = await place.node("one")
    two = await place.node("two")
    await place.until(lambda: "the claim is refused" in caplog.text, 5, "the store refuses one")
    await place.pass_time(T.total_seconds() / 4)
    assert await place.ensemble() == "e", "a proof of contact from before the refusal says nothing"
    assert not errors(caplog)
    await place.until(lambda: one.leads or two.leads, 5, "somebody leads")
    (error,) = errors(caplog)
    assert "the coordinator has gone back: it gets a new id" in error
    (term,) = one.terms + two.terms
    assert term.epoch == 2
    assert term.ensemble == await place.ensemble() != "e"
    assert term.order < 100
    await place.nodes.pop(0 if one.leads else 1).stop()
    (left,) = place.nodes
    await place.until(lambda: left.leads, 5, "the other one leads after it")
    assert caplog.text.count("the claim is refused") == 1
    assert len(errors(caplog)) == 1


async def test_who_is_refused_and_is_not_first_any_more_leaves_the_coordinators_id_alone(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.store.begin_term(2, "e", "two", 0)  # two has led already; one, who stood before it, comes too late
    one = await place.node("one")
    two = await place.node("two")
    await place.until(lambda: "the claim is refused" in caplog.text, 5, "the store refuses one")
    one.coordinator.lose_session()
    await place.until(lambda: two.leads, 5, "two leads")
    await place.pass_time(2 * T.total_seconds())
    assert await place.ensemble() == "e"
    assert not errors(caplog)
    assert two.leads
    assert [(term.ensemble, term.order) for term in two.terms] == [("e", 2)]
    await two.stop()
    place.nodes.remove(two)
    await place.until(lambda: one.leads, 5, "one stood again, and leads")
    assert [term.ensemble for term in one.terms] == ["e"]
