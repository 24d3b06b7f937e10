"""The executions that are not final, in memory: what the leader decides on."""

import heapq
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from jobstore.model import Execution
from jobstore.states import PLACED, State

_K = TypeVar("_K")

Holder = tuple[str, str]
"""Executor id and incarnation."""

SLACK = 1_000
"""Times to look at what has ended or moved on, beyond which they are cleared away."""


class Ledger:
    """All open executions, found by id, by job, by the executor that holds them, and by when to look again.

    Ids are kept as numbers: looking up a `UUID` costs ten times as much, and each execution is looked up some fifty
    times. Written at the moment of the decision; the store follows. A write that the store refuses ends the
    term, or sets the one execution aside, so the two do not drift apart.
    """

    def __init__(self) -> None:
        self._open: dict[int, Execution] = {}
        self._by_job: dict[int, set[int]] = {}
        self._by_holder: dict[Holder, set[int]] = {}
        self._freed: set[int] = set()
        self._freed_by: Counter[Holder] = Counter()
        self._checks: list[tuple[datetime, int]] = []
        self._states: Counter[State] = Counter()
        self._placed_in: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def get(self, execution_id: UUID) -> Execution | None:
        """The open execution of that id."""
        return self._open.get(execution_id.int)

    def numbered(self, number: int) -> Execution | None:
        """The open execution whose id is that number."""
        return self._open.get(number)

    def put(self, execution: Execution) -> Execution:
        """Take in what an execution has become; a final one is forgotten."""
        number = execution.id.int
        before = self._open.pop(number, None)
        if before is not None:
            self._unlink(before)
        if execution.state.final:
            return execution
        self._open[number] = execution
        self._states[execution.state] += 1
        self._by_job.setdefault(execution.job_uid.int, set()).add(number)
        if execution.state in PLACED:
            self._by_holder.setdefault(_holder(execution), set()).add(number)
            self._placed_in[execution.namespace] += 1
        if execution.check_at is not None and (before is None or before.check_at != execution.check_at):
            heapq.heappush(self._checks, (execution.check_at, number))
            if len(self._checks) > 2 * len(self._open) + SLACK:
                self._checks = [(e.check_at, e.id.int) for e in self._open.values() if e.check_at is not None]
                heapq.heapify(self._checks)
        return execution

    def forget(self, execution_id: UUID) -> None:
        """Let go of an execution whose record was refused."""
        before = self._open.pop(execution_id.int, None)
        if before is not None:
            self._unlink(before)

    def _unlink(self, execution: Execution) -> None:
        self._states[execution.state] -= 1
        _discard(self._by_job, execution.job_uid.int, execution.id.int)
        if execution.state in PLACED:
            holder = _holder(execution)
            _discard(self._by_holder, holder, execution.id.int)
            if execution.id.int in self._freed:
                self._freed.discard(execution.id.int)
                self._freed_by[holder] -= 1
                if not self._freed_by[holder]:
                    del self._freed_by[holder]
            self._placed_in[execution.namespace] -= 1

    def of_job(self, job_uid: UUID) -> list[Execution]:
        """A job's open executions."""
        return [self._open[id_] for id_ in self._by_job.get(job_uid.int, ())]

    def open_count(self, job_uid: UUID) -> int:
        """How many of a job's executions are open, anywhere in the cluster."""
        return len(self._by_job.get(job_uid.int, ()))

    def held_by(self, holder: Holder) -> list[Execution]:
        """What an incarnation of an executor holds."""
        return [self._open[id_] for id_ in self._by_holder.get(holder, ())]

    def used_slots(self, holder: Holder) -> int:
        """How many slots of an executor are taken."""
        return len(self._by_holder.get(holder, ())) - self._freed_by[holder]

    def free(self, execution: Execution) -> bool:
        """An open execution has given its slot back; what it has become is `put` soon. Tells whether that is news."""
        number = execution.id.int
        if number in self._freed or execution.state not in PLACED:
            return False
        self._freed.add(number)
        self._freed_by[_holder(execution)] += 1
        return True

    @property
    def freed(self) -> int:
        """How many have given their slots back, and what they have become is still to be put."""
        return len(self._freed)

    def holders(self) -> list[Holder]:
        """The incarnations that hold something."""
        return list(self._by_holder)

    def placed(self, namespace: str | None = None) -> int:
        """How many executions executors hold: all, or a namespace's."""
        return self._placed_in.total() if namespace is None else self._placed_in[namespace]

    def counts(self) -> dict[State, int]:
        """Open executions by state."""
        return {state: count for state, count in self._states.items() if count}

    def count(self, state: State) -> int:
        """Open executions in one state."""
        return self._states[state]

    def to_check(self, now: datetime) -> Iterator[Execution]:
        """Those whose time to be looked at has come; each must be given a later one, or end."""
        last = None
        while self._checks and self._checks[0][0] <= now:
            check = heapq.heappop(self._checks)
            execution = self._open.get(check[1])
            # one that was given a time, another one, and the first again stands here twice
            if execution is not None and execution.check_at == check[0] and check != last:
                yield execution
            last = check

    def next_check(self) -> datetime | None:
        """When something is to be looked at next; sometimes too early, never too late."""
        return self._checks[0][0] if self._checks else None

    def overdue(self, before: datetime) -> int:
        """How many were to be looked at before then, or at no time at all: something is wrong with the leader. Looks
        at all of them."""
        return sum(each.check_at is None or each.check_at < before for each in self._open.values())

    def all(self) -> list[Execution]:
        """Every open execution."""
        return list(self._open.values())


def _holder(execution: Execution) -> Holder:
    return execution.executor_id, execution.incarnation


def _discard(index: dict[_K, set[int]], key: _K, id_: int) -> None:
    ids = index[key]
    ids.discard(id_)
    if not ids:
        del index[key]
