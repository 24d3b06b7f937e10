"""Fires whose time has come, and for whom no slot is free: for a moment they are not recorded.

One that finds a slot within that moment is written once, as dispatched, and not as pending first: when thousands are
due at one instant, that is a third of all that is written. They have been looked at in time, so they are neither
missed nor late; a node that takes over finds them due.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from jobstore.model import DueTrigger
from scheduler.definitions import Definition
from scheduler.leader.due import Due
from scheduler.leader.timetable import Timetable
from scheduler.misfire import FirePlan

MOMENT = timedelta(seconds=5)
"""How long a fire waits for a slot before it is recorded as pending."""
MOST = 100_000
"""Fires that wait so; those beyond are recorded as pending at once."""

_Demand = tuple[str, str, str]
"""Task kind, selector and namespace."""
HasRoom = Callable[[Definition, str], bool]
_Waiting = tuple[Due, FirePlan]
"""A due trigger, and what it comes to."""


class Backlog:
    """Lines of due triggers by what they need. `wake` is called when one of them may be decided."""

    def __init__(self, timetable: Timetable, wake: Callable[[], None]) -> None:
        self._timetable = timetable
        self._wake = wake
        self._lines: dict[_Demand, tuple[Definition, deque[_Waiting]]] = {}
        self._waiting: dict[int, DueTrigger] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, due: Due, plan: FirePlan, until: datetime) -> None:
        """Have it wait for a slot; at `until` it is due again, whatever there is."""
        trigger, definition, namespace = due.trigger, due.definition, due.job.namespace
        self._timetable.hold(trigger, until)
        self._waiting[trigger.uid.int] = trigger
        demand = *definition.demand, namespace
        if demand not in self._lines:
            self._lines[demand] = definition, deque()
        self._lines[demand][1].append((due, plan))

    def leave(self, trigger: DueTrigger) -> bool:
        """Whether it has waited here with this due time; with whichever, it does no more."""
        waiting = self._waiting.pop(trigger.uid.int, None)
        return waiting is not None and waiting.next_fire == trigger.next_fire

    def forget(self, trigger_uid: UUID) -> None:
        """A trigger is gone."""
        self._waiting.pop(trigger_uid.int, None)

    def slots_are_free(self) -> None:
        """Somebody may take what waits."""
        if self._waiting:
            self._wake()

    def serve(self, has_room: HasRoom) -> Iterator[_Waiting]:
        """Those that may be recorded now, oldest first; each has left, and is taken out of the timetable.

        What was found for it still holds: whoever edits a job decides what it has waiting before.
        """
        heads = [
            (line[0][0].trigger.next_fire, number, demand)
            for number, (demand, (_, line)) in enumerate(self._lines.items())
        ]
        heapq.heapify(heads)
        while heads:
            _, number, demand = heapq.heappop(heads)
            definition, line = self._lines[demand]
            self._drop_stale(line)
            if line and has_room(definition, demand[2]):
                waiting = line.popleft()
                trigger = waiting[0].trigger
                self.leave(trigger)
                self._timetable.drop(trigger.uid)
                yield waiting
                self._drop_stale(line)
                if line:
                    heapq.heappush(heads, (line[0][0].trigger.next_fire, number, demand))
            if not line:
                del self._lines[demand]

    def _drop_stale(self, line: deque[_Waiting]) -> None:
        """Those that have left otherwise; and those of jobs that are being edited, which the edit decides."""
        while line and not self._stands(line[0][0].trigger):
            line.popleft()

    def _stands(self, trigger: DueTrigger) -> bool:
        return self._waiting.get(trigger.uid.int) is trigger and not self._timetable.is_frozen(trigger.job_uid)
