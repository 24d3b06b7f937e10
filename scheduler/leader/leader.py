"""One term of this node: everything that the leader has, wired together, from take-over to the end."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from cronquorum import failpoints
from cronquorum.clock import Clock, beat
from cronquorum.coordination import Member, Watch
from cronquorum.logs import get_logger
from cronquorum.transport import Transport
from jobstore.changes import Change
from jobstore.model import Term
from jobstore.protocols import JobStore, Records
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler.definitions import Defaults
from scheduler.figures import Figures
from scheduler.leader.admission import Admission
from scheduler.leader.ahead import AHEAD, Ahead
from scheduler.leader.backlog import Backlog
from scheduler.leader.catalog import Catalog
from scheduler.leader.chains import Chains
from scheduler.leader.decisions import Decisions
from scheduler.leader.delays import Delays
from scheduler.leader.edits import Edits
from scheduler.leader.fires import LOOKAHEAD, Fires
from scheduler.leader.hold import Hold
from scheduler.leader.hub import Hub
from scheduler.leader.intake import Intake
from scheduler.leader.ledger import Ledger
from scheduler.leader.link import DEFAULT_LEASE, STATES, Link
from scheduler.leader.outbox import Outbox
from scheduler.leader.placement import Limits, Placement
from scheduler.leader.recall import Recall
from scheduler.leader.reception import Reception
from scheduler.leader.reports import Reports
from scheduler.leader.requests import Requests
from scheduler.leader.roster import Roster
from scheduler.leader.runs import Runs
from scheduler.leader.shared import Shared
from scheduler.leader.sweep import Sweep
from scheduler.leader.take_over import TakeOver
from scheduler.leader.timetable import Timetable
from scheduler.leader.vigil import Vigil
from scheduler.leader.writer import Writer
from scheduler.metrics import NodeMetrics

TICK = 0.25
"""Seconds between two looks at what must be looked at: retries and deadlines are late by at most this."""

AUDIT = 10.0
"""Seconds between two looks for executions that nothing has looked at by their time."""

OVERDUE = timedelta(seconds=5)
"""How long after its time an execution is overdue: a busy leader is late by less."""

ROLL_CALL = 0.5
"""Seconds for which a new leader waits for the executors' first answers before it fires: one that has seen a higher
epoch must be heard before anything is decided by a store that went back."""

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """The cluster-wide settings that a leader decides by."""

    defaults: Defaults = field(default_factory=Defaults)
    limits: Limits = field(default_factory=Limits)
    lookahead: timedelta = LOOKAHEAD
    ahead: timedelta = AHEAD
    """How long before its time a fire may be recorded."""
    lease: timedelta = timedelta(seconds=DEFAULT_LEASE)
    """The longest lease of executors that this leader has not met."""
    session_timeout: timedelta = timedelta(seconds=4)
    """ZooKeeper's: how long it takes to see that a process is gone."""


