"""All attempts of this executor: which dispatches are taken, what runs, what has ended.

A key that is known (it runs, or its last word is kept, or was acknowledged not long ago) is a duplicate,
and nothing happens. Of one execution at most one attempt runs here: while it does, a later placement is
refused, since a leader that thinks it dead is mistaken. One that has ended stands in nobody's way, even
unacknowledged. A placement that is earlier than one seen here is a stray of the past, and refused.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from cronquorum import failpoints
from cronquorum.clock import Clock
from cronquorum.logs import get_logger, verbosity
from cronquorum.names import shown
from executor.assignment import Assignment, AttemptKey
from executor.attempt import CANCELLED, Attempt, Stop
from executor.errors import Refusal
from executor.kinds.protocol import LastingKind, TaskKind
from executor.metrics import ExecutorMetrics
from executor.outbox import Outbox
from executor.output import FLUSH_SECONDS
from executor.report import Ended, FinalReport, Outcome, Refused, TaskFailure, clean_text
from executor.seen import Seen
from executor.spans import RunSpans

MAX_REFUSAL = 500
STARTED_SECONDS = 0.05
"""A start is told after at most so long; of an attempt that has ended by then the outcome says it all."""

_log = get_logger(__name__)


class Attempts:
    """`on_change` is told which attempt has something for the leader. `may_run` and `may_start` say whether the lease
    holds: the one is asked before anything is taken, the other by threads, as what was taken begins there.

    One event loop; no I/O.
    """

    def __init__(
        self,
        *,
        incarnation: str,
        slots: int,
        outbox: Outbox,
        clock: Clock,
        may_run: Callable[[], bool],
        may_start: Callable[[], bool],
        on_change: Callable[[AttemptKey], None],
        metrics: ExecutorMetrics | None = None,
        spans: RunSpans | None = None,
    ) -> None:
        self.slots = slots
        self.draining = False
        self.running: dict[AttemptKey, Attempt] = {}
        self.outbox = outbox
        self.idle = asyncio.Event()
        self.idle.set()
        self._one_ended = asyncio.Event()
        self._incarnation = incarnation
        self._clock = clock
        self._may_run = may_run
        self._may_start = may_start
        self._on_change = on_change
        self._metrics = metrics or ExecutorMetrics()
        self._spans = spans
        self._kinds: Mapping[str, TaskKind] = {}
        self._lasting: list[LastingKind] = []
        self._left: list[AttemptKey] = []
        self._active: dict[tuple[str, int], AttemptKey] = {}
        self._seen = Seen()
        self._unflushed: dict[Attempt, None] = {}
        self._begun: dict[Attempt, None] = {}
        self._some_begun = asyncio.Event()

    def use(self, kinds: Iterable[TaskKind]) -> None:
        """The kinds that are accepted."""
        self._kinds = {kind.name: kind for kind in kinds}
        self._lasting = [kind for kind in self._kinds.values() if isinstance(kind, LastingKind)]

    def held(self) -> list[AttemptKey]:
        """All that a report is still to come of, or to be acknowledged: of this incarnation, and the outcomes of
        earlier ones. A refusal of what was meant for another one is none of them."""
        waiting = dict.fromkeys(self.outbox.outcomes)
        waiting.update((key, None) for key in self.outbox if key.incarnation == self._incarnation)
        return [*self.running, *self._left, *waiting]

    def resume(self, assignment: Assignment, kind: LastingKind) -> None:
        """Go on with what an earlier incarnation began. One that has ended, and whose outcome waits here, does not."""
        key = assignment.key
        if any(each.execution == key.execution and each.order == key.order for each in self.outbox.outcomes):
            return
        self._take_in(assignment, True).resume(kind)

    def leave(self) -> None:
        """Let go of all that outlives this process: a later incarnation finds it."""
        for attempt in [each for each in self.running.values() if each.lasting]:
            attempt.leave()
            self._let_go(attempt)
            self._left.append(attempt.key)

    @property
    def local(self) -> list[AttemptKey]:
        """What runs below this process, and ends with it."""
        return [key for key, attempt in self.running.items() if not attempt.lasting]

    def begin_epoch(self) -> None:
        """A later epoch than all before: what it sends anew was never settled, as far as its store knows, whatever was
        acknowledged here before. (A store that went back to a backup; else nothing of that kind is sent.)"""
        self._seen.forget_all_but(self._active)

    def take(self, assignment: Assignment) -> None:
        """A dispatch: run it, refuse it, or know it already."""
        key = assignment.key
        if key in self.running or key in self.outbox:
            return
        try:
            self._check_incarnation(key)
            latest = self._seen.latest(key.execution)
            if key.order == latest:
                return
            kind = self._accepting(assignment, latest)
            failpoints.hit("executor.accept")
            self._start(assignment, kind)
        except Refusal as refusal:
            self.refuse(key, refusal)

    def refuse(self, key: AttemptKey, refusal: Refusal) -> None:
        """Nothing of it ran, and nothing will."""
        self._metrics.refusals.add(refusal.reason)
        what = Refused(reason=refusal.reason, message=clean_text(refusal.message, MAX_REFUSAL))
        self.outbox.put(FinalReport(key=key, what=what, ended=self._clock.monotonic()))
        self._remember(key)
        self._on_change(key)

    def cancel(self, key: AttemptKey) -> None:
        """End one. An unknown one has ended, or never came; a leader that attaches sees which."""
        attempt = self.running.get(key)
        if attempt is not None:
            attempt.stop(CANCELLED)

    def stop_all(self, stop: Stop, keys: Collection[AttemptKey] | None = None) -> None:
        """End all of them, or these."""
        for key in list(self.running) if keys is None else keys:
            if key in self.running:
                self.running[key].stop(stop)

    async def gone(self, keys: Collection[AttemptKey]) -> None:
        """Return when none of these runs."""
        while not self.running.keys().isdisjoint(keys):
            self._one_ended.clear()
            await self._one_ended.wait()

    def acknowledge(self, key: AttemptKey) -> None:
        """The last word on it is recorded: forget it, but for having seen it."""
        if self.outbox.acknowledge(key):
            self._remember(key)
            for kind in self._lasting:
                kind.acknowledged(key)

    def may_start(self) -> bool:
        return self._may_start()

    def lapsed(self) -> None:
        self._may_run()

    def changed(self, attempt: Attempt) -> None:
        self._on_change(attempt.key)

    def output_waits(self, attempt: Attempt) -> None:
        self._unflushed[attempt] = None

    def ended(self, attempt: Attempt, report: FinalReport) -> None:
        key = attempt.key
        self._let_go(attempt)
        if isinstance(report.what, Outcome):
            self._metrics.outcomes.add(report.what.state)
        if self._spans is not None:
            self._spans.ended(attempt.assignment, report)
        if verbosity.debug:
            _log.debug("attempt ended", **attempt.assignment.named, **_ended(report))
        failpoints.hit("executor.outcome")
        self.outbox.put(report)
        self._on_change(key)

    async def keep_flushing(self) -> None:
        """Send what the tasks write, soon after they write it."""
        while True:
            await self._clock.sleep(FLUSH_SECONDS)
            for _ in range(len(self._unflushed)):
                self._unflushed.popitem()[0].flush()

    async def keep_telling_starts(self) -> None:
        """Tell of starts, soon after them."""
        while True:
            await self._some_begun.wait()
            await self._clock.sleep(STARTED_SECONDS)
            self._some_begun.clear()
            begun, self._begun = self._begun, {}
            for attempt in begun:
                if attempt.started_at is None:  # it waits for a thread, or for its process
                    self._begin(attempt)
                else:
                    self._on_change(attempt.key)

    def _take_in(self, assignment: Assignment, lasting: bool) -> Attempt:
        key = assignment.key
        attempt = Attempt(assignment, self._clock, self, lasting)
        self.running[key] = attempt
        self._active[key.execution] = key
        self.idle.clear()
        self._seen.remember(key)
        return attempt

    def _let_go(self, attempt: Attempt) -> None:
        key = attempt.key
        self._unflushed.pop(attempt, None)
        self._begun.pop(attempt, None)
        del self.running[key]
        del self._active[key.execution]
        self._one_ended.set()
        if not self.running:
            self.idle.set()

    def _begin(self, attempt: Attempt) -> None:
        self._begun[attempt] = None
        self._some_begun.set()

    def _remember(self, key: AttemptKey) -> None:
        if key.incarnation == self._incarnation:
            self._seen.remember(key)

    def _check_incarnation(self, key: AttemptKey) -> None:
        if key.incarnation != self._incarnation:
            raise Refusal("wrongIncarnation", f"meant for {shown(key.incarnation)}; this is {self._incarnation}")

    def _accepting(self, assignment: Assignment, latest: tuple[int, int]) -> TaskKind:
        key = assignment.key
        kind = self._kinds.get(assignment.task.kind)
        if kind is None:
            accepted = ", ".join(self._kinds)
            raise Refusal("unknownKind", f"kind {assignment.task.kind!r} is not accepted here ({accepted} are)")
        if self.draining:
            raise Refusal("draining", "this executor takes nothing new")
        if self.outbox.crowded:
            raise Refusal("tooMuchHeld", f"{len(self.outbox)} outcomes wait here to be acknowledged")
        active = self._active.get(key.execution)
        if active is not None:
            raise Refusal("noSlot", f"attempt {active.attempt}, placement {active.placement} of it still runs here")
        if key.order < latest:
            raise Refusal("noSlot", f"attempt {latest[0]}, placement {latest[1]} of it was here already")
        if len(self.running) >= self.slots:
            raise Refusal("noSlot", f"all {self.slots} slots are taken")
        if not self._may_run():
            raise Refusal("leaseExpired", "nobody has vouched for this executor for a whole lease")
        return kind

    def _start(self, assignment: Assignment, kind: TaskKind) -> None:
        if self._spans is not None:
            assignment = self._spans.mark(assignment)
        attempt = self._take_in(assignment, kind in self._lasting)
        if not attempt.lasting:
            self._begin(attempt)
        if verbosity.debug:
            _log.debug("attempt begins", **assignment.named, kind=kind.name)
        failpoints.hit("executor.start")
        try:
            attempt.begin(kind)
        except Refusal:
            self._let_go(attempt)
            raise
        except Exception as error:  # a kind that breaks must not break the others' stream
            _log.exception("a task kind broke", kind=kind.name, **assignment.named)
            attempt.ended(Ended(error=TaskFailure(type="internal", message=clean_text(str(error)), tail="")))
        self._metrics.starts.add()


def _ended(report: FinalReport) -> dict[str, object]:
    what = report.what
    return {"state": what.state.value, "exit_code": what.exit_code} if isinstance(what, Outcome) else {}
