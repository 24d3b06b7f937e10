"""One attempt that runs here."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from cronquorum.clock import Clock
from cronquorum.durations import format_duration
from executor.assignment import Assignment, AttemptKey
from executor.kinds.protocol import LastingKind, Run, TaskKind
from executor.output import Output
from executor.report import (
    Chunk,
    Ended,
    FinalReport,
    Outcome,
    OutcomeState,
    Progress,
    TaskFailure,
    clean_text,
)

STOP_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL: enough to close a file or roll back, and a cancel is still prompt."""

_making_output = threading.Lock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """Why an attempt is ended from outside, and how long it may take over it (seconds)."""

    state: OutcomeState
    reason: str = ""
    grace: float = STOP_GRACE


CANCELLED = Stop(state=OutcomeState.CANCELLED)
TIMED_OUT = Stop(state=OutcomeState.TIMED_OUT)
LAPSED = Stop(state=OutcomeState.LOST, reason="leaseExpired")


class Keeper(Protocol):
    """Who keeps the attempt; called in the event loop, but for `output_waits` and `may_start`."""

    def may_start(self) -> bool:
        """Whether the lease holds. From any thread."""
        ...

    def lapsed(self) -> None:
        """An attempt was not begun, since the lease did not hold."""
        ...

    def changed(self, attempt: "Attempt") -> None:
        """There is something to tell the leader."""
        ...

    def output_waits(self, attempt: "Attempt") -> None:
        """Output has gathered, not enough to be sent at once. From any thread."""
        ...

    def ended(self, attempt: "Attempt", report: FinalReport) -> None:
        """Nothing of it runs any more."""
        ...


class Attempt:
    """The `Reporter` of its run: keeps what is told until it can be sent."""

    __slots__ = (
        "_clock",
        "_ended",
        "_keeper",
        "_lapsed",
        "_output",
        "_run",
        "_stop",
        "_timer",
        "_told",
        "assignment",
        "key",
        "lasting",
        "latest",
        "started_at",
    )

    def __init__(self, assignment: Assignment, clock: Clock, keeper: Keeper, lasting: bool = False) -> None:
        self.assignment = assignment
        self.key: AttemptKey = assignment.key
        self.started_at: float | None = None
        """Monotonic seconds."""
        self.latest: Progress | None = None
        self.lasting = lasting
        """Whether it outlives this process."""
        self._clock = clock
        self._keeper = keeper
        self._run: Run | None = None
        self._stop: Stop | None = None
        self._timer: asyncio.Task[None] | None = None
        self._output: Output | None = None
        self._ended = False
        self._lapsed = False
        self._told = 0

    @property
    def chunks(self) -> list[Chunk]:
        """The output so far."""
        return self._output.chunks if self._output is not None else []

    def begin(self, kind: TaskKind) -> None:
        """Start it. What the kind's `run` raises goes through."""
        self._run = kind.run(self.assignment, self)

    def resume(self, kind: LastingKind) -> None:
        """Go on with what an earlier incarnation started."""
        self._run = kind.resume(self.assignment, self)

    def leave(self) -> None:
        """Let it run on without us: nothing more is told of it."""
        self._ended = True
        self._run = None
        if self._timer is not None:
            self._timer.cancel()

    def stop(self, stop: Stop) -> None:
        """End it. The first reason is the one on the record; the shortest grace counts."""
        if self._ended or self._run is None:
            return
        if self._run.stop(stop.grace):
            self._stop = self._stop or stop

    def flush(self) -> None:
        """Send what output has gathered."""
        if self._output is None or self._ended:
            return
        if not self.lasting:
            self._output.flush()
        if len(self._output.chunks) > self._told:
            self._told = len(self._output.chunks)
            self._keeper.changed(self)

    def may_start(self) -> bool:
        self._lapsed = not self._keeper.may_start()
        return not self._lapsed

    def started(self, age: float = 0.0) -> None:
        self.started_at = self._clock.monotonic() - age
        if self.assignment.timeout is not None:
            left = max(0.0, self.assignment.timeout.total_seconds() - age)
            self._timer = asyncio.create_task(self._time_out(left))
        if self.lasting:  # whose starts are few, and far from their dispatches
            self._keeper.changed(self)

    def output(self, stream: str, data: bytes) -> None:
        self._made_output().write(stream, data)
        self._keeper.output_waits(self)

    def line(self, data: bytes) -> None:
        self._made_output().line(data)
        self._keeper.output_waits(self)

    def _made_output(self) -> Output:
        if self._output is None:
            with _making_output:
                self._output = self._output or Output()
        return self._output

    def progress(self, fraction: float, note: str) -> None:
        if not self._ended:
            self.latest = Progress(fraction=fraction, note=clean_text(note))
            self._keeper.changed(self)

    def ended(self, ended: Ended, at: float | None = None) -> None:
        if self._ended:
            return
        if self._lapsed:
            self._keeper.lapsed()
            self._stop = self._stop or LAPSED
        self._ended = True
        self._run = None  # which knows us: nothing is to be left to the garbage collector
        if self._timer is not None:
            self._timer.cancel()
        if self._output is not None:
            self._output.close()
        self._keeper.ended(
            self,
            FinalReport(
                key=self.key,
                what=self._outcome(ended),
                ended=self._clock.monotonic() if at is None else at,
                started=self.started_at,
                progress=self.latest,
                chunks=self.chunks,
            ),
        )

    def _outcome(self, ended: Ended) -> Outcome:
        stop = self._stop
        timed_out = stop is not None and stop.state is OutcomeState.TIMED_OUT
        if stop is not None and (ended.stopped or timed_out):
            failure = self._late() if timed_out else None
            return Outcome(
                state=stop.state, reason=stop.reason, exit_code=ended.exit_code, error=self._with_tail(failure)
            )
        return Outcome(
            state=OutcomeState.SUCCEEDED if ended.error is None else OutcomeState.FAILED,
            result=ended.result if ended.error is None else None,
            exit_code=ended.exit_code,
            error=self._with_tail(ended.error),
        )

    def _late(self) -> TaskFailure:
        timeout = format_duration(self.assignment.timeout or timedelta())
        return TaskFailure(type="timeout", message=f"did not end within {timeout}")

    def _with_tail(self, failure: TaskFailure | None) -> TaskFailure | None:
        if failure is None or failure.tail is not None:
            return failure
        tail = self._output.last_lines() if self._output is not None else ""
        return TaskFailure(type=failure.type, message=failure.message, tail=tail)

    async def _time_out(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self.stop(TIMED_OUT)
