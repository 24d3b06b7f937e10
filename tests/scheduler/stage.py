"""A leader as a whole: a real store, a real wire, a coordinator, and a clock that a test moves."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cronquorum.coordination import Registration
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.coordination.protocols import EXECUTORS
from jobstore.model import Execution, Job, Term
from jobstore.protocols import ExecutionQuery, JobQuery
from jobstore.sql.store import SqlStore
from jobstore.states import PLACED, State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import wire
from scheduler.calendars import read_calendar
from scheduler.definitions import compile_job, read_spec
from scheduler.leader.applying import Request
from scheduler.leader.leader import ROLL_CALL, TICK, Leader, Policy
from scheduler.leader.proposing import CalendarProposal, Proposal
from scheduler.leader.requests import WriteRequest
from scheduler.leader.sweep import LEASE_MARGIN
from scheduler.metrics import NodeMetrics
from tests.scheduler.building import SHELL, cron, request
from tests.scheduler.fake_clock import FakeClock, turns, until
from tests.scheduler.scripted_executor import ScriptedExecutor, report

MINUTELY = [cron("main", "0 * * * * ?")]

LEASE = 15.0
"""Seconds: the default, which every executor here has unless told."""
LOST_AFTER = LEASE_MARGIN * LEASE
RERUN: dict[str, Any] = {"idempotent": True}

_TICK = timedelta(seconds=TICK)
_MOST_TURNS = 3_000


class Reign:
    """A term: a leader that runs, and what it ended with."""

    def __init__(self, term: Term, leader: Leader) -> None:
        self.term = term
        self.leader = leader
        self.may_act = True
        self.run = asyncio.create_task(leader.run())

    async def end(self) -> None:
        """As the node ends it: nothing more is done, whatever is under way."""
        self.run.cancel()
        await asyncio.gather(self.run, return_exceptions=True)


class Stage:
    """Everything that a leader needs, and the calls that tests make of it."""

    def __init__(self, store: SqlStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.metrics = NodeMetrics()
        self.policy = Policy()
        self.coordinator = InProcessCoordinator(ensemble="e", order_start=0)
        self.executors: dict[str, ScriptedExecutor] = {}
        self._registrations: dict[str, Registration] = {}
        self._reigns: list[Reign] = []
        self._orders = 0

    @property
    def reign(self) -> Reign:
        """The present term."""
        return self._reigns[-1]

    @property
    def leader(self) -> Leader:
        """The present leader."""
        return self.reign.leader

    async def open(self) -> None:
        self.clock.rest = self._rest
        await self.coordinator.start()

    async def close(self) -> None:
        for reign in self._reigns:
            await reign.end()
        for executor in self.executors.values():
            await executor.stop()
        await self.coordinator.close()
        wrong = [error for executor in self.executors.values() for error in executor.wrong]
        if wrong:
            raise wrong[0]

    async def lead(self, at_least: int = 0, ready: bool = True) -> Leader:
        """Begin a term, beside those that have not ended."""
        self._orders += 1
        term = self.store.begin_term(self._orders, "e", f"node-{self._orders}", at_least)
        watch = await self.coordinator.watch(EXECUTORS)
        mine: list[Reign] = []
        leader = Leader(
            term,
            self.store,
            self.store,
            watch,
            self.clock,
            lambda: not mine or mine[0].may_act,
            self.policy,
            self.metrics,
        )
        mine.append(Reign(term, leader))
        self._reigns.append(mine[0])
        if ready:

            def took_over() -> bool:
                return leader.took_over.is_set() or self.reign.run.done()

            if not all(executor.answers for executor in self.executors.values()):
                called = self.clock.now() + timedelta(seconds=ROLL_CALL)
                await until(lambda: called in self.clock.alarms or took_over(), "the roll is called")
                await self.clock.advance(ROLL_CALL)
            await until(took_over, "took over")
        return leader

    async def executor(self, name: str = "executor-1", attached: bool = True, **facts: Any) -> ScriptedExecutor:
        """An executor that listens, is registered, and has answered the Hello."""
        executor = self.executors[name] = ScriptedExecutor(name, check=self._check, **facts)
        await executor.start()
        await self.register(executor)
        if attached:
            await self.attached(executor)
        return executor

    async def register(self, executor: ScriptedExecutor) -> None:
        """Announce an executor, as it is now."""
        self._registrations[executor.name] = await self.coordinator.announce(EXECUTORS, executor.member)

    async def unregister(self, executor: ScriptedExecutor) -> None:
        """Its registration goes."""
        await self._registrations.pop(executor.name).withdraw()

    async def attached(self, executor: ScriptedExecutor) -> None:
        """Wait until the present leader has it, at its first try."""
        holder = (executor.name, executor.incarnation)
        await until(lambda: self.leader.roster.is_attached(holder), f"{executor.name} is attached")
        await self.quiet()

    async def hung_up(self, executor: ScriptedExecutor) -> None:
        """Its stream breaks, and the leader sees it."""
        executor.hang_up()
        holder = (executor.name, executor.incarnation)
        await until(lambda: not self.leader.roster.is_attached(holder), f"{executor.name} hung up")

    async def gone(self, executor: ScriptedExecutor) -> None:
        """Its host is gone, and the leader has seen it."""
        await executor.stop()
        await self.unregister(executor)
        holder = (executor.name, executor.incarnation)
        await until(lambda: not self.leader.roster.is_attached(holder), f"{executor.name} is gone")
        await self.pass_time(TICK)

    async def attached_again(self, executor: ScriptedExecutor) -> None:
        """The same, at a later try; time goes on between two of them, and not while one is under way."""
        holder = (executor.name, executor.incarnation)
        for _ in range(200):
            await turns()
            await self._dialled()
            if self.leader.roster.is_attached(holder):
                await self.quiet()
                return
            await self.clock.advance(TICK)
        raise AssertionError(f"{executor.name} was not attached")

    async def _dialled(self) -> None:
        """Until no try to attach to somebody who answers is under way: wires take no time of the clock."""

        def dials() -> bool:
            answer = {each.name for each in self.executors.values() if each.answers}
            links = self.leader.roster.links()
            return any(link.member.id in answer and not link.tried.is_set() for link in links)

        await until(lambda: not self.reign.may_act or self.reign.run.done() or not dials(), "tries to attach are over")

    def _check(self, executor: ScriptedExecutor, message: pb.LeaderMessage) -> None:
        """What must be true of everything that leaves: its record is committed."""
        for dispatch in message.dispatches:
            row = self.row(dispatch.key.execution_id)
            assert (row.attempt, row.placement) == (dispatch.key.attempt, dispatch.key.placement)
            assert row.incarnation == dispatch.key.incarnation
            assert row.state is State.DISPATCHED, f"sent while {row.state}"
            assert row.scheduled_time <= self.clock.now()
        for key in message.acknowledged:
            id_ = wire.read_id(key.execution_id)
            found = None if id_ is None else self.store.execution(id_)
            if found is not None and found.executor_id == executor.name and wire.key_matches(key, found):
                assert found.state not in PLACED, f"acknowledged while {found.state}"

    async def quiet(self) -> None:
        """Until what is due is decided, what is decided is committed, and everybody waits again."""
        for _ in range(2):
            await self._rest()
            await self.leader.write()
        await self._rest()

    async def _rest(self) -> None:
        """Until nobody but the clock has anything to do; a leader that is held up has, and is not waited for."""
        await turns(8)
        if self._reigns:
            await self._dialled()
        for _ in range(_MOST_TURNS):
            if not self._reigns or not self.reign.may_act or self.reign.run.done() or self._at_rest():
                break
            await turns(1)
        await turns(3)

    def _at_rest(self) -> bool:
        leader, now = self.leader, self.clock.now()
        timetable, writer = leader.timetable, leader._writer
        known = timetable.horizon[0] - now > self.policy.lookahead / 2 or leader._fires._plenty()
        due = timetable.next_due(leader._fires._reach())
        return (
            known
            and timetable._reading is None
            and (due is None or due > now)
            and not writer._queue
            and not writer._under_way
            and any(now < alarm <= now + _TICK for alarm in self.clock.alarms)
        )

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and all that it brings."""
        await self.clock.advance(seconds)
        await self.quiet()

    # ------------------------------------------------------------------------------------- what clients do

    def proposal(self, name: str = "report", namespace: str = "default", **manifest: Any) -> Proposal:
        library = self.leader.catalog.library
        spec = read_spec({"task": SHELL, **manifest})
        definition, schedules = compile_job(spec, self.policy.defaults, namespace, name, library)
        return Proposal(
            namespace=namespace,
            name=name,
            labels={},
            definition=definition,
            schedules=schedules,
        )

    async def apply(self, name: str = "report", **manifest: Any) -> dict[str, Any]:
        """Apply one job."""
        return (await self.apply_all([self.proposal(name, **manifest)]))[0]

    async def apply_all(
        self,
        proposals: Sequence[Proposal],
        dry_run: bool = False,
        expected_revision: int = 0,
        identity: WriteRequest | None = None,
    ) -> list[dict[str, Any]]:
        """Apply jobs, all or none."""
        wanted = Request(jobs=proposals, dry_run=dry_run, expected_revision=expected_revision)
        facts = await self.leader.edits.apply(identity or request(), wanted)
        return list(facts["jobs"])

    async def apply_calendar(self, name: str, **spec: Any) -> dict[str, Any]:
        """Apply one calendar."""
        wanted = Request(calendars=[self.calendar(name, **spec)])
        (facts,) = (await self.leader.edits.apply(request(), wanted))["calendars"]
        return dict(facts)

    def calendar(self, name: str, **spec: Any) -> CalendarProposal:
        return CalendarProposal(namespace="default", name=name, labels={}, spec=read_calendar(spec))

    async def pause(self, paused: bool = True, name: str = "report", catch_up: bool = False) -> None:
        await self.leader.edits.set_paused(request(), ("default", name), paused, catch_up)

    async def delete(self, name: str = "report") -> tuple[str, int]:
        return await self.leader.edits.delete(request(), ("default", name), 0)

    async def run_job(self, name: str = "report", **params: Any) -> Execution:
        return await self.leader.runs.run(request(), "default", name, params)

    async def started(self, executor: ScriptedExecutor, name: str = "report", **manifest: Any) -> Execution:
        """A job's execution that runs on an executor."""
        await self.apply(name, **manifest)
        row = await self.run_job(name)
        await until(lambda: any(d.key.execution_id == str(row.id) for d in executor.dispatches))
        await executor.say(report(executor.dispatches[-1].key, started=pb.Started()))
        return await self.becomes(row, State.RUNNING)

    async def cancel(self, row: Execution, reason: str = "enough") -> Execution:
        return await self.leader.runs.cancel(request(), row.id, reason)

    # ------------------------------------------------------------------------------------- what is recorded

    def job(self, name: str = "report") -> Job:
        (job,) = self.store.jobs(JobQuery(names=(("default", name),)))
        return job

    def rows(self, name: str = "report") -> list[Execution]:
        """Executions of a job, by scheduled time."""
        found = self.store.executions(ExecutionQuery(job=name, limit=1000))
        return sorted(found, key=lambda row: (row.scheduled_time, row.id))

    def row(self, id_: str | UUID) -> Execution:
        found = self.store.execution(UUID(id_) if isinstance(id_, str) else id_)
        assert found is not None
        return found

    def states(self, name: str = "report") -> list[tuple[str, str]]:
        """Seconds past noon and state of each execution; the reason behind a skip."""
        return [
            (
                f"{(row.scheduled_time - _NOON).total_seconds():g}",
                f"{row.state}{f' {row.reason}' if row.state is State.SKIPPED else ''}",
            )
            for row in self.rows(name)
        ]

    async def dispatched(self, executor: ScriptedExecutor, count: int = 1) -> list[pb.Dispatch]:
        """Wait until an executor has got so many dispatches."""
        await until(lambda: len(executor.dispatches) >= count, f"{count} dispatches to {executor.name}")
        return executor.dispatches

    async def becomes(self, row: Execution | pb.Dispatch, state: State) -> Execution:
        """Wait until an execution's record has that state."""
        id_ = row.key.execution_id if isinstance(row, pb.Dispatch) else row.id
        await until(lambda: self.row(id_).state is state, f"{id_} became {state}: it is {self.row(id_)}")
        return self.row(id_)

    def evidence(self) -> int:
        """How many reports were kept as evidence."""
        count: int = self.store.database.read(
            lambda connection: connection.exec_driver_sql("SELECT count(*) FROM evidence").scalar_one()
        )
        return count


_NOON = datetime.fromisoformat("2026-03-02T12:00:00+00:00")
