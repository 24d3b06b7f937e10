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
from jobstore.values import value
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


@value(frozen=True, slots=True)
class Waiting:
    """A due trigger, what it comes to, and when that was found."""

    due: Due
    plan: FirePlan
    since: datetime


class Backlog:
    """Lines of due triggers by what they need. `wake` is called when one of them may be decided."""

    def __init__(self, timetable: Timetable, wake: Callable[[], None]) -> None:
        self._timetable = timetable
        self._wake = wake
        self._lines: dict[_Demand, tuple[Definition, deque[Waiting]]] = {}
        self._waiting: dict[int, Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, waiting: Waiting, until: datetime) -> None:
        """Have it wait for a slot; at `until` it is due again, whatever there is."""
        due = waiting.due
        self._timetable.hold(due.trigger, until)
        self._waiting[due.trigger.uid.int] = waiting
        demand = *due.definition.demand, due.job.namespace
        if demand not in self._lines:
            self._lines[demand] = due.definition, deque()
        self._lines[demand][1].append(waiting)

    def has(self, trigger: DueTrigger) -> bool:
        """Whether it waits here with this due time."""
        waiting = self._waiting.get(trigger.uid.int)
        return waiting is not None and waiting.due.trigger.next_fire == trigger.next_fire

    def has_line(self, definition: Definition, namespace: str) -> bool:
        """Whether anything waits for what such an execution needs."""
        return (*definition.demand, namespace) in self._lines

    def leave(self, trigger: DueTrigger) -> datetime | None:
        """Since when it has waited here with this due time, if it has; with whichever, it does no more."""
        waiting = self._waiting.pop(trigger.uid.int, None)
        if waiting is None or waiting.due.trigger.next_fire != trigger.next_fire:
            return None
        return waiting.since

    def forget(self, trigger_uid: UUID) -> None:
        """A trigger is gone."""
        self._waiting.pop(trigger_uid.int, None)

    def slots_are_free(self) -> None:
        """Somebody may take what waits."""
        if self._waiting:
            self._wake()

    def serve(self, has_room: HasRoom) -> Iterator[Waiting]:
        """Those that may be recorded now, oldest first; each has left, and is taken out of the timetable.

        What was found for it still holds: whoever edits a job decides what it has waiting before.
        """
        heads = [
            (line[0].due.trigger.next_fire, number, demand)
            for number, (demand, (_, line)) in enumerate(self._lines.items())
            if line  # whoever asked last may have stopped after the last of it
        ]
        heapq.heapify(heads)
        while heads:
            _, number, demand = heapq.heappop(heads)
            definition, line = self._lines[demand]
            self._drop_stale(line)
            if line and has_room(definition, demand[2]):
                waiting = line.popleft()
                self.leave(waiting.due.trigger)
                self._timetable.drop(waiting.due.trigger.uid)
                yield waiting
                self._drop_stale(line)
                if line:
                    heapq.heappush(heads, (line[0].due.trigger.next_fire, number, demand))
            if not line:
                del self._lines[demand]

    def _drop_stale(self, line: deque[Waiting]) -> None:
        """Those that have left otherwise; and those of jobs that are being edited, which the edit decides."""
        while line and not self._stands(line[0]):
            line.popleft()

    def _stands(self, waiting: Waiting) -> bool:
        trigger = waiting.due.trigger
        return self._waiting.get(trigger.uid.int) is waiting and not self._timetable.is_frozen(trigger.job_uid)
