"""What is recorded as dispatched before it can be sent: its time is to come, or its executor has no free slot yet.

So that at its time, or when a slot comes free, it only has to be sent, and no commit is waited for. Nothing of it has
left: it may be taken back, or be given to another executor, without asking the one that is named in its record.

    placed, time to come    -> early --(its time)--.
    placed, no free slot    -> in line <-----------'
    in line, a slot is free -> sent

What is for an executor that drains, or is gone, is kept as well, until it is given to another one (`stranded`).
"""

import asyncio
import heapq
import itertools
import math
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from cronquorum.clock import Clock, wait_for_event
from jobstore.model import DueTrigger, Execution
from jobstore.states import State
from schedapi.v1 import executor_service_pb2 as pb
from scheduler import settle
from scheduler.leader.ledger import Holder, Ledger
from scheduler.leader.link import Link
from scheduler.leader.timetable import fires_often

AHEAD = timedelta(milliseconds=950)
"""How long before its time a fire may be recorded."""
SECOND_LOOK = timedelta(milliseconds=250)
"""How long before its time a fire is looked at again whose job had something open."""
MOST = 5_000
"""Executions recorded ahead for one executor: as many as it may get through before another one is asked."""
LONGEST_STANDSTILL = 0.5
"""Seconds in which no slot of an executor came free, after which what is in line for it is given to others."""
TURNOVER = 0.1
"""Seconds: an executor may have as many in line as it has ended in so long. One that runs long tasks has none."""
PORTION = 100
"""Executions that are sent at a time: the first of them shall not wait until the last is encoded."""
LONGEST_RUSH = 0.25
"""Seconds for which what has come due at one instant, and stands in line, goes before what is less pressing."""

LARGEST_ORDER = 1024
"""Bytes of an order that is made, and kept, before its time: 5 MB for all of one executor."""

MakeOrder = Callable[[Execution], pb.Dispatch | None]


class _Unsent:
    """One of them. `trigger` is as it was before, when it is known; `committed`: its record is in the store."""

    __slots__ = ("committed", "early", "holder", "number", "order", "trigger")

    def __init__(self, number: int, holder: Holder, early: bool) -> None:
        self.number = number
        self.holder = holder
        self.early = early
        self.committed = False
        self.order: pb.Dispatch | None = None
        self.trigger: DueTrigger | None = None


