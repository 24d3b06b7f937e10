"""Placement: which executor gets an execution now, and what waits for one.

Waiting executions stand in a line for each demand, with a number in the order of their arrival, so that a
free slot goes to the oldest of those that can take it.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from jobstore.model import Execution, Term
from jobstore.states import State
from scheduler import routing, settle, wire
from scheduler.definitions import Definition
from scheduler.leader.catalog import Catalog
from scheduler.leader.ledger import Holder, Ledger

MOST_TURNS = 100_000
"""Jobs whose turn is remembered; then all begin with the first executor again."""

MOST_POOLS = 10_000
"""Pairs of task kind and selector whose executors are remembered, until one comes, goes, or changes."""

SLACK = 1_000
"""Places in a line whose owners are gone, beyond which they are cleared away."""

Demand = tuple[str, str, str]
"""Task kind, selector, and namespace, which may be at its limit while others are not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How many executions executors may hold at once; None: as many as there are slots."""

    running: int | None = None
    running_per_namespace: int | None = None


class Offer(Protocol):
    """An attached executor, as placement sees it."""

    @property
    def holder(self) -> Holder: ...

    @property
    def slots(self) -> int: ...

    @property
    def kinds(self) -> frozenset[str]: ...

    @property
    def labels(self) -> dict[str, str]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pool:
    """Who may take executions of one task kind and selector; or why nobody may."""

    offers: list[Offer]
    reason: str


class Placement:
    """Chooses executors by the job's routing strategy, and keeps what nobody can take yet."""

    def __init__(self, term: Term, ledger: Ledger, catalog: Catalog, limits: Limits, draw: random.Random) -> None:
        self._term = term
        self._ledger = ledger
        self._catalog = catalog
        self._limits = limits
        self._draw = draw
        self._offers: list[Offer] = []
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._arrivals = 0
        self._waiting: dict[Demand, deque[tuple[int, UUID]]] = {}
        self._queued: dict[UUID, int] = {}
        self._turns: dict[UUID, int] = {}
        self._refused_by: dict[UUID, dict[str, str]] = {}

    def offers(self, offers: Iterable[Offer]) -> None:
        """Who is attached and takes work now."""
        self._offers = sorted(offers, key=lambda offer: offer.holder)
        self._pools.clear()

    def refused(self, execution_id: UUID, executor_id: str, why: str) -> None:
        """An executor did not take this execution: the others are asked first."""
        if len(self._refused_by) > len(self._ledger) + SLACK:
            self._refused_by = {id_: by for id_, by in self._refused_by.items() if self._ledger.get(id_)}
        self._refused_by.setdefault(execution_id, {})[executor_id] = why

    def ask_again(self, execution_id: UUID) -> None:
        """Forget who refused it."""
        self._refused_by.pop(execution_id, None)

    def place(self, execution: Execution, definition: Definition, now: datetime) -> Execution:
        """Dispatch a pending execution, or leave it waiting with the reason, or skip it as too late.

        The answer is in the ledger already.
        """
        deadline = definition.spec.start_deadline
        if settle.past_deadline(execution, deadline, now):
            return self._out(settle.skip(execution, "startDeadline", now))
        found, reason = self._candidates(definition, execution)
        if not found:
            return self._wait(execution, definition.demand, reason, now, deadline)
        turn = self._turns.get(execution.job_uid, 0)
        request = routing.Request(execution.job_uid, execution.id, turn, self._draw.random())
        if len(self._turns) >= MOST_TURNS:
            self._turns.clear()
        self._turns[execution.job_uid] = turn + 1
        try:
            chosen = found[routing.STRATEGIES[definition.routing](list(found), request)]
        except Exception as error:
            # somebody's own strategy: what it cannot do waits, and delays nobody
            reason = wire.text(f"routing strategy {definition.routing} failed: {error!r}", 500)
            return self._wait(execution, definition.demand, reason, now, deadline)
        executor_id, incarnation = chosen.holder
        return self._out(settle.place(execution, executor_id, incarnation, self._term.epoch, now))

    def pump(self, now: datetime) -> list[Execution]:
        """Place what waits, oldest first, as far as there is room; returns what changed."""
        changed: list[Execution] = []
        newest = self._arrivals
        heads = [(line[0][0], demand) for demand, line in self._waiting.items()]
        heapq.heapify(heads)
        while heads:
            number, demand = heapq.heappop(heads)
            line = self._waiting[demand]
            id_ = line[0][1]
            waiting = self._waits(number, id_)
            if waiting is not None and id_ not in self._refused_by and not self._candidates(*waiting)[0]:
                continue  # nor is there room for those behind it
            line.popleft()
            self._leave(number, id_)
            if waiting is not None:
                definition, execution = waiting
                placed = self.place(execution, definition, now)
                if placed is not execution:
                    changed.append(placed)
            line = self._waiting[demand]
            if not line:
                del self._waiting[demand]
            elif line[0][0] <= newest:  # what is refused goes to the end, and is not asked twice
                heapq.heappush(heads, (line[0][0], demand))
        return changed

    def _waits(self, number: int, id_: UUID) -> tuple[Definition, Execution] | None:
        """Who stands in line with this number; None for one that has ended, was placed, or stands elsewhere."""
        execution = self._ledger.get(id_) if self._queued.get(id_) == number else None
        if execution is None or execution.state is not State.PENDING:
            return None
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        return None if definition is None else (definition, execution)

    def _join(self, id_: UUID, demand: Demand) -> None:
        line = self._waiting.setdefault(demand, deque())
        if len(line) > 2 * len(self._ledger) + SLACK:
            for number, gone in [entry for entry in line if self._ledger.get(entry[1]) is None]:
                self._leave(number, gone)
            self._waiting[demand] = line = deque(entry for entry in line if self._queued.get(entry[1]) == entry[0])
        self._arrivals += 1
        self._queued[id_] = self._arrivals
        line.append((self._arrivals, id_))

    def _leave(self, number: int, id_: UUID) -> None:
        if self._queued.get(id_) == number:
            del self._queued[id_]

    def _out(self, execution: Execution) -> Execution:
        self._queued.pop(execution.id, None)
        if execution.state.final:
            self._refused_by.pop(execution.id, None)
        return self._ledger.put(execution)

    def _wait(
        self,
        execution: Execution,
        demand: tuple[str, str],
        reason: str,
        now: datetime,
        deadline: timedelta | None,
    ) -> Execution:
        if execution.id not in self._queued:
            self._join(execution.id, (*demand, execution.namespace))
        check_at = settle.wait_until(execution, deadline, now)
        if execution.id in self._refused_by:
            check_at = min(check_at, now + settle.REFUSED_RETRY)
        waiting = settle.wait(execution, reason, now, check_at)
        return waiting if waiting is execution else self._ledger.put(waiting)

    def _candidates(self, definition: Definition, execution: Execution) -> tuple[dict[routing.Candidate, Offer], str]:
        """Who could take it now; or, when nobody can, why."""
        full = self._limit_reached(execution.namespace)
        if full:
            return {}, full
        pool = self._pool(definition)
        if not pool.offers:
            return {}, pool.reason
        willing = pool.offers
        if execution.id in self._refused_by:
            refusals = self._refused_by[execution.id]
            willing = [offer for offer in willing if offer.holder[0] not in refusals]
            if not willing:
                told = ", ".join(f"{id_} ({why})" for id_, why in sorted(refusals.items()))
                return {}, f"refused by {told}"[:500]
        found = {}
        for offer in willing:
            used, slots = self._ledger.used_slots(offer.holder), offer.slots
            if used < slots:
                found[routing.Candidate(offer.holder[0], slots, used)] = offer
        return found, "" if found else f"no free slot on {len(willing)} executors"

    def has_room(self, definition: Definition, namespace: str) -> bool:
        """Whether an execution that nobody has refused would find a slot now."""
        return not self._limit_reached(namespace) and any(
            self._ledger.used_slots(offer.holder) < offer.slots for offer in self._pool(definition).offers
        )

    @property
    def full_everywhere(self) -> bool:
        """Whether there are executors, and none has a free slot."""
        return bool(self._offers) and not any(
            self._ledger.used_slots(offer.holder) < offer.slots for offer in self._offers
        )

    def is_full(self, definition: Definition, namespace: str) -> bool:
        """Whether there is no slot for it now, though there are executors that could take it."""
        return bool(self._pool(definition).offers) and not self.has_room(definition, namespace)

    def _limit_reached(self, namespace: str) -> str:
        """Which limit is; empty: none."""
        limit = self._limits.running
        if limit is not None and self._ledger.placed() >= limit:
            return f"limit of {limit} running in the cluster"
        limit = self._limits.running_per_namespace
        if limit is not None and self._ledger.placed(namespace) >= limit:
            return f"limit of {limit} running in namespace {namespace}"
        return ""

    def _pool(self, definition: Definition) -> _Pool:
        pool = self._pools.get(definition.demand)
        if pool is None:
            pool = _pool(self._offers, definition)
            if len(self._pools) >= MOST_POOLS:
                self._pools.clear()
            self._pools[definition.demand] = pool
        return pool


def _pool(offers: list[Offer], definition: Definition) -> _Pool:
    kind, selector = definition.demand
    if not offers:
        return _Pool(offers=[], reason="no executor is attached")
    accepting = [offer for offer in offers if kind in offer.kinds]
    if not accepting:
        return _Pool(offers=[], reason=f"no executor accepts tasks of kind {kind}")
    matching = [offer for offer in accepting if definition.selector.matches(offer.labels)]
    return _Pool(offers=matching, reason="" if matching else f"no executor matches the selector {selector!r}")
