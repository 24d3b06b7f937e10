"""What becomes of an execution: each function takes the row and what happened, and returns the new row.

Pure, and the only place where states are chosen; `jobstore.states` says which moves there are.
"""

from datetime import datetime, timedelta
from typing import Any

from jobstore.model import EndedAttempt, Execution, TaskError
from jobstore.states import State
from jobstore.values import replace, value
from scheduler import failover
from scheduler.definitions import Definition
from scheduler.retry import retry_delay

CHECK_PENDING = timedelta(minutes=5)
"""How often a waiting execution is looked at again, whatever else happens."""

CHECK_PLACED = timedelta(minutes=5)
"""How often one that an executor holds is looked at again."""

REFUSED_RETRY = timedelta(seconds=10)
"""When every candidate has refused an execution, they are asked again after this time."""


@value(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How an attempt ended, as its executor reports it; times are already the leader's."""

    state: State
    reason: str = ""
    started: datetime | None = None
    ended: datetime
    result: Any = None
    exit_code: int | None = None
    error: TaskError | None = None


@value(frozen=True, slots=True)
class Settled:
    """The new row, and the attempt that is kept beside it when another one follows."""

    execution: Execution
    ended: EndedAttempt | None = None


def place(execution: Execution, executor_id: str, incarnation: str, epoch: int, now: datetime) -> Execution:
    """Hand it to an executor: written before anything is sent."""
    return replace(
        execution,
        state=State.DISPATCHED,
        reason="",
        executor_id=executor_id,
        incarnation=incarnation,
        placement=execution.placement + 1,
        epoch=epoch,
        dispatched=max(now, execution.scheduled_time),
        check_at=now + CHECK_PLACED,
    )


def wait(execution: Execution, reason: str, now: datetime, check_at: datetime) -> Execution:
    """Leave it pending, with the reason on its record, to be looked at again by `check_at`."""
    if (
        execution.state is State.PENDING
        and execution.reason == reason
        and execution.check_at is not None
        and now < execution.check_at <= check_at
    ):
        return execution
    return replace(execution, state=State.PENDING, reason=reason, check_at=check_at)


def wait_until(execution: Execution, deadline: timedelta | None, now: datetime) -> datetime:
    """When a waiting execution is looked at again: at its start deadline, if that is sooner."""
    check_at = now + CHECK_PENDING
    if deadline is not None and not has_started(execution):
        # just behind it, for it may still start at that very instant
        check_at = min(check_at, max(now, execution.scheduled_time + deadline) + timedelta(milliseconds=1))
    return check_at


def check_by(execution: Execution, at: datetime) -> Execution:
    """Look at it again by this time."""
    return replace(execution, check_at=at)


def pass_on(execution: Execution, incarnation: str) -> Execution:
    """It outlived the incarnation of its executor that began it, and goes on under another one: the same attempt."""
    return replace(execution, incarnation=incarnation)


def has_started(execution: Execution) -> bool:
    """Whether some attempt of it ran: a start deadline has nothing more to say."""
    return execution.attempt > 1 or execution.started is not None


def past_deadline(execution: Execution, deadline: timedelta | None, now: datetime) -> bool:
    """Whether it was to have started by now."""
    return deadline is not None and not has_started(execution) and now > execution.scheduled_time + deadline


def skip(execution: Execution, reason: str, now: datetime) -> Execution:
    """It does not run; the record says why."""
    return replace(execution, state=State.SKIPPED, reason=reason, ended=now, check_at=None)


def start(execution: Execution, started: datetime) -> Execution:
    """Its executor has begun to run it. Never before it was dispatched."""
    at = max(started, execution.dispatched or started)
    return replace(execution, state=State.RUNNING, started=at)


def progressed(execution: Execution, fraction: float, note: str) -> Execution:
    """The task says how far it is."""
    return replace(execution, progress=fraction, progress_note=note)


def give_back(execution: Execution, reason: str, now: datetime) -> Execution:
    """Refused, or never received: nothing ran, and the same attempt is placed again."""
    return replace(
        execution,
        state=State.PENDING,
        reason=reason,
        executor_id="",
        incarnation="",
        dispatched=None,
        check_at=now + REFUSED_RETRY,
    )


def unplace(execution: Execution) -> Execution:
    """As if it had never been placed: it was not sent to anybody, and its record is about to be taken back."""
    return replace(
        execution, state=State.PENDING, executor_id="", incarnation="", placement=0, dispatched=None, attempt=1
    )


def cancel(execution: Execution, reason: str, now: datetime) -> Execution:
    """What no executor holds ends at once; the rest is `cancelling` until its executor confirms."""
    if execution.state in (State.DISPATCHED, State.RUNNING):
        return replace(execution, cancelling=True, reason=reason)
    ended = max(now, execution.ended or now)  # one that is retried has ended before, if ever so little
    return replace(execution, state=State.CANCELLED, cancelling=False, reason=reason, ended=ended, check_at=None)


def settle(execution: Execution, outcome: Outcome, definition: Definition | None, now: datetime) -> Settled:
    """Take in the end of the current attempt: final, or another attempt after its delay.

    Without a definition (its revision cannot be read any more) nothing is tried again.
    """
    dispatched = execution.dispatched or outcome.ended
    started = execution.started or outcome.started
    if started is not None:
        started = max(started, dispatched)
    ended = max(outcome.ended, started or dispatched)
    done = replace(
        execution,
        state=outcome.state,
        reason=outcome.reason,
        started=started,
        ended=ended,
        result=outcome.result,
        exit_code=outcome.exit_code,
        error=outcome.error,
        check_at=None,
    )
    if execution.cancelling:
        if outcome.state is not State.SUCCEEDED:
            done = replace(done, state=State.CANCELLED, reason=execution.reason or outcome.reason)
        return Settled(replace(done, cancelling=False))
    if definition is None or outcome.state in (State.SUCCEEDED, State.CANCELLED):
        return Settled(done)
    if outcome.state is State.LOST:
        return _after_loss(done, definition, now)
    # attempts that a lost executor cost are counted by maxReruns, not here
    failures = execution.attempt - execution.reruns
    if failures >= definition.max_attempts:
        return Settled(done)
    retry = definition.spec.retry
    delay = retry_delay(retry.backoff, retry.delay, retry.max_delay, failures)
    return _again(done, now + delay, "retry")


def _after_loss(done: Execution, definition: Definition, now: datetime) -> Settled:
    loss = failover.Loss(
        started=done.started is not None,
        reruns=done.reruns,
        max_reruns=definition.spec.failover.max_reruns,
        idempotent=definition.spec.idempotent,
    )
    try:
        verdict = failover.STRATEGIES[definition.failover](loss)
    except Exception:
        verdict = failover.Verdict.FAIL  # somebody's own strategy: what it cannot decide stays lost
    if verdict is not failover.Verdict.RERUN:
        return Settled(done)
    return _again(replace(done, reruns=done.reruns + 1), now, "executorLost")


def _again(done: Execution, at: datetime, reason: str) -> Settled:
    return Settled(replace(done, state=State.RETRYING, reason=reason, check_at=at), ended_attempt(done))


def ended_attempt(execution: Execution) -> EndedAttempt:
    """The current attempt, as it is kept beside its execution."""
    return EndedAttempt(
        execution_id=execution.id,
        part=execution.part,
        attempt=execution.attempt,
        placement=execution.placement,
        executor_id=execution.executor_id,
        incarnation=execution.incarnation,
        epoch=execution.epoch,
        outcome=execution.state,
        reason=execution.reason,
        dispatched=execution.dispatched,
        started=execution.started,
        ended=execution.ended,
        exit_code=execution.exit_code,
        error=execution.error,
    )


def next_attempt(execution: Execution, now: datetime) -> Execution:
    """From retrying to pending: the next attempt, which remembers nothing of the one before."""
    return replace(
        execution,
        state=State.PENDING,
        attempt=execution.attempt + 1,
        placement=0,
        executor_id="",
        incarnation="",
        dispatched=None,
        started=None,
        ended=None,
        progress=None,
        progress_note="",
        result=None,
        exit_code=None,
        error=None,
        check_at=now + CHECK_PENDING,
    )


def lost(reason: str, now: datetime) -> Outcome:
    """The outcome of an attempt whose executor will not report any more."""
    return Outcome(state=State.LOST, reason=reason, ended=now)


def unreadable(why: str, now: datetime) -> Outcome:
    """The outcome of an attempt whose executor reported something that cannot be taken."""
    error = TaskError(type="badReport", message=why)
    return Outcome(state=State.FAILED, reason="badReport", ended=now, error=error)


def outcome_state(past: Execution | EndedAttempt) -> State:
    """How an attempt that is over ended."""
    return past.outcome if isinstance(past, EndedAttempt) else past.state
