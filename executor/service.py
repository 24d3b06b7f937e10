"""The executor: everything of this package put together."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import grpc

from cronquorum import __version__, certificates, observation
from cronquorum.clock import Clock, every
from cronquorum.coordination.protocols import EXECUTORS, Coordinator, Member, Registration
from cronquorum.durations import format_duration
from cronquorum.logs import get_logger
from cronquorum.loop_lag import LoopLag
from cronquorum.observation import Observation
from cronquorum.tracing import Tracing
from cronquorum.transport import Transport
from executor.attach import AttachService
from executor.attempt import STOP_GRACE, Stop
from executor.attempts import Attempts
from executor.catalog import Catalog
from executor.config import ExecutorConfig
from executor.datadir import DataDir, Memory, NoDataDir
from executor.errors import CannotListen, LeaseLost, Stopping
from executor.fence import Fence
from executor.health import Health
from executor.journal import NAME as JOURNAL
from executor.journal import Journal
from executor.kinds.protocol import LastingKind, TaskKind
from executor.kinds.table import make_kinds
from executor.lease import Lease
from executor.listening import advertised, listen
from executor.metrics import ExecutorMetrics, Figures, FiguresCollector
from executor.outbox import Outbox
from executor.process import check_platform
from executor.report import OutcomeState
from executor.spans import RunSpans
from executor.ward import Unguarded, Ward

DRAIN_SECONDS = 30.0
FAREWELL_SECONDS = 6.0
"""How long an executor with nothing left to run waits for its leader: to acknowledge the last outcomes, and to say that
nothing more comes. A leader that died meanwhile has a successor by then."""
HURRIED_FAREWELL_SECONDS = 0.5
"""The same for one in a hurry."""
LEASE_GRACE = 0.05
"""Of a lease: from SIGTERM to SIGKILL once it has run out. A leader waits for a tenth more than a lease."""
KILL_SECONDS = 2.0
"""How long what was killed may take to be gone."""
SERVER_GRACE = 0.5
_log = get_logger(__name__)


class Executor:
    """Runs tasks for whoever leads. The coordinator is started here if it is not yet; it is not closed here.

    `start` and `stop` once each; `stop` may be called again to hurry. `ward` is told what a guardian must know.
    """

    def __init__(
        self,
        config: ExecutorConfig,
        clock: Clock,
        coordinator: Coordinator,
        ward: Ward | None = None,
        transport: Transport | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self._config = config
        self._ward: Ward = ward or Unguarded()
        self._transport = transport or Transport()
        self._clock = clock
        self._spans = RunSpans(tracing, clock) if tracing is not None else None
        self._coordinator = coordinator
        self._id = config.executor_id
        self._prepared = False
        self._catalog = Catalog((), ())
        self._address = ""
        self._memory: Memory | None = None
        self._journal: Journal | None = None
        self._releasing: asyncio.Task[None] | None = None
        self._kinds: Sequence[TaskKind] = ()
        self._duties: list[asyncio.Task[None]] = []
        self._server: grpc.aio.Server | None = None
        self._service: AttachService | None = None
        self._attempts: Attempts | None = None
        self._registration: Registration | None = None
        self._broken: asyncio.Future[BaseException] | None = None
        self._lease: Lease | None = None
        self._fence: Fence | None = None
        self._metrics = ExecutorMetrics()
        FiguresCollector(self._figures, self._metrics)
        self._lag = LoopLag(clock, self._metrics.registry)
        if self._transport.certificates is not None:
            observation.tell_of_certificate(self._transport.certificates, self._metrics.registry)
        self._health = Health()
        self._http: Observation | None = None
        if config.metrics_listen:
            self._http = Observation(config.metrics_listen, self._metrics.registry, self.unready)
        self._registered = False
        self._hurry = asyncio.Event()
        self._stopped = asyncio.Event()
        self._stopping = False

    @property
    def id(self) -> str:
        """The lasting id; known once prepared."""
        return self._id

    @property
    def incarnation(self) -> str:
        return self._config.incarnation

    @property
    def address(self) -> str:
        """What is advertised, with the real port; known once started."""
        return self._address

    @property
    def metrics_address(self) -> str:
        """Where /metrics is served; empty when it is not."""
        return self._http.address if self._http is not None else ""

    def unready(self) -> str:
        """Why no work should be expected of it; empty when all is well."""
        if self._stopping or (self._attempts is not None and self._attempts.draining):
            return "this executor is draining"
        if not self._registered:
            return "this executor is not registered in ZooKeeper"
        return "" if self._lease is not None and self._lease.in_force() else "the lease has run out"

    @property
    def running(self) -> int:
        """How many attempts run."""
        return len(self._attempts.running) if self._attempts is not None else 0

    async def prepare(self) -> None:
        """All of the start that nobody else is needed for: from now on /livez answers, and what is wrong with the
        tasks, the data directory or a kind's settings is told. `start` does it if nobody did. Raises `StartError`."""
        if self._prepared:
            return
        self._prepared = True
        try:
            await self._prepare()
        except BaseException:
            await self._close()
            raise

    async def start(self) -> None:
        """Find ZooKeeper, listen, register. Raises `StartError`, or `CoordinationError`."""
        await self.prepare()
        try:
            await self._coordinator.start()
            await self._start()
        except BaseException:
            await self._close()
            raise

    async def stop(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Take nothing new, let what runs finish for so long, end the rest, and go. Called again while it
        waits: the rest is ended now."""
        if self._stopping:
            self.hurry()
            await self._stopped.wait()
            return
        self._stopping = True
        try:
            await self._drain(drain_seconds)
        finally:
            await self._close()
            self._stopped.set()

    def hurry(self) -> None:
        """A `stop` that waits, or is yet to come, does not wait for what runs, and hardly for acknowledgements."""
        self._hurry.set()

    async def broken(self) -> BaseException:
        """Return when a duty of the executor has failed: it should be stopped then."""
        assert self._broken is not None
        return await asyncio.shield(self._broken)

    async def _prepare(self) -> None:
        config, clock = self._config, self._clock
        self._broken = asyncio.get_running_loop().create_future()
        check_platform()
        await self._observe()
        self._catalog = Catalog.load(config.tasks)
        self._memory = await asyncio.to_thread(_open_memory, config, self._ward)
        self._id = self._memory.executor_id()
        if config.data is not None:
            self._journal = await asyncio.to_thread(Journal.open, config.data / JOURNAL, clock)
        self._kinds = make_kinds(config, self._id, self._catalog, clock)

    async def _start(self) -> None:
        config, clock, ward, memory = self._config, self._clock, self._ward, self._memory
        assert memory is not None
        length = config.lease.total_seconds()
        lease = self._lease = Lease(length, clock, self._on_lease_lost, lambda until: ward.extended(until, length))
        self._attempts = Attempts(
            incarnation=config.incarnation,
            slots=config.slots,
            outbox=Outbox(self._journal),
            clock=clock,
            may_run=lambda: lease.holds() and ward.may_start,
            may_start=lease.in_force,
            on_change=lambda key: service.tell(key),
            metrics=self._metrics,
            spans=self._spans,
        )
        fence = self._fence = Fence(memory)
        service = AttachService(config, self._id, fence, self._attempts, lease, clock, self._metrics)
        self._service = service
        ward.extended(lease.until, length)
        self._begin(lease.keep_watch())
        if self._journal is not None:
            self._begin(self._journal.tend())
        for kind in self._kinds:
            await kind.start()
        self._attempts.use(self._kinds)
        await self._resume(self._attempts)
        self._server, port = await listen(config.listen, service, self._health, self._transport)
        self._address = advertised(config, port)
        facts = {"lease": format_duration(config.lease), "version": __version__}
        member = Member(id=self._id, incarnation=config.incarnation, address=self._address, facts=facts)
        self._registration = await self._coordinator.announce(EXECUTORS, member, config.vouched)
        await lease.prove(self._prove)
        if self._transport.certificates is not None:
            self._begin(every(clock, certificates.CHECK.total_seconds(), self._transport.certificates.current))
        self._begin(lease.keep_asking(service.ask_lease))
        self._begin(lease.keep_proving(self._prove))
        self._begin(self._attempts.keep_telling_starts())
        self._begin(self._attempts.keep_flushing())
        ward.started(self._id)
        _log.info(
            "executor started",
            executor=self._id,
            incarnation=config.incarnation,
            address=self._address,
            metrics=self.metrics_address,
            slots=config.slots,
            kinds=list(config.kinds),
            tasks=self._catalog.names,
            vouched=len(config.vouched),
            unacknowledged=len(self._attempts.outbox),
        )
        if config.data is None:
            said = "without --data a restart loses what is not acknowledged, and the name unless --executor-id gives it"
            _log.info(said, executor=self._id)

    async def _observe(self) -> None:
        if self._http is not None:
            try:
                await self._http.start()
            except observation.CannotListen as error:
                raise CannotListen(str(error)) from None
        self._begin(self._lag.watch())

    async def _prove(self) -> bool:
        assert self._registration is not None
        try:
            self._registered = await self._registration.prove()
        except Exception:
            self._registered = False
            raise
        finally:
            await self._health.tell(not self.unready())
        return self._registered

    def _figures(self) -> Figures | None:
        attempts, service, lease, fence = self._attempts, self._service, self._lease, self._fence
        if attempts is None or service is None or lease is None or fence is None:
            return None
        oldest = attempts.outbox.oldest
        return Figures(
            slots=attempts.slots,
            running=len(attempts.running),
            draining=attempts.draining,
            registered=self._registered,
            attached=service.attached,
            epoch=fence.highest.epoch,
            unacknowledged=len(attempts.outbox),
            oldest=0.0 if oldest is None else max(0.0, self._clock.monotonic() - oldest),
            unwritten=self._journal.unwritten if self._journal is not None else 0,
            lease_remaining=lease.remaining,
        )

    async def _resume(self, attempts: Attempts) -> None:
        """Before any leader is heard: it is told what we hold, and what we do not."""
        for kind in self._kinds:
            if isinstance(kind, LastingKind):
                for assignment in await kind.found():
                    attempts.resume(assignment, kind)
        if attempts.running:
            _log.info("attempts of an earlier incarnation go on", executor=self._id, running=self.running)

    def _begin(self, duty: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(duty)
        task.add_done_callback(self._on_duty_done)
        self._duties.append(task)

    def _on_duty_done(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and self._broken is not None and not self._broken.done():
            _log.error("a duty of the executor broke", executor=self._id, exc_info=error)
            self._broken.set_result(error)

    def _on_lease_lost(self) -> None:
        """Neither the leader nor the coordinator has vouched for us: somebody else may run our attempts soon."""
        assert self._attempts is not None and self._service is not None
        self._metrics.leases_lost.add()
        _log.warning("lease lost: attempts are ended", executor=self._id, running=self.running)
        grace = LEASE_GRACE * self._config.lease.total_seconds()
        self._attempts.stop_all(Stop(state=OutcomeState.LOST, reason="leaseExpired", grace=grace))
        self._service.end_stream(LeaseLost("nobody vouched for this executor for a whole lease"))
        self._ward.lost()
        if self._releasing is None or self._releasing.done():
            self._releasing = asyncio.create_task(self._release(self._attempts))

    async def _release(self, attempts: Attempts) -> None:
        await attempts.gone(attempts.local)
        self._ward.released()

    async def _drain(self, seconds: float) -> None:
        attempts, service = self._attempts, self._service
        if attempts is None or service is None:
            return
        attempts.draining = True
        await self._health.tell(False)
        service.tell_capacity()
        _log.info("draining", executor=self._id, running=self.running)
        returns = self._config.returns or (self._broken is not None and self._broken.done())
        ours = attempts.local if returns else list(attempts.running)
        done = attempts.gone(ours) if returns else attempts.idle.wait()
        await self._within(seconds, done, self._hurry.wait())
        if rest := [key for key in ours if key in attempts.running]:
            _log.warning("ending what still runs", executor=self._id, running=len(rest))
            attempts.stop_all(Stop(state=OutcomeState.LOST, reason="drained"), rest)
            await self._within(STOP_GRACE + KILL_SECONDS, attempts.gone(rest))
        if returns:
            attempts.leave()
        await self._within(FAREWELL_SECONDS, _parted(attempts, service), self._hurry.wait())
        if self._hurry.is_set():
            await self._within(HURRIED_FAREWELL_SECONDS, _parted(attempts, service), service.alone())
        _log.info(
            "executor stopped",
            executor=self._id,
            still_running=self.running,
            not_acknowledged=len(attempts.outbox),
            dismissed=service.dismissed.is_set(),
        )

    async def _within(self, seconds: float, *any_of: Coroutine[Any, Any, object]) -> None:
        """Wait until one of these has happened, so long at most."""
        tasks = [asyncio.ensure_future(each) for each in (*any_of, self._clock.sleep(seconds))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _close(self) -> None:
        if self._releasing is not None:
            self._duties.append(self._releasing)
        for task in self._duties:
            task.cancel()
        await asyncio.gather(*self._duties, return_exceptions=True)
        if self._registration is not None:
            await self._registration.withdraw()
        if self._service is not None:
            self._service.end_stream(Stopping("this executor stops"))
        if self._server is not None:
            await self._server.stop(SERVER_GRACE)
        for kind in self._kinds:
            await kind.close()
        if self._attempts is None or not self._attempts.local:
            self._ward.released()
        if self._http is not None:
            await self._http.stop()
        if self._journal is not None:
            await self._journal.close()
        if self._memory is not None:
            self._memory.close()


async def _parted(attempts: Attempts, service: AttachService) -> None:
    """Return when the leader has said that nothing more comes, and has taken all that we have to say."""
    while not (service.dismissed.is_set() and attempts.outbox.empty.is_set()):
        await service.dismissed.wait()
        await attempts.outbox.empty.wait()


def _open_memory(config: ExecutorConfig, ward: Ward) -> Memory:
    if config.data is None:
        return NoDataDir(config.executor_id)
    folder = DataDir(config.data, config.executor_id, ward.lock)
    ward.keep_lock(folder.lock)
    return folder
