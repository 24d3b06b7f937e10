"""Executors as the design has them: one leader at a time, a lease with two witnesses, outcomes until acknowledged."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cronquorum.coordination import Member
from schedapi.errors import FailedPrecondition, Unavailable
from schedapi.v1 import executor_service_pb2 as pb
from tests.model.wires import Stream

if TYPE_CHECKING:
    from tests.model.world import World

LEASE = 15.0
SESSION = 4.0
"""T: seconds from the last contact with the coordinator until a session is over."""
LOOK = 1.0
"""Seconds between two looks at the lease; a leader waits for a tenth of the lease more than it lasts."""

Key = tuple[str, int, int, str]
"""Execution, attempt, placement, incarnation."""


def flat(key: pb.AttemptKey) -> Key:
    return key.execution_id, key.attempt, key.placement, key.incarnation


@dataclass
class Attempt:
    """One that runs."""

    key: pb.AttemptKey
    begun: float
    job: str
    until: float | None
    """When it succeeds by itself."""


@dataclass
class Executor:
    """A host with its guardian: processes of one lasting id, one after the other."""

    world: "World"
    id: str
    slots: int = 2
    number: int = 1
    alive: bool = True
    reachable: bool = True
    coordinated: bool = True
    """Whether it has contact with the coordinator."""
    registered: bool = True
    duration: float | None = 2.0
    """How long new attempts run; None: until told."""
    highest: int = 0
    lease_until: float = 0.0
    stream: Stream | None = None
    running: dict[Key, Attempt] = field(default_factory=dict)
    outbox: dict[Key, pb.Report] = field(default_factory=dict)
    latest: dict[str, tuple[int, int]] = field(default_factory=dict)
    vouched: list[str] = field(default_factory=list)
    cut_at: float = 0.0

    @property
    def incarnation(self) -> str:
        return f"{self.id}-life-{self.number}"

    @property
    def address(self) -> str:
        return f"{self.id}:7500"

    @property
    def member(self) -> Member:
        return Member(id=self.id, incarnation=self.incarnation, address=self.address, facts={"lease": "15s"})

    # ------------------------------------------------------------------------------------------- its leader

    def receive(self, stream: Stream, message: pb.LeaderMessage) -> None:
        """A message arrives."""
        if stream.over:
            return
        if not self.alive:
            stream.broken(Unavailable("nobody listens", reason="GONE"))
        elif message.HasField("hello"):
            self._hello(stream, message)
        elif stream is self.stream:
            self._take(message)

    def _hello(self, stream: Stream, message: pb.LeaderMessage) -> None:
        if message.epoch < self.highest:
            facts = {"highest_epoch": str(self.highest)}
            stream.broken(FailedPrecondition("an old epoch", reason="STALE_EPOCH", metadata=facts))
            return
        self.look()
        self.highest, stream.epoch = message.epoch, message.epoch
        earlier, self.stream = self.stream, stream
        if earlier is not None:
            earlier.broken(Unavailable("a newer Hello came", reason="SUPERSEDED"))
        welcome = pb.Welcome(
            protocol=1,
            executor_id=self.id,
            incarnation=self.incarnation,
            slots=self.slots,
            kinds=["shell"],
            held=[*(each.key for each in self.running.values()), *(report.key for report in self.outbox.values())],
            vouched=self.vouched,
        )
        welcome.lease.FromSeconds(int(LEASE))
        stream.answer(pb.ExecutorMessage(welcome=welcome))
        started = [pb.Report(key=each.key, started=pb.Started()) for each in self.running.values()]
        self._say([*started, *self.outbox.values()])
        self.ask()

    def _take(self, message: pb.LeaderMessage) -> None:
        if message.HasField("lease"):
            self.look()
            self.lease_until = max(self.lease_until, message.lease.asked / 1e6 + LEASE)
        for key in message.acknowledged:
            report = self.outbox.pop(flat(key), None)
            if report is not None:
                self.world.acknowledged(self, report)
        for dispatch in message.dispatches:
            self._dispatched(dispatch)
        for key in message.cancels:
            if flat(key) in self.running:
                self.end(flat(key), "cancelled")

    def _dispatched(self, dispatch: pb.Dispatch) -> None:
        key = flat(dispatch.key)
        order = (dispatch.key.attempt, dispatch.key.placement)
        latest = self.latest.get(key[0], (0, -1))
        if key in self.running or key in self.outbox or order == latest:
            return
        why = ""
        if key[3] != self.incarnation:
            why = "wrongIncarnation"
        elif order < latest or any(each[0] == key[0] for each in self.running) or len(self.running) >= self.slots:
            why = "noSlot"
        elif not self.look():
            why = "leaseExpired"
        self.latest[key[0]] = max(order, latest)
        if why:
            self.outbox[key] = pb.Report(key=dispatch.key, refused=pb.Refused(reason=why))
            self._say([self.outbox[key]])
            return
        now = self.world.loop.time()
        until = None if self.duration is None else now + self.duration
        self.running[key] = Attempt(dispatch.key, now, dispatch.job, until)
        self.world.begins(self, dispatch)
        self._say([pb.Report(key=dispatch.key, started=pb.Started())])
        if self.duration is not None:
            self.world.loop.call_later(self.duration, self._ends_by_itself, key)

    def _ends_by_itself(self, key: Key) -> None:
        if key in self.running and self.running[key].until is not None:
            self.end(key, "succeeded")

    def end(self, key: Key, state: str, reason: str = "") -> None:
        """An attempt is over, with all that it started."""
        attempt = self.running.pop(key)
        self.world.ends(self, key, state)
        outcome = pb.Outcome(state=state, reason=reason)
        outcome.ran.FromMicroseconds(int((self.world.loop.time() - attempt.begun) * 1e6))
        self.outbox[key] = pb.Report(key=attempt.key, outcome=outcome)
        self._say([self.outbox[key]])

    def offer_again(self) -> None:
        """All outcomes, once more on the same stream."""
        self._say(self.outbox.values())

    def ask(self) -> None:
        """Have the lease renewed by the leader."""
        if self.stream is not None:
            question = pb.LeaseQuestion(asked=int(self.world.loop.time() * 1e6))
            self.stream.answer(pb.ExecutorMessage(lease=question))

    def say(self, report: pb.Report) -> None:
        """Anything, true or not."""
        self._say([report])

    def _say(self, reports: Iterable[pb.Report]) -> None:
        told = list(reports)
        if told and self.stream is not None:
            self.stream.answer(pb.ExecutorMessage(reports=told))

    def stream_ended(self, stream: Stream) -> None:
        if self.stream is stream:
            self.stream = None

    # -------------------------------------------------------------------------------------------- its lease

    def look(self) -> bool:
        """Whether the lease holds; when it does not, all that runs is ended first."""
        if self.world.loop.time() < self.lease_until:
            return True
        for key in list(self.running):
            self.end(key, "lost", "leaseExpired")
        if self.stream is not None:
            self.stream.broken(Unavailable("the lease ran out", reason="LEASE_LOST"))
            self.stream = None
        return False

    def tick(self) -> None:
        """Every second: the lease, its two witnesses, and the session with the coordinator."""
        now = self.world.loop.time()
        if self.alive:
            self.look()
            if int(now) % 5 == 0:
                self.ask()
                if self.coordinated and self.registered:
                    self.lease_until = now + LEASE
        if not (self.alive and self.coordinated) and self.registered and now - self.cut_at >= SESSION:
            self.registered = False
            self.world.show_members()
        self.world.loop.call_later(LOOK, self.tick)

    # -------------------------------------------------------------------------------------------- its faults

    def die(self, journal: bool) -> None:
        """The process is gone, with all that it started; outcomes stay when they are in a journal."""
        self.alive = False
        for key in list(self.running):
            del self.running[key]
            self.world.ends(self, key, "killed")
        if not journal:
            self.outbox.clear()
        if self.stream is not None:
            self.stream.broken(Unavailable("reset", reason="RESET"))
            self.stream = None
        self.cut_at = self.world.loop.time()

    def restart(self, vouch: bool) -> None:
        """Another process of the same id."""
        self.vouched = [*self.vouched, self.incarnation] if vouch else []
        self.number += 1
        self.alive = True
        self.latest = {}
        self.outbox = {key: report for key, report in self.outbox.items() if report.HasField("outcome")}
        self.lease_until = self.world.loop.time() + LEASE
        self.registered = self.coordinated = True
        self.world.show_members()

    def coordinate(self, contact: bool) -> None:
        """Contact with the coordinator goes, or comes back."""
        if self.coordinated and not contact:
            self.cut_at = self.world.loop.time()
        self.coordinated = contact
        if contact and self.alive and not self.registered:
            self.registered = True
            self.world.show_members()

    def reach(self, reachable: bool) -> None:
        """Nodes reach it, or do not."""
        self.reachable = reachable
        if not reachable and self.stream is not None:
            self.stream.broken(Unavailable("unreachable", reason="RESET"))
