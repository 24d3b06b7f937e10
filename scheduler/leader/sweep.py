"""What must be looked at by a certain time, and executors that are gone."""

from collections.abc import Collection, Mapping
from datetime import datetime

from cronquorum.coordination import Member
from cronquorum.logs import get_logger
from jobstore.changes import EndAttempt, MoveExecution
from jobstore.model import Execution
from jobstore.states import PLACED, State
from schedapi.v1.executor_service_pb2 import AttemptKey
from scheduler import settle, wire
from scheduler.leader.ledger import Holder
from scheduler.leader.roster import Roster
from scheduler.leader.shared import Shared
from scheduler.leader.sightings import Sightings, look, lose_contact

LEASE_MARGIN = 1.1
"""An attempt is given away when this many leases have passed without a sign of its executor: the tenth is
for the drift between two clocks."""

_log = get_logger(__name__)


class Sweep:
    """Retries whose delay is over, deadlines, and attempts of executors that are gone."""

    def __init__(self, shared: Shared, roster: Roster, lease: float, session_timeout: float) -> None:
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._placement = shared.placement
        self._backlog = shared.backlog
        self._ahead = shared.ahead
        self._chains = shared.chains
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._roster = roster
        self._clock = shared.clock
        self._lease = lease
        self._begun = shared.clock.monotonic()
        self._gone: dict[Holder, float] = {}
        self._session_timeout = session_timeout
        self._sightings = Sightings()

    async def check(self) -> None:
        """Look at every execution whose time to be looked at has come."""
        now = self._clock.now()
        due = list(self._ledger.to_check(now))
        await self._catalog.fetch_definitions((e.job_uid, e.revision) for e in due)
        for before in due:
            # looked up again: while the definitions were read, something else may have been decided
            execution = self._ledger.get(before.id)
            if execution is None or execution.check_at is None or execution.check_at > now:
                continue
            if execution.state in PLACED or execution.state is State.HELD:
                # written, and nothing more: its executor has it, and must not be sent it again
                later = self._ledger.put(settle.check_by(execution, now + settle.CHECK_PLACED))
                self._writer.submit([MoveExecution(later)])
            else:
                self._outbox.move([self._look_at(execution, now)])
        self._outbox.move(self._chains.resume())  # behind those that the store refused

    def _look_at(self, execution: Execution, now: datetime) -> Execution:
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        if definition is not None and self._chains.waits(execution):
            deadline = definition.spec.start_deadline
            if settle.past_deadline(execution, deadline, now):
                return self._ledger.put(settle.skip(execution, "startDeadline", now))
            return self._ledger.put(settle.check_by(execution, settle.wait_until(execution, deadline, now)))
        if definition is None:
            end = settle.cancel if execution.state is State.RETRYING else settle.skip
            return self._ledger.put(end(execution, "definitionUnreadable", now))
        if execution.state is State.RETRYING:
            execution = self._ledger.put(settle.next_attempt(execution, now))
        self._placement.ask_again(execution.id)
        return self._placement.place(execution, definition, now)

    async def release_stranded(self) -> None:
        """What waits to be sent to an executor that does not take it is given to others."""
        stranded = list(self._ahead.stranded())
        waiting = self._ahead.first_in_line(self._placement.free_slots)
        await self._catalog.fetch_definitions((e.job_uid, e.revision) for e in (*stranded, *waiting))
        now = self._clock.now()
        for before in stranded:
            execution = self._ledger.get(before.id)
            if execution is not None and execution.state is State.DISPATCHED and not execution.cancelling:
                self._place_again(execution, now)
        for execution in waiting:
            definition = self._catalog.definition(execution.job_uid, execution.revision)
            finds = definition is not None and self._placement.has_slot(definition, execution.namespace)
            if finds and self._ahead.withdraw(execution):
                self._place_again(self._ledger.get(execution.id) or execution, now)

    def _place_again(self, execution: Execution, now: datetime) -> None:
        """It was not sent: another executor may have it."""
        back = self._ledger.put(settle.give_back(execution, "no slot came free", now))
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        if definition is None:
            self._outbox.move([self._ledger.put(settle.skip(back, "definitionUnreadable", now))])
        else:
            self._outbox.move([self._placement.place(back, definition, now)])

    async def departed(self, members: Mapping[str, Member]) -> None:
        """Give away what is held by incarnations that are gone for longer than their lease can last."""
        monotonic = self._clock.monotonic()
        present = {(member.id, member.incarnation) for member in members.values()}
        self._gone = {
            holder: self._gone.get(holder, monotonic)
            for holder in self._ledger.holders()
            if holder not in present and not self._roster.is_attached(holder)
        }
        before = self._sightings
        self._sightings = look(before, present, monotonic, self._session_timeout)
        if self._sightings.calm(monotonic):
            if not before.calm(monotonic):
                _log.error("many executors went at once: nobody is given up for a while", left=len(present))
            return
        for holder, since in self._gone.items():
            answered, lease = self._roster.last_sign(holder)
            silent_since = max(self._begun, since, answered or 0.0)
            if monotonic - silent_since > LEASE_MARGIN * (self._lease if lease is None else lease):
                await self.give_away(holder)

    def out_of_contact(self) -> None:
        """We ourselves see nothing of who is registered."""
        self._sightings = lose_contact(self._sightings, self._clock.monotonic(), self._session_timeout)

    async def give_away(self, holder: Holder, but: Collection[AttemptKey] = ()) -> None:
        """An incarnation is dead with all that it ran: its attempts are lost, but for those that ended before
        and whose outcomes are still to come."""
        kept = {wire.flat(key) for key in but}
        held = [each for each in self._ledger.held_by(holder) if wire.flat(wire.key_of(each)) not in kept]
        if not held:
            return
        _log.warning("executor lost", executor=holder[0], incarnation=holder[1], executions=len(held))
        await self._catalog.fetch_definitions((e.job_uid, e.revision) for e in held)
        now = self._clock.now()
        for execution in self._ledger.held_by(holder):
            if wire.flat(wire.key_of(execution)) in kept:
                continue
            definition = self._catalog.definition(execution.job_uid, execution.revision)
            if self._ahead.withdraw(execution):
                self._place_again(execution, now)
                continue
            settled = settle.settle(execution, settle.lost("executorLost", now), definition, now)
            after = self._ledger.put(settled.execution)
            ended = [EndAttempt(settled.ended)] if settled.ended is not None else []
            self._outbox.settled(after, ended)
        self._outbox.move(self._placement.pump(now))
        self._backlog.slots_are_free()