class Leader:
    """Made for one term, and thrown away with it."""

    def __init__(
        self,
        term: Term,
        store: JobStore,
        records: Records,
        watch: Watch,
        clock: Clock,
        may_act: Callable[[], bool],
        policy: Policy,
        metrics: NodeMetrics,
        transport: Transport | None = None,
    ) -> None:
        self.term = term
        self.took_over = asyncio.Event()
        """Set when edits and runs may come."""
        self.hub = Hub()
        self.ledger = Ledger()
        self.timetable = Timetable()
        self.catalog = Catalog(records, policy.defaults)
        self._store = store
        self._records = records
        self._watch = watch
        self._clock = clock
        self._may_act = may_act
        self._metrics = metrics
        self._transport = transport or Transport()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closing = False
        writer = self._writer = Writer(store, term, clock, may_act, metrics)
        self._delays = Delays(self.timetable, self.catalog, lambda: self._fires.changed())
        self._backlog = Backlog(self.timetable, lambda: self._fires.changed())
        self.roster = Roster(self._link, self._failed)
        self.ahead = Ahead(
            self.ledger,
            clock,
            self.roster.link,
            self._may_offer,
            lambda execution: self._outbox.order(execution),
        )
        self._placement = Placement(term, self.ledger, self.ahead, self.catalog, policy.limits, random.Random())
        self._chains = Chains(self.ledger, self.catalog, self._placement, clock)
        self._outbox = Outbox(
            writer,
            self.ledger,
            self.ahead,
            self.catalog,
            (self._delays, self._chains),
            self.hub,
            self.roster.link,
            metrics,
        )
        self._recall = Recall(self.ahead, self.ledger, self.timetable, writer, self.hub, lambda: self._fires.changed())
        shared = Shared(
            term=term,
            records=records,
            clock=clock,
            metrics=metrics,
            ledger=self.ledger,
            timetable=self.timetable,
            catalog=self.catalog,
            delays=self._delays,
            backlog=self._backlog,
            ahead=self.ahead,
            recall=self._recall,
            placement=self._placement,
            chains=self._chains,
            admission=Admission(self.ledger, self._placement, self._chains),
            writer=writer,
            outbox=self._outbox,
            hub=self.hub,
        )
        requests = Requests(writer, records, term.held)
        decisions = Decisions(shared)
        self._fires = Fires(shared, decisions, store, policy.lookahead, policy.ahead)
        self._reports = Reports(shared)
        self._intake = Intake(self.ahead, clock, self._reports.take)
        self._sweep = Sweep(shared, self.roster, policy.lease.total_seconds(), policy.session_timeout.total_seconds())
        self._reception = Reception(shared, self._reports, self._sweep)
        self._take_over = TakeOver(shared, store)
        self.edits = Edits(shared, decisions, self._fires, requests)
        self.runs = Runs(shared, requests)
        self.hold = Hold(term, store, records, self.catalog, writer, requests, clock)
        self.vigil = Vigil(term, store, clock, may_act, policy.session_timeout.total_seconds(), self._failed)
        self._called = False
        self._offering = True
        self._overdue = 0

    async def run(self) -> None:
        """Lead until cancelled, or released if the term is held. Raises what ended the term: a `StoreError`,
        `SupersededByExecutor`, ...

        However it ends, whoever waits for an answer gets one, and nothing is written or sent after it.
        """
        tasks: list[asyncio.Task[None]] = []
        try:
            tasks.append(asyncio.create_task(self._writer.run(), name="writer"))
            tasks.append(asyncio.create_task(self.vigil.run(), name="vigil"))
            tasks.append(asyncio.create_task(self._intake.run(), name="intake"))
            tasks.append(asyncio.create_task(self._begin(), name="take-over"))
            await self._first_of(tasks)
            tasks.pop()
            self.took_over.set()
            if self.term.held:
                self._metrics.held.set(1)
                tasks.append(asyncio.create_task(self.hold.wait(), name="held"))
                await self._first_of(tasks)
                return
            for name, loop in (
                ("fires", self._fires.run()),
                ("ahead", self.ahead.run()),
                ("prefetch", self._fires.prefetch.run()),
                ("executors", self._follow_executors()),
                ("sweep", self._tick()),
            ):
                tasks.append(asyncio.create_task(loop, name=name))
            await self._first_of(tasks)
        finally:
            self._closing = True
            self._metrics.held.set(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.roster.close()
            self._writer.close()
            self.hub.close()
            if not self._failure.cancel():
                self._failure.exception()  # nobody may be left who asks for it

    async def _first_of(self, tasks: "list[asyncio.Task[None]]") -> None:
        """Wait for one of them to end; raise what it, or a link, fails with."""
        await asyncio.wait([*tasks, self._failure], return_when=asyncio.FIRST_COMPLETED)
        for future in (*tasks, self._failure):
            if future.done():
                future.result()

    def _failed(self, error: BaseException) -> None:
        if not self._failure.done() and not self._closing:
            self._failure.set_exception(error)

    def reach(self) -> tuple[int, float | None]:
        """How many executors are registered, as far as is known for certain and any of them was tried; and when
        (monotonic seconds) the question was sent that one of them answered last, if one did.

        Who may not act asks nobody, and knows nothing.
        """
        known = self._called and self._may_act() and self._watch.connected()
        return len(self._watch.current()) if known else 0, self.roster.heard(self._clock.monotonic())

    def ask(self, everybody: bool) -> None:
        """Ask executors whether they hear us: a few, each time others; or everybody who is attached."""
        self.roster.ask(everybody)

    def registered(self) -> list[Member]:
        """The executors that there are, by id, attached or not."""
        members = self._watch.current()
        return [members[id_] for id_ in sorted(members)]

    def figures(self) -> Figures:
        """What is so at the moment; it costs a look at each executor's link."""
        links = list(self.roster.links())
        executors = Counter(link.state for link in links)
        return Figures(
            open=self.ledger.counts(),
            overdue=self._overdue,
            waiting=self.ledger.count(State.PENDING) - len(self._chains) + len(self._backlog) + self.ahead.in_line,
            pending_writes=len(self._writer),
            executors={state: executors[state] for state in STATES},
            slots=sum(link.slots for link in links if link.open_for_work),
            used=self.ledger.placed() - len(self.ahead) - self.ledger.freed,
        )

    async def write(self, *changes: Change) -> None:
        """Write changes that concern nothing in memory. Raises as `Writer.write` does."""
        await self._writer.write(changes)

    async def stop(self, seconds: float) -> None:
        """Fire nothing more, and let what is decided be written; at most for so long."""
        self._fires.rest()
        self._recall.everything()
        try:
            async with asyncio.timeout(seconds):
                await self._writer.drained()
        except Exception as error:
            _log.warning("stopped before everything was written", error=str(error))

    async def _begin(self) -> None:
        """Take over, and let executors tell what they hold."""
        failpoints.hit("leader.takeOver")
        await self._take_over.read()
        if not self.term.held:
            await self._call_roll()
            self._pump()
            self._take_over.go_on()
        _log.info("took over", epoch=self.term.epoch, open=len(self.ledger))

    async def _call_roll(self) -> None:
        """Decide nothing before the executors could tell that the store has gone back."""
        self.roster.sync(self._watch.current())
        await self.roster.roll_call(self._clock, ROLL_CALL)
        self._called = True

    def _link(self, member: Member) -> Link:
        return Link(member, self.term, self._clock, self._may_act, self, self._transport)

    async def _follow_executors(self) -> None:
        while True:
            self.roster.sync(self._watch.current())
            await self._watch.changed()

    async def _tick(self) -> None:
        audited = self._clock.monotonic()
        while True:
            if self._may_act():
                await self._sweep.check()
                await self._sweep.release_stranded()
            if self.vigil.silent is self._offering:
                self._pump()
            if self._watch.connected():
                self.roster.sync(self._watch.current())
                await self._sweep.departed(self._watch.current())
            else:
                self._sweep.out_of_contact()
            if self._may_act() and self._clock.monotonic() - audited >= AUDIT:
                audited = self._clock.monotonic()
                self._overdue = self.ledger.overdue(self._clock.now() - OVERDUE)
            await beat(self._clock, TICK)

    async def welcomed(self, link: Link, held: list[pb.AttemptKey], vouched: list[str]) -> None:
        """An executor answered the Hello."""
        await self._intake.taken(link)  # what it said before, over an earlier stream
        await self._reception.welcomed(link, held, vouched)

    async def leads_by_the_store(self) -> bool:
        """Whether no other term had begun when the store was asked, just now."""
        return await self.vigil.vouches()

    async def reported(self, link: Link, reports: list[pb.Report]) -> None:
        """What an executor says, in order."""
        self._reports.heard(link, reports)
        await self._intake.hear(link, reports)

    def changed(self, link: Link) -> None:
        """An executor came, went, or changed what it takes."""
        _log.info(
            "executor changed",
            executor=link.member.id,
            attached=link.attached,
            slots=link.slots,
            draining=link.draining,
        )
        self._pump()
        if link.draining:
            link.farewell()  # from now on nothing is sent there: see `Ahead`

    def _may_offer(self) -> bool:
        """Whether executors may be given more: in a long silence nothing is placed, or waits at a stream, that would
        leave after it, too late perhaps."""
        return not self.vigil.silent

    def _pump(self) -> None:
        if self._called:
            self._offering = self._may_offer()
            links = [link for link in (self.roster.links() if self._offering else ()) if link.open_for_work]
            self._placement.offers(links)
            for link in links:
                self.ahead.release(link)
            self._outbox.move(self._placement.pump(self._clock.now()))
            self._backlog.slots_are_free()
