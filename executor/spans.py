"""The executor's spans: what each task took, and the trace context that tasks are given."""

from datetime import datetime, timedelta
from uuid import UUID

from cronquorum.clock import Clock
from cronquorum.tracing import Span, Tracing, attempt_id, run_id
from executor.assignment import Assignment, AttemptKey
from executor.report import FinalReport, Outcome, OutcomeState


class RunSpans:
    """Told of each attempt that begins and ends here. Times are those of this host's clock."""

    def __init__(self, tracing: Tracing, clock: Clock) -> None:
        self._tracing = tracing
        self._clock = clock

    def mark(self, assignment: Assignment) -> Assignment:
        """The same, with the context that its task continues."""
        trace = _trace(assignment.key)
        if trace is None:
            return assignment
        parent = self._tracing.traceparent(trace, run_id(trace, assignment.key.attempt))
        return assignment._replace(traceparent=parent)

    def ended(self, assignment: Assignment, report: FinalReport) -> None:
        """Send the span of a task that has run."""
        trace = _trace(assignment.key)
        if trace is None or report.started is None or not isinstance(report.what, Outcome):
            return
        zero = self._clock.now() - timedelta(seconds=self._clock.monotonic())
        self._tracing.add(_span(trace, assignment, report.what, zero, report.started, report.ended))


def _span(trace: int, assignment: Assignment, outcome: Outcome, zero: datetime, started: float, ended: float) -> Span:
    key = assignment.key
    attributes: dict[str, str | int] = {
        "cronquorum.namespace": assignment.namespace,
        "cronquorum.job": assignment.job,
        "cronquorum.execution": key.execution_id,
        "cronquorum.attempt": key.attempt,
        "cronquorum.epoch": assignment.epoch,
        "cronquorum.kind": assignment.task.kind,
        "cronquorum.state": outcome.state.value,
    }
    if outcome.exit_code is not None:
        attributes["cronquorum.exit_code"] = outcome.exit_code
    error = ""
    if outcome.state not in (OutcomeState.SUCCEEDED, OutcomeState.CANCELLED):
        told = outcome.error
        error = f"{told.type}: {told.message}" if told is not None else outcome.reason or outcome.state.value
    return Span(
        trace=trace,
        id=run_id(trace, key.attempt),
        parent=attempt_id(trace, key.attempt),
        name=f"run {assignment.namespace}/{assignment.job}",
        start=zero + timedelta(seconds=started),
        end=zero + timedelta(seconds=ended),
        attributes=attributes,
        error=error,
    )


def _trace(key: AttemptKey) -> int | None:
    try:
        return UUID(key.execution_id).int
    except ValueError:  # none of our leaders' ids
        return None
