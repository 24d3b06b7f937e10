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

from bisect import insort
from datetime import datetime, timedelta
from uuid import UUID

from cronquorum.clock import Clock
from jobstore.model import Execution
from scheduler import settle
from scheduler.leader.catalog import Catalog
from scheduler.leader.ledger import Ledger
from scheduler.leader.placement import Placement

LATE = timedelta(seconds=1)
"""A fire that is decided later than this after its moment was delayed by a gap."""

BEHIND = "waits behind an execution that a gap delayed"
"""The reason on the record of one that waits; a new leader knows it by that."""

_Place = tuple[datetime, UUID]


class Chains:
    """What began late, and what waits behind it, by job."""

    def __init__(self, ledger: Ledger, catalog: Catalog, placement: Placement, clock: Clock) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._placement = placement
        self._clock = clock
        self._since: dict[UUID, datetime] = {}
        self._waiting: dict[UUID, list[_Place]] = {}

    def all_late(self, job_uid: UUID) -> bool:
        """Whether everything open of a job began late, or waits behind such."""
        return all(e.id in self._since or self.waits(e) for e in self._ledger.of_job(job_uid))

    def waits(self, execution: Execution) -> bool:
        """Whether it stands behind another one."""
        return (execution.scheduled_time, execution.id) in self._waiting.get(execution.job_uid, ())

    def begin(self, execution: Execution, since: datetime) -> None:
        """It begins late."""
        if not execution.state.final:
            self._since[execution.id] = since

    def wait(self, execution: Execution, deadline: timedelta | None, now: datetime) -> Execution:
        """Have it wait; the answer is in the ledger."""
        self.rejoin(execution)
        return self._ledger.put(settle.wait(execution, BEHIND, now, settle.wait_until(execution, deadline, now)))

    def rejoin(self, execution: Execution) -> None:
        """It waits already, as its record says."""
        insort(self._waiting.setdefault(execution.job_uid, []), (execution.scheduled_time, execution.id))

    def ended(self, execution: Execution) -> list[Execution]:
        """What the end of an execution makes of those behind it; the answers are in the ledger."""
        since = self._since.pop(execution.id, None)
        self._leave(execution)
        if execution.job_uid not in self._waiting:
            return []
        took = execution.ended - since if since is not None and execution.ended is not None else timedelta(0)
        return self._next(execution.job_uid, execution.scheduled_time + took)

    def forget(self, execution: Execution) -> None:
        """Its record was taken back."""
        self._since.pop(execution.id, None)
        self._leave(execution)

    def resume(self) -> list[Execution]:
        """Those behind what is gone: after a take-over, or since the store refused its record."""
        return [each for job_uid in list(self._waiting) for each in self._next(job_uid, None)]

    def _next(self, job_uid: UUID, busy_until: datetime | None) -> list[Execution]:
        """Skip those that would have overlapped, and begin the first that would not, unless one is running."""
        changed: list[Execution] = []
        now = self._clock.now()
        while (line := self._waiting.get(job_uid)) and not self._running(job_uid):
            waiting = self._ledger.get(line[0][1])
            self._drop(job_uid, line[0])
            if waiting is None:
                continue
            definition = self._catalog.definition(job_uid, waiting.revision)
            if definition is None:
                changed.append(self._ledger.put(settle.skip(waiting, "definitionUnreadable", now)))
            elif busy_until is not None and waiting.scheduled_time < busy_until:
                changed.append(self._ledger.put(settle.skip(waiting, "overlap", now)))
            else:
                changed.append(self._placement.place(waiting, definition, now))
                self.begin(changed[-1], now)
        return changed

    def _running(self, job_uid: UUID) -> bool:
        return any(not self.waits(execution) for execution in self._ledger.of_job(job_uid))

    def _leave(self, execution: Execution) -> None:
        place = (execution.scheduled_time, execution.id)
        if place in self._waiting.get(execution.job_uid, ()):
            self._drop(execution.job_uid, place)

    def _drop(self, job_uid: UUID, place: _Place) -> None:
        line = self._waiting[job_uid]
        line.remove(place)
        if not line:
            del self._waiting[job_uid]
