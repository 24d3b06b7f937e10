"""Fires that a gap delayed wait behind one another, instead of overlapping.

The concurrency policy compares with what would have been running at the scheduled time. Of an execution that began
late that is not known before it has ended: then it is as if it had run from its own scheduled time on, for as long as
it took. So a fire that comes while everything open of its job began late waits for that end. Those behind it whose
scheduled time it would have reached into are skipped as overlaps, and the next one begins.

    scheduled   a    b    c    d
    no leader   ---------------]
    a runs                      [aaa]                   as if from a on: over before b
    b runs                           [bbbbbbb]          as if from b on: it reaches into c, which is skipped
    d runs                                    [ddd]
"""

from bisect import bisect_left, insort
from datetime import datetime, timedelta
from uuid import UUID

from cronquorum.clock import Clock
from jobstore.model import Execution
from jobstore.states import State
from scheduler import settle
from scheduler.leader.catalog import Catalog
from scheduler.leader.ledger import Ledger
from scheduler.leader.placement import Placement

LATE = timedelta(seconds=1)
"""A fire that is decided later than this after its moment was delayed by a gap."""

BEHIND = "waits behind an execution that a gap delayed"
"""The reason on the record of one that waits; a new leader knows it by that."""

STARTING = timedelta(seconds=10)
"""How long a fire on time waits behind a late one that nobody runs yet: executors may not be attached."""

_Place = tuple[datetime, str, UUID]
"""By scheduled time; at one instant, by the triggers' names."""


class Chains:
    """What began late, and what waits behind it, by job. No question costs more for a longer line."""

    def __init__(self, ledger: Ledger, catalog: Catalog, placement: Placement, clock: Clock) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._placement = placement
        self._clock = clock
        self._began: dict[UUID, dict[UUID, datetime]] = {}
        self._lines: dict[UUID, list[_Place]] = {}
        self._waiting: set[UUID] = set()

    def __len__(self) -> int:
        """How many stand behind another one."""
        return len(self._waiting)

    def may_wait(self, job_uid: UUID, now: datetime, *, late: bool) -> bool:
        """Whether a fire may wait for what is open of its job: all of it began late, or waits behind such.

        One on time does not wait behind what itself waits for a slot: there would be ever more of them.
        """
        began = self._began.get(job_uid, {})
        if self._running(job_uid) != len(began):
            return False
        return late or all(self._is_on_its_way(id_, since, now) for id_, since in began.items())

    def _is_on_its_way(self, id_: UUID, since: datetime, now: datetime) -> bool:
        execution = self._ledger.get(id_)
        return execution is None or execution.state is not State.PENDING or now - since < STARTING

    def waits(self, execution: Execution) -> bool:
        """Whether it stands behind another one."""
        return execution.id in self._waiting

    def begin(self, execution: Execution, since: datetime) -> None:
        """It begins late."""
        if not execution.state.final:
            self._began.setdefault(execution.job_uid, {})[execution.id] = since

    def wait(self, execution: Execution, deadline: timedelta | None, now: datetime) -> Execution:
        """Have it wait; the answer is in the ledger."""
        self.rejoin(execution)
        return self._ledger.put(settle.wait(execution, BEHIND, now, settle.wait_until(execution, deadline, now)))

    def rejoin(self, execution: Execution) -> None:
        """It waits already, as its record says."""
        insort(self._lines.setdefault(execution.job_uid, []), _place(execution))
        self._waiting.add(execution.id)

    def ended(self, execution: Execution) -> list[Execution]:
        """What the end of an execution makes of those behind it; the answers are in the ledger."""
        since = self._leave(execution)
        if execution.job_uid not in self._lines:
            return []
        return self._next(execution.job_uid, execution.scheduled_time + _took(execution, since))

    def forget(self, execution: Execution) -> None:
        """Its record was taken back."""
        self._leave(execution)

    def resume(self) -> list[Execution]:
        """Those behind what is gone: after a take-over, or since the store refused its record."""
        return [each for job_uid in list(self._lines) for each in self._next(job_uid, None)]

    def _next(self, job_uid: UUID, busy_until: datetime | None) -> list[Execution]:
        """Skip those that would have overlapped, and begin the first that would not, unless one is running."""
        changed: list[Execution] = []
        now = self._clock.now()
        while (line := self._lines.get(job_uid)) and self._running(job_uid) <= 0:
            place = line[0]
            self._drop(job_uid, place)
            waiting = self._ledger.get(place[2])
            if waiting is None:
                continue
            definition = self._catalog.definition(job_uid, waiting.revision)
            if definition is None:
                changed.append(self._ledger.put(settle.skip(waiting, "definitionUnreadable", now)))
            elif busy_until is not None and waiting.scheduled_time < busy_until:
                changed.append(self._ledger.put(settle.skip(waiting, "overlap", now)))
            else:
                changed.append(self._placement.place(waiting, definition, now))
                if waiting.recorded - waiting.scheduled_time > LATE:  # or else the chain would never end
                    self.begin(changed[-1], now)
        return changed

    def _running(self, job_uid: UUID) -> int:
        """How many of a job's open executions do not wait behind another."""
        return self._ledger.open_count(job_uid) - len(self._lines.get(job_uid, ()))

    def _leave(self, execution: Execution) -> datetime | None:
        """It is gone; returns since when it ran, if it began late."""
        if execution.id in self._waiting:
            self._drop(execution.job_uid, _place(execution))
        began = self._began.get(execution.job_uid, {})
        since = began.pop(execution.id, None)
        if not began:
            self._began.pop(execution.job_uid, None)
        return since

    def _drop(self, job_uid: UUID, place: _Place) -> None:
        line = self._lines[job_uid]
        del line[bisect_left(line, place)]
        self._waiting.discard(place[2])
        if not line:
            del self._lines[job_uid]


def _took(execution: Execution, since: datetime | None) -> timedelta:
    """How long it ran; all attempts together, and the waits between them."""
    began = execution.dispatched if execution.attempt == 1 else since
    if execution.ended is None or began is None or execution.executor_id == "":
        return timedelta(0)
    return max(timedelta(0), execution.ended - began)


def _place(execution: Execution) -> _Place:
    return execution.scheduled_time, execution.trigger, execution.id