class Ahead:
    """Keeps them until they may be sent. Of what is in the ledger, these hold no slot of their executor."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        links: Callable[[Holder], Link | None],
        may_send: Callable[[], bool],
        make_order: MakeOrder,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._links = links
        self._may_send = may_send
        self._make_order = make_order
        self._unsent: dict[int, _Unsent] = {}
        self._counts: Counter[Holder] = Counter()
        self._early: Counter[Holder] = Counter()
        self._times: list[tuple[datetime, int, _Unsent]] = []
        self._order = itertools.count()
        self._lines: dict[Holder, deque[_Unsent]] = {}
        self._moved: dict[Holder, float] = {}
        self._ended: dict[Holder, tuple[float, int, int]] = {}
        self._rush: float | None = None
        self.calm = asyncio.Event()
        """Set when nothing stands in line any more."""
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._unsent)

    @property
    def in_line(self) -> int:
        """How many wait for a slot, or for their commit; the others' time is to come."""
        return len(self._unsent) - self._early.total()

    def has(self, execution: Execution) -> bool:
        """Whether it has not been sent."""
        return execution.id.int in self._unsent

    def is_early(self, execution: Execution) -> bool:
        """Whether it has not been sent since its time is still to come."""
        unsent = self._unsent.get(execution.id.int)
        return unsent is not None and unsent.early

    def early(self, holder: Holder) -> int:
        """How many are for an executor, and their time is to come."""
        return self._early[holder]

    def in_use(self, holder: Holder) -> int:
        """How many slots of an executor are taken, or waited for, now."""
        return self._ledger.used_slots(holder) - self._early[holder]

    def sent(self, holder: Holder) -> int:
        """How many slots of an executor are taken."""
        return self._ledger.used_slots(holder) - self._counts[holder]

    def keep(self, execution: Execution, *, early: bool) -> None:
        """It was placed, and is not to be sent before its time, or before there is a free slot."""
        holder = execution.executor_id, execution.incarnation
        unsent = _Unsent(execution.id.int, holder, early)
        self._unsent[unsent.number] = unsent
        self._counts[holder] += 1
        if early:
            self._early[holder] += 1
            if not self._times or execution.scheduled_time < self._times[0][0]:
                self._changed.set()
            heapq.heappush(self._times, (execution.scheduled_time, next(self._order), unsent))

    def remember(self, execution_id: UUID, trigger: DueTrigger) -> None:
        """Which due time it was recorded for, for the case that it is taken back."""
        unsent = self._unsent.get(execution_id.int)
        if unsent is not None:
            unsent.trigger = trigger

    def trigger_of(self, execution: Execution) -> DueTrigger | None:
        """The same."""
        unsent = self._unsent.get(execution.id.int)
        return None if unsent is None else unsent.trigger

    def takes(self, link: Link, execution: Execution) -> bool:
        """Whether it, whose record is committed, is not to be sent now but from here.

        To an executor that drains nothing is sent any more: it is kept until it is given to another one.
        """
        unsent = self._unsent.get(execution.id.int)
        if unsent is None:
            early = execution.scheduled_time > self._clock.now()
            if not early and not link.draining and self.sent(link.holder) <= link.slots:
                return False
            self.keep(execution, early=early)
            unsent = self._unsent[execution.id.int]
        if not unsent.committed:
            unsent.committed = True
            if not unsent.early:
                self._stand_in_line(unsent)
                self.release(link)
            elif (order := self._make_order(execution)) is not None and order.ByteSize() <= LARGEST_ORDER:
                unsent.order = order
        return True

    def withdraw(self, execution: Execution) -> bool:
        """It is not sent any more; whether it was here."""
        unsent = self._unsent.get(execution.id.int)
        if unsent is not None:
            self._remove(unsent)
        return unsent is not None

    def given_back(self, execution: Execution, now: datetime) -> Execution:
        """The same execution, pending if it was not sent: nobody has to be asked to end it."""
        return settle.give_back(execution, "", now) if self.withdraw(execution) else execution

    def _remove(self, unsent: _Unsent) -> None:
        del self._unsent[unsent.number]
        self._counts[unsent.holder] -= 1
        if unsent.early:
            self._early[unsent.holder] -= 1
        if not self._counts[unsent.holder]:
            del self._counts[unsent.holder], self._early[unsent.holder]

    def _stand_in_line(self, unsent: _Unsent) -> None:
        if unsent.holder not in self._lines:
            self._lines[unsent.holder] = deque()
            self._moved[unsent.holder] = self._clock.monotonic()
        self._lines[unsent.holder].append(unsent)

    def release(self, link: Link) -> None:
        """Send what is in line for an executor, as far as it has free slots."""
        line = self._lines.get(link.holder)
        if not line or not link.open_for_work or not self._may_send():
            return
        free = link.slots - self.sent(link.holder)
        while line and free > 0:
            unsent = line.popleft()
            if self._unsent.get(unsent.number) is not unsent:
                continue
            self._remove(unsent)
            execution = self._ledger.numbered(unsent.number)
            if execution is not None and execution.state is State.DISPATCHED and not execution.cancelling:
                order = unsent.order or self._make_order(execution)
                if order is not None:
                    link.send(order)
                free -= 1
        if not line:
            self._forget_line(link.holder)

    def _forget_line(self, holder: Holder) -> None:
        del self._lines[holder], self._moved[holder]
        if not self._lines:
            self._rush = None
            self.calm.set()

    def rush(self) -> float:
        """For how many seconds, at most, what has come due and stands in line still goes before what is less
        pressing; when nothing does any more, `calm` is set. One rush begins when the one before has been sent.

        Not when the record of a trigger that fires often was not committed at its time: a leader that does not keep up
        with those must put nothing off.
        """
        return 0.0 if self._rush is None else max(0.0, self._rush + LONGEST_RUSH - self._clock.monotonic())

    def ended(self, link: Link, count: int) -> None:
        """So many slots of an executor came free."""
        now = self._clock.monotonic()
        since, before, present = self._ended.get(link.holder, (now, 0, 0))
        if now - since >= TURNOVER:
            since, before, present = now, present if now - since < 2 * TURNOVER else 0, 0
        self._ended[link.holder] = since, before, present + count
        if link.holder in self._moved:
            self._moved[link.holder] = now
        self.release(link)

    def turnover(self, holder: Holder) -> int:
        """How many an executor may have in line."""
        since, before, present = self._ended.get(holder, (0.0, 0, 0))
        return max(before, present) if self._clock.monotonic() - since < 2 * TURNOVER else 0

    def of_job(self, executions: list[Execution]) -> list[Execution]:
        """Those of a job's open executions whose time is to come, in its order."""
        return sorted(
            (each for each in executions if self.is_early(each)), key=lambda each: (each.scheduled_time, each.id.int)
        )

    def stranded(self) -> Iterator[Execution]:
        """Those that are to be given to somebody else, since their executor takes nothing; they have left."""
        before = self._clock.monotonic() - LONGEST_STANDSTILL
        links = {holder: self._links(holder) for holder in self._counts} if self._may_send() else {}
        closed = {holder for holder, link in links.items() if link is None or not link.open_for_work}
        slow = {holder for holder, moved in self._moved.items() if moved < before and holder in links}
        for unsent in list(self._unsent.values()) if closed or slow else ():
            if unsent.holder in closed or (unsent.holder in slow and unsent.committed and not unsent.early):
                execution = self._ledger.numbered(unsent.number)
                self._remove(unsent)
                if execution is not None and execution.state is State.DISPATCHED:
                    yield execution
        for holder in self._lines.keys() - self._counts.keys():
            self._forget_line(holder)
        for holder in self._ended.keys() - self._counts.keys():
            if not self.turnover(holder):
                del self._ended[holder]

    def first_in_line(self, limit: int) -> list[Execution]:
        """So many that wait for a slot, those first that have most others behind them."""
        line = max(self._lines.values(), key=len, default=deque[_Unsent]())
        waiting = (unsent for unsent in line if self._unsent.get(unsent.number) is unsent)
        found = (self._ledger.numbered(unsent.number) for unsent in itertools.islice(waiting, limit))
        return [execution for execution in found if execution is not None and execution.state is State.DISPATCHED]

    async def run(self) -> None:
        """Send at their times those whose time is to come, until cancelled."""
        while True:
            self._changed.clear()
            if self._times:
                wait = (self._times[0][0] - self._clock.now()).total_seconds()
            await wait_for_event(self._changed, self._clock, wait if self._times else None)
            if self._come():
                await asyncio.sleep(0)  # noqa: TID251 - lets what was sent leave; it waits for nothing

    def _come(self) -> bool:
        """Take those whose time has come, a portion of them; whether there were any."""
        now = self._clock.now()
        holders: set[Holder] = set()
        count, behind = 0, False
        while self._times and self._times[0][0] <= now and count < PORTION:
            _, _, unsent = heapq.heappop(self._times)
            count += 1
            if self._unsent.get(unsent.number) is unsent:
                unsent.early = False
                self._early[unsent.holder] -= 1
                if unsent.committed:
                    self._stand_in_line(unsent)
                    holders.add(unsent.holder)
                elif unsent.trigger is not None and fires_often(unsent.trigger):
                    behind = True
        for holder in holders:
            link = self._links(holder)
            if link is not None:
                self.release(link)
        if self._lines and self._rush is None:
            self._rush = self._clock.monotonic()
            self.calm.clear()
        if behind and self._rush is not None:
            self._rush = -math.inf
            self.calm.set()
        return count > 0
