"""A scheduler node: stands in line, leads when it is first, and serves the API all the while."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import uuid4

from cronquorum import __version__, certificates
from cronquorum.clock import Clock, StoreClock, host_time
from cronquorum.coordination import (
    Coordinator,
    Member,
    Registration,
    Watch,
)
from cronquorum.coordination.protocols import EXECUTORS, NODES
from cronquorum.logs import get_logger
from cronquorum.loop_lag import LoopLag
from cronquorum.observation import Observation, tell_of_certificate
from cronquorum.tracing import Tracing
from cronquorum.transport import Transport
from jobstore.model import Term
from jobstore.retention import Retention
from scheduler.api.calendar_service import CalendarService
from scheduler.api.cluster_service import ClusterService
from scheduler.api.door import Door
from scheduler.api.execution_service import ExecutionService
from scheduler.api.job_service import JobService
from scheduler.candidate import Candidate
from scheduler.figures import Figures, TermCollector
from scheduler.fitness import Fitness
from scheduler.forgetting import Forgetting
from scheduler.housekeeping import Housekeeping
from scheduler.leader.leader import Leader, Policy
from scheduler.metrics import NodeMetrics
from scheduler.probe import StoreProbe
from scheduler.server import ApiServer
from scheduler.spans import ExecutionSpans
from scheduler.store import Store

STORE_CHECK = timedelta(seconds=10)
RETENTION_CHECK = timedelta(seconds=30)
GRACE = 1.0

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeConfig:
    """What a node is told."""

    node_id: str
    listen: str
    advertise: str | None = None
    metrics_listen: str | None = None
    session_timeout: timedelta = timedelta(seconds=4)
    retention: Retention = field(default_factory=Retention)
    policy: Policy = field(default_factory=Policy)
    transport: Transport = field(default_factory=Transport)


class Node:
    """One scheduler process, or the scheduler's part of an embedded one."""

    def __init__(
        self,
        config: NodeConfig,
        store: Store,
        coordinator: Coordinator,
        clock: Clock,
        host: Callable[[], datetime] = host_time,
        tracing: Tracing | None = None,
    ) -> None:
        self._config = config
        self._store = store
        self._coordinator = coordinator
        self._clock = StoreClock(clock)
        self._metrics = NodeMetrics()
        if tracing is not None:
            self._metrics.spans = ExecutionSpans(tracing, self._clock)
        TermCollector(self._figures, self._metrics.failing, self._metrics.registry)
        self._lag = LoopLag(clock, self._metrics.registry)
        self._door = Door(self, config.transport)
        defaults = config.policy.defaults
        self._api = ApiServer(
            config.listen,
            JobService(self._door, store, defaults, self._clock),
            CalendarService(self._door, store),
            ExecutionService(self._door, store, defaults, self._clock),
            ClusterService(self._door, store, store, self._clock),
            config.transport,
        )
        self._certificates = config.transport.certificates
        if self._certificates is not None:
            tell_of_certificate(self._certificates, self._metrics.registry)
        self._http: Observation | None = None
        if config.metrics_listen is not None:
            self._http = Observation(config.metrics_listen, self._metrics.registry, self._unready)
        self._housekeeping = Housekeeping()
        self._forgetting = Forgetting(store, config.retention, self._clock)
        self._incarnation = uuid4().hex
        self._member = self._describe(config.advertise or config.listen)
        self._probe = StoreProbe(store, self._clock, self._metrics, host)
        self._candidate: Candidate | None = None
        self._registration: Registration | None = None
        self._nodes: Watch | None = None
        self._executors: Watch | None = None
        self._loop: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._serving = False

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
        """Return when this node leads and has taken over. Ask after `start`."""
        assert self._candidate is not None
        await self._candidate.leads.wait()

    def leading(self) -> Leader | None:
        """The leader, if this node leads, has taken over, and may act."""
        return self._candidate.leader if self._candidate is not None else None

    def leader_member(self) -> Member | None:
        """Who leads, as far as this node knows."""
        return self._coordinator.leader()

    def nodes(self) -> Sequence[Member]:
        """All nodes that are there, by id."""
        members = self._nodes.current() if self._nodes is not None else {}
        return [members[id_] for id_ in sorted(members)]

    def _figures(self) -> Figures | None:
        leader = self.leading()
        return leader.figures() if leader is not None else None

    def _unready(self) -> str:
        """Why this node cannot serve reads. Whether it leads is no matter of that."""
        if not self._serving:
            return "this node is starting, or stopping"
        return "" if self._probe.ok else "the job store does not answer"

    async def observe(self) -> None:
        """Serve /livez, /readyz and /metrics from now on, before anything else is there. Raises `CannotListen`."""
        if self._http is not None:
            await self._http.start()
        if self._watching is None:
            self._watching = asyncio.create_task(self._lag.watch(), name="loop lag")

    async def start(self) -> None:
        """Open everything, and begin to stand in line.

        Raises `StoreError`, `CoordinationError` or `CannotListen`; then nothing is left open.
        """
        try:
            await self.observe()
            # the first answer takes its time, for it has to connect: it is no good for the clock
            await asyncio.to_thread(self._store.probe)
            for _ in range(3):
                await self._probe.measure()
            await self._coordinator.start()
            await self._api.start()
            self._member = self._describe(self._config.advertise or self._api.address)
            self._nodes = await self._coordinator.watch(NODES)
            self._executors = await self._coordinator.watch(EXECUTORS)
            self._registration = await self._coordinator.announce(NODES, self._member)
            self._serving = True
            await self._api.set_serving(True)
            self._housekeeping.add("store", STORE_CHECK, self._check_store)
            self._housekeeping.add("retention", RETENTION_CHECK, self._forget)
            if self._certificates is not None:
                self._housekeeping.add("certificate", certificates.CHECK, self._check_certificate)
            self._housekeeping.start()
        except BaseException:
            await self.stop()
            raise
        self._candidate = Candidate(
            self._member,
            self._coordinator,
            self._store,
            self._make_leader,
            Fitness(self._probe, self._clock, self._config.session_timeout, lambda: len(self.nodes()) > 1),
            self._clock,
            self._config.session_timeout,
            self._metrics,
        )
        self._loop = asyncio.create_task(self._candidate.run(), name="node")
        _log.info("node started", node=self._config.node_id, address=self._api.address, metrics=self.metrics_address)

    async def stop(self) -> None:
        """Hand over if this node leads, answer what is under way, and close everything. Idempotent."""
        started = self._loop is not None
        self._serving = False
        if started:
            _log.info("node stops", node=self._config.node_id, leads=self.leading() is not None)
            await self._api.set_serving(False)
        if self._candidate is not None and self._loop is not None:
            self._candidate.stop()
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
        await self._coordinator.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        if self._http is not None:
            await self._http.stop()
        if started:
            _log.info("node stopped", node=self._config.node_id)

    def _make_leader(self, term: Term, may_act: Callable[[], bool]) -> Leader:
        assert self._executors is not None
        return Leader(
            term,
            self._store,
            self._store,
            self._executors,
            self._clock,
            may_act,
            replace(self._config.policy, session_timeout=self._config.session_timeout),
            self._metrics,
            self._config.transport,
        )

    async def _check_certificate(self) -> None:
        assert self._certificates is not None
        self._certificates.current()

    async def _check_store(self) -> None:
        ok = await self._probe.check()
        if self._serving:
            await self._api.set_serving(ok)

    async def _forget(self) -> None:
        await self._forgetting.turn(self.leading())
