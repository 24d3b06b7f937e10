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
from scheduler.leader.timetable import Timetable

MOMENT = timedelta(seconds=5)
"""How long a fire waits for a slot before it is recorded as pending."""
MOST = 100_000
"""Fires that wait so; those beyond are recorded as pending at once."""

_Demand = tuple[str, str, str]
"""Task kind, selector and namespace."""
HasRoom = Callable[[Definition, str], bool]


class Backlog:
    """Lines of due triggers by what they need. `wake` is called when one of them may be decided."""

    def __init__(self, timetable: Timetable, wake: Callable[[], None]) -> None:
        self._timetable = timetable
        self._wake = wake
        self._lines: dict[_Demand, tuple[Definition, deque[DueTrigger]]] = {}
        self._waiting: dict[UUID, DueTrigger] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def wait(self, trigger: DueTrigger, definition: Definition, namespace: str, until: datetime) -> None:
        """Have it wait for a slot; at `until` it is due again, whatever there is."""
        self._timetable.hold(trigger, until)
        self._waiting[trigger.uid] = trigger
        demand = *definition.demand, namespace
        if demand not in self._lines:
            self._lines[demand] = definition, deque()
        self._lines[demand][1].append(trigger)

    def leave(self, trigger: DueTrigger) -> bool:
        """Whether it has waited here; it does no more."""
        if self._waiting.get(trigger.uid) is not trigger:
            return False
        del self._waiting[trigger.uid]
        return True

    def slots_are_free(self) -> None:
        """Somebody may take what waits."""
        if self._waiting:
            self._wake()

    def serve(self, has_room: HasRoom) -> Iterator[DueTrigger]:
        """Those that may be decided now, oldest first; each is taken out of the timetable."""
        heads = [(line[0].next_fire, number, demand) for number, (demand, (_, line)) in enumerate(self._lines.items())]
        heapq.heapify(heads)
        while heads:
            _, number, demand = heapq.heappop(heads)
            definition, line = self._lines[demand]
            self._drop_stale(line)
            if line and has_room(definition, demand[2]):
                trigger = line.popleft()
                self._timetable.drop(trigger.uid)
                yield trigger
                self._drop_stale(line)
                if line:
                    heapq.heappush(heads, (line[0].next_fire, number, demand))
            if not line:
                del self._lines[demand]

    def _drop_stale(self, line: deque[DueTrigger]) -> None:
        while line and self._waiting.get(line[0].uid) is not line[0]:
            line.popleft()
