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
from scheduler.leader.ahead import MOST as MOST_AHEAD
from scheduler.leader.ahead import Ahead
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

    def __init__(
        self, term: Term, ledger: Ledger, ahead: Ahead, catalog: Catalog, limits: Limits, draw: random.Random
    ) -> None:
        self._term = term
        self._ledger = ledger
        self._ahead = ahead
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
        found, reason = self._candidates(definition, execution, now)
        if not found:
            return self._wait(execution, definition.demand, reason, now, deadline)
        turn = self._turns.get(execution.job_uid, 0)
        request = routing.Request(execution.job_uid, execution.id, turn, self._draw.random())
        if len(self._turns) >= MOST_TURNS:
            self._turns.clear()
        self._turns[execution.job_uid] = turn + 1
        try:
            candidates = [candidate for candidate, _ in found]
            choice = routing.STRATEGIES[definition.routing](candidates, request)
            chosen = found[candidates.index(choice)][1]
        except Exception as error:
            # somebody's own strategy: what it cannot do waits, and delays nobody
            reason = wire.text(f"routing strategy {definition.routing} failed: {error!r}", 500)
            return self._wait(execution, definition.demand, reason, now, deadline)
        placed = settle.place(execution, *chosen.holder, self._term.epoch, now)
        early = execution.scheduled_time > now
        if early or self._ahead.in_use(chosen.holder) >= chosen.slots:
            self._ahead.keep(placed, early=early)
        return self._out(placed)

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
            if waiting is not None and id_ not in self._refused_by and not self._candidates(*waiting, now)[0]:
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

    def _candidates(
        self, definition: Definition, execution: Execution, now: datetime
    ) -> tuple[list[tuple[routing.Candidate, Offer]], str]:
        """Who could take it now, or at its time if that is to come; or, when nobody can, why."""
        early = execution.scheduled_time > now
        full = self._limit_reached(execution.namespace)
        if full:
            return [], full
        pool = self._pool(definition)
        if not pool.offers:
            return [], pool.reason
        willing = pool.offers
        if execution.id in self._refused_by:
            refusals = self._refused_by[execution.id]
            willing = [offer for offer in willing if offer.holder[0] not in refusals]
            if not willing:
                told = ", ".join(f"{id_} ({why})" for id_, why in sorted(refusals.items()))
                return [], f"refused by {told}"[:500]
        used_of = self._ledger.used_slots if early else self._ahead.in_use
        found: list[tuple[routing.Candidate, Offer]] = []
        crowded: list[tuple[routing.Candidate, Offer]] = []
        for offer in willing:
            slots, used = offer.slots, used_of(offer.holder)
            if used < slots:
                found.append((routing.Candidate(offer.holder[0], slots, used), offer))
            elif not found and (self._has_room_early(offer) if early else self._has_room(offer)):
                crowded.append((routing.Candidate(offer.holder[0], slots, used), offer))
        # whoever has a free slot; if nobody has, whoever will soon have one
        found = found or crowded
        return found, "" if found else f"no free slot on {len(willing)} executors"

    def _has_room(self, offer: Offer) -> bool:
        used = self._ahead.in_use(offer.holder)
        return used < offer.slots or used < offer.slots + min(offer.slots, self._ahead.turnover(offer.holder))

    def _has_room_early(self, offer: Offer) -> bool:
        # one whose slots are all taken by what runs long is asked when the time has come
        has_slots = self._ahead.sent(offer.holder) < offer.slots or self._ahead.turnover(offer.holder) > 0
        return has_slots and self._ahead.early(offer.holder) < MOST_AHEAD

    @property
    def free_slots(self) -> int:
        """How many slots nobody has, or waits for."""
        return sum(max(0, offer.slots - self._ahead.in_use(offer.holder)) for offer in self._offers)

    def has_slot(self, definition: Definition, namespace: str) -> bool:
        """Whether an execution that nobody has refused would find a free slot now."""
        return not self._limit_reached(namespace) and any(
            self._ahead.in_use(offer.holder) < offer.slots for offer in self._pool(definition).offers
        )

    def has_room(self, definition: Definition, namespace: str) -> bool:
        """Whether an execution that nobody has refused would find an executor now."""
        return not self._limit_reached(namespace) and any(map(self._has_room, self._pool(definition).offers))

    def has_room_early(self, definition: Definition, namespace: str) -> bool:
        """Whether one whose time is to come may be recorded for some executor."""
        if (*definition.demand, namespace) in self._waiting or self._limit_reached(namespace):
            return False
        return any(map(self._has_room_early, self._pool(definition).offers))

    @property
    def full_early(self) -> bool:
        """Whether nothing more may be recorded ahead for anybody."""
        return not any(map(self._has_room_early, self._offers))

    @property
    def full_everywhere(self) -> bool:
        """Whether there are executors, and none may have one more."""
        return bool(self._offers) and not any(map(self._has_room, self._offers))

    def is_full(self, definition: Definition, namespace: str) -> bool:
        """Whether nobody may have it now, though there are executors that could take it."""
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
