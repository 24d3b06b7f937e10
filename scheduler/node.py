"""A scheduler node: stands in line, leads when it is first, and serves the API all the while."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

from cronquorum import __version__
from cronquorum.clock import Clock, StoreClock, wait_for_event
from cronquorum.coordination import (
    Candidacy,
    Claim,
    CoordinationError,
    Coordinator,
    Member,
    Registration,
    Watch,
)
from cronquorum.coordination.protocols import EXECUTORS, NODES
from cronquorum.logs import get_logger
from jobstore.changes import Forget
from jobstore.errors import ClaimRefused, StoreError
from jobstore.model import Term
from jobstore.protocols import JobStore, Records
from scheduler.api.cluster_service import ClusterService
from scheduler.api.door import Door
from scheduler.api.execution_service import ExecutionService
from scheduler.api.job_service import JobService
from scheduler.errors import NotLeading
from scheduler.housekeeping import Housekeeping
from scheduler.http import Observation
from scheduler.leader.leader import Leader, Policy
from scheduler.leader.link import SupersededByExecutor
from scheduler.metrics import NodeMetrics
from scheduler.server import ApiServer

PROBE = 1.0
"""Seconds between two looks at whether the store takes writes, while standing in line."""
PAUSE = 1.0
"""Seconds before a node whose term failed, or who cannot stand, tries again."""
CLOCK_CHECK = timedelta(seconds=10)
RETENTION_CHECK = timedelta(seconds=30)
FORGET_AT_ONCE = 2_000
ANSWERS_KEPT = timedelta(days=1)
"""How long a repeated request gets its first answer."""
OFFSET_WARNING = 0.5
"""Seconds between the host's clock and the store's from which on it is worth a warning."""
HAND_OVER = 0.8
"""Seconds that a leader who is told to stop takes to write what is decided."""
GRACE = 1.0

_log = get_logger(__name__)


class Store(JobStore, Records, Protocol):
    """The job store, as a node needs it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeConfig:
    """What a node is told."""

    node_id: str
    listen: str
    advertise: str | None = None
    metrics_listen: str | None = None
    session_timeout: timedelta = timedelta(seconds=4)
    retention: timedelta = timedelta(days=30)
    policy: Policy = field(default_factory=Policy)


