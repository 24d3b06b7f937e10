"""Standing in line for leadership, and leading when it is one's turn."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from cronquorum import logs
from cronquorum.clock import Clock, wait_for_event
from cronquorum.coordination import Candidacy, Claim, CoordinationError, Coordinator, Member
from jobstore.errors import ClaimRefused, StoreError
from jobstore.model import Term
from scheduler.errors import NotLeading
from scheduler.fitness import Fitness
from scheduler.leader.leader import Leader
from scheduler.leader.link import SupersededByExecutor
from scheduler.metrics import NodeMetrics
from scheduler.store import Store

PROBE = 1.0
"""Seconds between two looks at whether the store takes writes, while standing in line."""
PAUSE = 1.0
"""Seconds before a node whose term failed, or who cannot stand, tries again."""
HAND_OVER = 0.8
"""Seconds that a leader who is told to stop takes to write what is decided."""

_log = logs.get_logger(__name__)


class Candidate:
    """One node's standing in line, time and again; `leader` is there while it leads.

    Only a node that is fit to lead stands in line. Each turn is a candidacy of its own,
    and each term a leader of its own: nothing of one that ended is reused.
    """

    def __init__(
        self,
        member: Member,
        coordinator: Coordinator,
        store: Store,
        make_leader: Callable[[Term, Callable[[], bool]], Leader],
        fitness: Fitness,
        clock: Clock,
        session_timeout: timedelta,
        metrics: NodeMetrics,
    ) -> None:
        self._member = member
        self._coordinator = coordinator
        self._store = store
        self._make_leader = make_leader
        self._fitness = fitness
        self._clock = clock
        self._session_timeout = session_timeout
        self._metrics = metrics
        self._stopping = asyncio.Event()
        self.leader: Leader | None = None
        """Set while this node leads and has taken over, but not in a long silence of the coordinator's."""
        self.leads = asyncio.Event()
        """Set as long as `leader` is."""

    def stop(self) -> None:
        """Hand over if this node leads, and stand no more; `run` returns then."""
        self._stopping.set()

    async def run(self) -> None:
        """Stand in line, lead, and stand again, until told to stop."""
        while not self._stopping.is_set():
            try:
                if await self._fitness.may_stand():
                    await self._stand()
            except (CoordinationError, StoreError, NotLeading) as error:
                _log.warning("not leading", node=self._member.id, error=str(error))
            except Exception:
                _log.exception("the term failed unexpectedly", node=self._member.id)
            await wait_for_event(self._stopping, self._clock, PAUSE)

    async def _stand(self) -> None:
        candidacy = await self._coordinator.stand(self._member)
        try:
            claim = await self._wait_in_line(candidacy)
            if claim is not None:
                await self._lead(candidacy, claim)
        finally:
            await candidacy.withdraw()

    async def _wait_in_line(self, candidacy: Candidacy) -> Claim | None:
        """Return when this node is first; None when it is told to stop, or the store fails it."""
        elected = asyncio.ensure_future(candidacy.elected())
        try:
            while not elected.done():
                stopping = asyncio.ensure_future(wait_for_event(self._stopping, self._clock, PROBE))
                await asyncio.wait((elected, stopping), return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
                if self._stopping.is_set() or (not elected.done() and not await self._fitness.may_stand()):
                    return None
            return elected.result()
        finally:
            elected.cancel()

    async def _lead(self, candidacy: Candidacy, claim: Claim) -> None:
        """Lead for one term; or for several, when an executor knows a higher epoch than the store does, or an
        operator releases one that is held."""
        at_least = 0
        while not self._stopping.is_set():
            since = self._clock.monotonic()
            term = await self._begin_term(candidacy, claim, at_least)
            if term is None:
                return
            self._metrics.election.add(self._clock.monotonic() - since)
            try:
                released = await self._lead_term(candidacy, term, since)
                if not released or not candidacy.may_act():
                    return
                at_least = 0
            except SupersededByExecutor as error:
                if not candidacy.may_act():
                    return
                # first in line, and yet behind: the store has gone back, or a term began under our feet,
                # in which case `begin_term` refuses
                self._metrics.fencing.add("epoch")
                _log.error("the epoch of the store is behind", epoch=term.epoch, seen=error.highest)
                at_least = error.highest

    async def _begin_term(self, candidacy: Candidacy, claim: Claim, at_least: int) -> Term | None:
        try:
            return await asyncio.to_thread(
                self._store.begin_term, claim.order, claim.ensemble, claim.member.id, at_least
            )
        except ClaimRefused as error:
            self._metrics.fencing.add("claim")
            _log.warning("the claim is refused", node=self._member.id, error=str(error))
            await wait_for_event(self._stopping, self._clock, self._session_timeout.total_seconds() / 2)
            if candidacy.may_act() and not self._stopping.is_set():
                # proven first in line after the refusal, and yet older than the last leader: the
                # coordinator went back to a backup, and would refuse everybody for ever
                _log.error("the coordinator has gone back: it gets a new id", seen=claim.ensemble)
                await self._coordinator.replace_ensemble(claim.ensemble)
            return None

    async def _lead_term(self, candidacy: Candidacy, term: Term, since: float) -> bool:
        """Returns whether the term was held, and has been released. `since` (monotonic seconds) its node is first."""
        with logs.within(epoch=term.epoch):
            return await self._lead_until_over(candidacy, term, since)

    async def _lead_until_over(self, candidacy: Candidacy, term: Term, since: float) -> bool:
        leader = self._make_leader(term, candidacy.may_act)
        self._metrics.terms.add()
        self._metrics.failing.clear()
        self._metrics.epoch.set(term.epoch)
        _log.info("leading", node=self._member.id, epoch=term.epoch)
        run = asyncio.create_task(leader.run(), name=f"term {term.epoch}")
        ready = asyncio.create_task(self._when_ready(leader, since), name="ready")
        ended = asyncio.ensure_future(candidacy.ended())
        stopping = asyncio.ensure_future(self._stopping.wait())
        unfit = asyncio.ensure_future(self._fitness.lost(leader))
        try:
            await asyncio.wait((run, ended, stopping, unfit), return_when=asyncio.FIRST_COMPLETED)
            released = run.done() and leader.hold.released.is_set()
            if (self._stopping.is_set() or unfit.done()) and not run.done():
                ready.cancel()
                self._left()
                await leader.stop(HAND_OVER)
            if ended.done():
                reason = ended.result()
            elif self._stopping.is_set():
                reason = "stopping"
            elif unfit.done():
                reason = unfit.result()
            else:
                reason = "released" if released else "failed"
            _log.info("term over", node=self._member.id, epoch=term.epoch, reason=reason)
            if run.done():
                run.result()
            return released
        finally:
            self._left()
            tasks = (run, ready, ended, stopping, unfit)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _when_ready(self, leader: Leader, since: float) -> None:
        await leader.took_over.wait()
        self._metrics.failover.add(self._clock.monotonic() - since)
        while True:
            if leader.vigil.silent:
                self._left()  # whoever calls is told so, instead of being kept waiting
            else:
                self.leader = leader
                self.leads.set()
                self._metrics.leader.set(1)
            await leader.vigil.turned()

    def _left(self) -> None:
        self.leader = None
        self.leads.clear()
        self._metrics.leader.set(0)
