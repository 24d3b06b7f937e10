"""The triggers that are due in the next seconds: never all of them.

The horizon is a place in the order (next fire, uid): everything up to it is here, the rest is in the store
and is read by index when the horizon moves on.
"""

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobstore.model import DueTrigger

Place = tuple[datetime, UUID]
_Entry = tuple[datetime, int, int, DueTrigger]
"""When to look at a trigger; its uid as a number, which is compared far quicker; a number that no other has."""

FIRST_UID = UUID(int=0)
OFTEN = timedelta(seconds=2)
"""Between two fires of a trigger that fires often there is less than this."""
OFTEN_AHEAD = timedelta(milliseconds=500)
"""How long before its time such a one is looked at, at most: when its last run is over, and not while the fires of that
second are sent."""
_START: Place = (datetime.min.replace(tzinfo=UTC), FIRST_UID)


def fires_often(trigger: DueTrigger) -> bool:
    """Whether it has fired only a moment before its next fire."""
    return trigger.previous_fire is not None and trigger.next_fire - trigger.previous_fire < OFTEN


class Timetable:
    """Due triggers in the order of their times."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._often: list[_Entry] = []
        """Of triggers that fire often."""
        self._later: list[_Entry] = []
        self._next: dict[int, _Entry] = {}
        self._held: set[int] = set()
        self._numbers = itertools.count()
        self._horizon = _START
        self._reading: Place | None = None
        self._touched: set[int] = set()
        self._frozen: set[int] = set()

    def __len__(self) -> int:
        return len(self._next)

    @property
    def unheld(self) -> int:
        """How many wait for nothing but their due time."""
        return len(self._next) - len(self._held)

    @property
    def held(self) -> int:
        """How many were looked at, and are to be looked at again."""
        return len(self._held)

    @property
    def horizon(self) -> Place:
        """How far everything is known."""
        return self._horizon

    def put(
        self,
        uid: UUID,
        job_uid: UUID,
        next_fire: datetime | None,
        fires: int,
        missed_until: datetime | None = None,
        previous_fire: datetime | None = None,
    ) -> None:
        """A trigger's next fire is decided; what lies behind the horizon is left to the store."""
        self.drop(uid)
        limit = self._horizon if self._reading is None else max(self._horizon, self._reading)
        if next_fire is not None and (next_fire, uid) <= limit:
            due = DueTrigger(
                uid=uid,
                job_uid=job_uid,
                next_fire=next_fire,
                fires=fires,
                missed_until=missed_until,
                previous_fire=previous_fire,
            )
            self._insert(self._heap_of(due), due, next_fire)

    def hold(self, trigger: DueTrigger, until: datetime) -> None:
        """A trigger that was looked at is looked at again at that time, without another due time."""
        self.drop(trigger.uid)
        self._held.add(trigger.uid.int)
        self._insert(self._later, trigger, until)

    def drop(self, uid: UUID) -> None:
        """A trigger is gone, is set aside, or waits for something other than time."""
        if self._reading is not None:
            self._touched.add(uid.int)
        if self._next.pop(uid.int, None) is not None:
            self._held.discard(uid.int)

    def _heap_of(self, trigger: DueTrigger) -> list[_Entry]:
        return self._often if fires_often(trigger) else self._heap

    def _insert(self, heap: list[_Entry], trigger: DueTrigger, at: datetime) -> None:
        entry = at, trigger.uid.int, next(self._numbers), trigger
        self._next[entry[1]] = entry
        heapq.heappush(heap, entry)

    def begin_reading(self, until: Place) -> None:
        """What is decided from now on is newer than what the store is being asked."""
        self._reading = until
        self._touched.clear()

    def end_reading(self, rows: list[DueTrigger], horizon: Place) -> None:
        """Take in what the store answered: the triggers between the old horizon and this one."""
        for row in rows:
            if row.uid.int not in self._touched:
                self._insert(self._heap_of(row), row, row.next_fire)
        self._horizon = max(self._horizon, horizon)
        self._reading = None
        self._touched.clear()

    def freeze(self, job_uid: UUID) -> None:
        """Fire nothing of a job while it is being edited."""
        self._frozen.add(job_uid.int)

    def is_frozen(self, job_uid: UUID) -> bool:
        """Whether a job is being edited."""
        return job_uid.int in self._frozen

    def thaw(self, job_uid: UUID) -> None:
        """The edit is over."""
        self._frozen.discard(job_uid.int)

    def take(
        self, now: datetime, limit: int, ready: Callable[[UUID], bool], ahead: timedelta = timedelta(0)
    ) -> tuple[list[DueTrigger], set[UUID]]:
        """Remove and return triggers that are due, in order, at most `limit`; those of frozen jobs stay.

        So do those of jobs that are not `ready`: their jobs' uids are the second part of the answer. Those that were
        not looked at before are taken so much `ahead` of their times; those that fire often, by `OFTEN_AHEAD` at most.
        """
        taken: list[DueTrigger] = []
        missing: set[UUID] = set()
        self._take([(self._later, now)], limit, ready, taken, missing)
        heaps = [(self._heap, now + ahead), (self._often, now + min(ahead, OFTEN_AHEAD))]
        self._take(heaps, limit, ready, taken, missing)
        return taken, missing

    def _take(
        self,
        heaps: list[tuple[list[_Entry], datetime]],
        limit: int,
        ready: Callable[[UUID], bool],
        taken: list[DueTrigger],
        missing: set[UUID],
    ) -> None:
        left: list[tuple[list[_Entry], _Entry]] = []
        while len(taken) < limit and len(missing) < limit:
            due = [heap for heap, until in heaps if heap and heap[0][0] <= until]
            if not due:
                break
            heap = min(due)
            entry = heapq.heappop(heap)
            trigger = entry[3]
            if not self._is_current(entry):
                continue
            if trigger.job_uid.int in self._frozen:
                left.append((heap, entry))
            elif not ready(trigger.job_uid):
                left.append((heap, entry))
                missing.add(trigger.job_uid)
            else:
                del self._next[entry[1]]
                self._held.discard(entry[1])
                taken.append(trigger)
        for heap, entry in left:
            heapq.heappush(heap, entry)

    def of(self, uid: UUID) -> DueTrigger | None:
        """A trigger, if it is here."""
        entry = self._next.get(uid.int)
        return None if entry is None else entry[3]

    def of_job(self, job_uid: UUID) -> list[DueTrigger]:
        """A job's triggers that are here."""
        return [trigger for _, _, _, trigger in self._next.values() if trigger.job_uid == job_uid]

    def upcoming(self, limit: int) -> list[DueTrigger]:
        """The next triggers, due or not, in order."""
        triggers = (trigger for _, _, _, trigger in self._next.values())
        return heapq.nsmallest(limit, triggers, key=lambda trigger: (trigger.next_fire, trigger.uid.int))

    def next_due(self, ahead: timedelta = timedelta(0)) -> datetime | None:
        """When the next trigger that may fire is to be looked at: one that was not yet so much before it is due."""
        first = (
            (self._first(self._heap), ahead),
            (self._first(self._often), min(ahead, OFTEN_AHEAD)),
            (self._first(self._later), timedelta(0)),
        )
        return min((at - before for at, before in first if at is not None), default=None)

    def _first(self, heap: list[_Entry]) -> datetime | None:
        while heap and not self._is_current(heap[0]):
            heapq.heappop(heap)
        if not heap or heap[0][3].job_uid.int not in self._frozen:
            return heap[0][0] if heap else None
        return min(
            (entry[0] for entry in heap if self._is_current(entry) and entry[3].job_uid.int not in self._frozen),
            default=None,
        )

    def _is_current(self, entry: _Entry) -> bool:
        return self._next.get(entry[1]) is entry