class Node:
    """One scheduler process, or the scheduler's part of an embedded one."""

    def __init__(self, config: NodeConfig, store: Store, coordinator: Coordinator, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._coordinator = coordinator
        self._clock = StoreClock(clock)
        self._metrics = NodeMetrics()
        self._door = Door(self)
        defaults = config.policy.defaults
        self._api = ApiServer(
            config.listen,
            JobService(self._door, store, defaults),
            ExecutionService(self._door, store, defaults, self._clock),
            ClusterService(self._door, store, store, self._clock),
        )
        self._http: Observation | None = None
        if config.metrics_listen is not None:
            self._http = Observation(config.metrics_listen, self._metrics.registry, lambda: self._store_ok)
        self._housekeeping = Housekeeping()
        self._incarnation = uuid4().hex
        self._member = self._describe(config.advertise or config.listen)
        self._leader: Leader | None = None
        self._led = asyncio.Event()
        self._store_ok = False
        self._stopping = asyncio.Event()
        self._registration: Registration | None = None
        self._nodes: Watch | None = None
        self._executors: Watch | None = None
        self._loop: asyncio.Task[None] | None = None

    def _describe(self, address: str) -> Member:
        return Member(
            id=self._config.node_id,
            incarnation=self._incarnation,
            address=address,
            facts={"version": __version__},
        )

    @property
    def member(self) -> Member:
        """This node, as others see it."""
        return self._member

    @property
    def address(self) -> str:
        """Where the API listens."""
        return self._api.address

    @property
    def metrics_address(self) -> str:
        """Where /metrics is served; empty when it is not."""
        return self._http.address if self._http is not None else ""

    async def led(self) -> None:
        """Return when this node leads and has taken over."""
        await self._led.wait()

    def leading(self) -> Leader | None:
        """The leader, if this node leads, has taken over, and may act."""
        return self._leader

    def leader_member(self) -> Member | None:
        """Who leads, as far as this node knows."""
        return self._coordinator.leader()

    def nodes(self) -> Sequence[Member]:
        """All nodes that are there, by id."""
        members = self._nodes.current() if self._nodes is not None else {}
        return [members[id_] for id_ in sorted(members)]

    async def start(self) -> None:
        """Open everything, and begin to stand in line.

        Raises `StoreError`, `CoordinationError` or `CannotListen`; then nothing is left open.
        """
        try:
            for _ in range(3):
                await self._check_clock()
            await self._coordinator.start()
            await self._api.start()
            if self._http is not None:
                await self._http.start()
            self._member = self._describe(self._config.advertise or self._api.address)
            self._nodes = await self._coordinator.watch(NODES)
            self._executors = await self._coordinator.watch(EXECUTORS)
            self._registration = await self._coordinator.announce(NODES, self._member)
            await self._api.set_serving(True)
            self._housekeeping.add("clock", CLOCK_CHECK, self._check_clock)
            self._housekeeping.add("retention", RETENTION_CHECK, self._forget)
            self._housekeeping.start()
        except BaseException:
            await self.stop()
            raise
        self._loop = asyncio.create_task(self._run(), name="node")
        _log.info("node started", node=self._config.node_id, address=self._api.address)

    async def stop(self) -> None:
        """Hand over if this node leads, answer what is under way, and close everything. Idempotent."""
        self._stopping.set()
        started = self._loop is not None
        if self._loop is not None:
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None
        self._housekeeping.stop()
        if self._registration is not None:
            await self._registration.withdraw()
        await self._api.stop(GRACE)
        await self._door.close()
        for watch in (self._nodes, self._executors):
            if watch is not None:
                await watch.close()
        if self._http is not None:
            await self._http.stop()
        await self._coordinator.close()
        if started:
            _log.info("node stopped", node=self._config.node_id)

    async def _run(self) -> None:
        """Stand in line, lead, and stand again, until told to stop."""
        while not self._stopping.is_set():
            try:
                if await self._probe():
                    await self._candidate()
            except (CoordinationError, StoreError, NotLeading) as error:
                _log.warning("not leading", node=self._config.node_id, error=str(error))
            except Exception:
                _log.exception("the term failed unexpectedly", node=self._config.node_id)
            await wait_for_event(self._stopping, self._clock, PAUSE)

    async def _probe(self) -> bool:
        """Whether the store takes writes: only then does this node stand in line."""
        try:
            await asyncio.to_thread(self._store.probe)
            self._store_ok = True
        except StoreError as error:
            if self._store_ok:
                _log.warning("the job store does not answer", error=str(error))
            self._store_ok = False
        return self._store_ok

    async def _candidate(self) -> None:
        candidacy = await self._coordinator.stand(self._member)
        try:
            claim = await self._wait_in_line(candidacy)
            if claim is not None:
                await self._lead(candidacy, claim)
        finally:
            self._leader = None
            self._metrics.leader.set(0)
            await candidacy.withdraw()

    async def _wait_in_line(self, candidacy: Candidacy) -> Claim | None:
        """Return when this node is first; None when it is told to stop, or the store fails it."""
        elected = asyncio.ensure_future(candidacy.elected())
        try:
            while not elected.done():
                stopping = asyncio.ensure_future(wait_for_event(self._stopping, self._clock, PROBE))
                await asyncio.wait((elected, stopping), return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                if self._stopping.is_set() or (not elected.done() and not await self._probe()):
                    return None
            return elected.result()
        finally:
            elected.cancel()

    async def _lead(self, candidacy: Candidacy, claim: Claim) -> None:
        """Lead for one term, or for several when an executor knows a higher epoch than the store does."""
        at_least = 0
        while not self._stopping.is_set():
            term = await self._begin_term(candidacy, claim, at_least)
            if term is None:
                return
            try:
                await self._lead_term(candidacy, term)
                return
            except SupersededByExecutor as error:
                if not candidacy.may_act():
                    return
                # first in line, and yet behind: the store has gone back, or a term began under our feet,
                # in which case `begin_term` refuses
                _log.error("the epoch of the store is behind", epoch=term.epoch, seen=error.highest)
                at_least = error.highest

    async def _begin_term(self, candidacy: Candidacy, claim: Claim, at_least: int) -> Term | None:
        try:
            return await asyncio.to_thread(
                self._store.begin_term, claim.order, claim.ensemble, claim.member.id, at_least
            )
        except ClaimRefused as error:
            _log.warning("the claim is refused", node=self._config.node_id, error=str(error))
            await self._clock.sleep(self._config.session_timeout.total_seconds() / 2)
            if candidacy.may_act():
                # proven first in line after the refusal, and yet older than the last leader: the
                # coordinator went back to a backup, and would refuse everybody for ever
                _log.error("the coordinator has gone back: it gets a new id", seen=claim.ensemble)
                await self._coordinator.replace_ensemble(claim.ensemble)
            return None

    async def _lead_term(self, candidacy: Candidacy, term: Term) -> None:
        assert self._executors is not None
        leader = Leader(
            term,
            self._store,
            self._store,
            self._executors,
            self._clock,
            candidacy.may_act,
            self._config.policy,
            self._metrics,
        )
        self._metrics.terms.inc()
        self._metrics.epoch.set(term.epoch)
        _log.info("leading", node=self._config.node_id, epoch=term.epoch)
        run = asyncio.create_task(leader.run(), name=f"term {term.epoch}")
        ready = asyncio.create_task(self._when_ready(leader), name="ready")
        ended = asyncio.ensure_future(candidacy.ended())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((run, ended, stopping), return_when=asyncio.FIRST_COMPLETED)
            if self._stopping.is_set() and not run.done():
                self._leader = None
                await leader.stop(HAND_OVER)
            reason = ended.result() if ended.done() else "stopping" if self._stopping.is_set() else "failed"
            _log.info("term over", node=self._config.node_id, epoch=term.epoch, reason=reason)
            if run.done():
                run.result()
        finally:
            self._leader = None
            self._led.clear()
            for task in (run, ready, ended, stopping):
                task.cancel()
            await asyncio.gather(run, ready, ended, stopping, return_exceptions=True)

    async def _when_ready(self, leader: Leader) -> None:
        await leader.took_over.wait()
        self._leader = leader
        self._led.set()
        self._metrics.leader.set(1)

    async def _check_clock(self) -> None:
        sent = self._clock.monotonic()
        store_time = await asyncio.to_thread(self._store.probe)
        off = self._clock.measured(store_time, sent, self._clock.monotonic())
        if abs(off) > OFFSET_WARNING:
            _log.warning("the host's clock and the store's differ", seconds=round(off, 3))

    async def _forget(self) -> None:
        leader = self._leader
        if leader is not None:
            now = self._clock.now()
            forget = Forget(now - self._config.retention, now - ANSWERS_KEPT, FORGET_AT_ONCE)
            await leader.write(forget)
