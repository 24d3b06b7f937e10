"""The leader's spans of an execution, made of its record when an attempt or all of it is over."""

from datetime import datetime

from cronquorum.clock import Clock
from cronquorum.tracing import Event, Span, Tracing, attempt_id, root_id
from jobstore.model import Execution
from jobstore.states import State

ENDED_WELL = frozenset({State.SUCCEEDED, State.SKIPPED, State.CANCELLED})


class ExecutionSpans:
    """Told of each state of an execution that is committed."""

    def __init__(self, tracing: Tracing, clock: Clock) -> None:
        self._tracing = tracing
        self._clock = clock

    def committed(self, execution: Execution) -> None:
        """Send what is over with this state."""
        if execution.state.final or execution.state is State.RETRYING:
            if execution.dispatched is not None and execution.ended is not None:
                self._tracing.add(attempt_span(execution))
            if execution.state.final:
                self._tracing.add(execution_span(execution, Event("settled", self._clock.now())))


def attempt_span(execution: Execution) -> Span:
    """The present attempt, which is over. Pure."""
    assert execution.dispatched is not None and execution.ended is not None
    trace = execution.id.int
    return Span(
        trace=trace,
        id=attempt_id(trace, execution.attempt),
        parent=root_id(trace),
        name=f"attempt {execution.namespace}/{execution.job}",
        start=execution.dispatched,
        end=execution.ended,
        attributes=_attributes(execution),
        events=_events(("started", execution.started)),
        error="" if execution.state in ENDED_WELL else _why(execution),
    )


def execution_span(execution: Execution, settled: Event) -> Span:
    """All of it, from its scheduled time on. Pure."""
    trace = execution.id.int
    return Span(
        trace=trace,
        id=root_id(trace),
        parent=None,
        name=f"execution {execution.namespace}/{execution.job}",
        start=execution.scheduled_time,
        end=settled.at,
        attributes=_attributes(execution),
        events=(
            *_events(
                ("recorded", execution.recorded),
                ("dispatched", execution.dispatched),
                ("started", execution.started),
                ("ended", execution.ended),
            ),
            settled,
        ),
        error="" if execution.state in ENDED_WELL else _why(execution),
    )


def _events(*happened: tuple[str, datetime | None]) -> tuple[Event, ...]:
    return tuple(Event(name, at) for name, at in happened if at is not None)


def _why(execution: Execution) -> str:
    error = execution.error
    return f"{error.type}: {error.message}" if error is not None else execution.reason or execution.state.value


def _attributes(execution: Execution) -> dict[str, str | int]:
    found: dict[str, str | int] = {
        "cronquorum.namespace": execution.namespace,
        "cronquorum.job": execution.job,
        "cronquorum.trigger": execution.trigger,
        "cronquorum.origin": execution.origin.value,
        "cronquorum.execution": str(execution.id),
        "cronquorum.attempt": execution.attempt,
        "cronquorum.epoch": execution.epoch,
        "cronquorum.state": execution.state.value,
        "cronquorum.reason": execution.reason,
        "cronquorum.executor": execution.executor_id,
    }
    return {name: value for name, value in found.items() if value != ""}
