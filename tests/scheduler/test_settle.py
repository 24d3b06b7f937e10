"""What becomes of an execution: every move is legal, times are ordered, retries are counted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jobstore.model import EndedAttempt, Execution, TaskError
from jobstore.states import OUTCOMES, State
from scheduler import settle
from scheduler.definitions import Definition
from scheduler.settle import Outcome
from tests.scheduler.building import NOW, definition, execution

SECOND = timedelta(seconds=1)


def dispatched(**changes: Any) -> Execution:
    return settle.place(execution(**changes), "executor-1", "i-1", 7, NOW)


def running(**changes: Any) -> Execution:
    return settle.start(dispatched(**changes), NOW)


def outcome(state: State = State.SUCCEEDED, after: float = 1, **changes: Any) -> Outcome:
    return Outcome(state=state, ended=NOW + after * SECOND, **changes)


def final_states(plan: Definition, *outcomes: State) -> tuple[list[State], Execution]:
    """The states after each outcome, of an execution that is placed again whenever it may be."""
    found, row = [], running()
    for state in outcomes:
        row = settle.settle(row, outcome(state), plan, NOW + SECOND).execution
        found.append(row.state)
        if row.state is State.RETRYING:
            row = settle.start(settle.place(settle.next_attempt(row, NOW), "executor-1", "i-1", 7, NOW), NOW)
    return found, row


FAILED, LOST, TIMED_OUT, SUCCEEDED = State.FAILED, State.LOST, State.TIMED_OUT, State.SUCCEEDED
RETRYING = State.RETRYING


@pytest.mark.parametrize(
    ("manifest", "outcomes", "states"),
    [
        ({}, [FAILED], [FAILED]),
        ({}, [SUCCEEDED], [SUCCEEDED]),
        ({}, [State.CANCELLED], [State.CANCELLED]),
        ({}, [LOST], [LOST]),
        ({"retry": {"maxAttempts": 3}}, [FAILED, FAILED, FAILED], [RETRYING, RETRYING, FAILED]),
        ({"retry": {"maxAttempts": 3}}, [TIMED_OUT, FAILED, TIMED_OUT], [RETRYING, RETRYING, TIMED_OUT]),
        ({"retry": {"maxAttempts": 3}}, [FAILED, SUCCEEDED], [RETRYING, SUCCEEDED]),
        ({"retry": {"maxAttempts": 3}}, [State.CANCELLED], [State.CANCELLED]),
        ({"retry": {"maxAttempts": 3}}, [LOST], [LOST]),
        ({"idempotent": True}, [LOST, LOST, LOST, LOST], [RETRYING] * 3 + [LOST]),
        ({"idempotent": True, "failover": {"maxReruns": 0}}, [LOST], [LOST]),
        ({"idempotent": True, "failover": {"strategy": "fail"}}, [LOST], [LOST]),
        # what a lost executor cost is not counted as a failure of the task, and the other way round
        (
            {"idempotent": True, "retry": {"maxAttempts": 2}},
            [LOST, FAILED, LOST, FAILED],
            [RETRYING, RETRYING, RETRYING, FAILED],
        ),
        (
            {"idempotent": True, "retry": {"maxAttempts": 3}, "failover": {"maxReruns": 1}},
            [FAILED, FAILED, LOST, LOST],
            [RETRYING, RETRYING, RETRYING, LOST],
        ),
    ],
)
def test_attempts_are_counted_against_their_own_bounds(
    manifest: dict[str, Any], outcomes: list[State], states: list[State]
) -> None:
    assert final_states(definition(**manifest), *outcomes)[0] == states


def test_a_retry_waits_for_its_delay_and_a_rerun_does_not() -> None:
    plan = definition(idempotent=True, retry={"maxAttempts": 4, "delay": "30s", "maxDelay": "100s"})
    row, delays = running(), []
    for state in (LOST, FAILED, FAILED, LOST, FAILED):
        row = settle.settle(row, outcome(state), plan, NOW).execution
        assert row.check_at is not None
        delays.append((row.check_at - NOW).total_seconds())
        row = settle.start(settle.place(settle.next_attempt(row, NOW), "executor-1", "i-1", 7, NOW), NOW)
    assert delays == [0, 30, 60, 0, 100]


def test_the_ended_attempt_is_kept_as_it_ended() -> None:
    error = TaskError(type="ValueError", message="no", tail="line")
    plan = definition(retry={"maxAttempts": 2})
    row = settle.start(dispatched(), NOW + SECOND)
    settled = settle.settle(row, outcome(FAILED, 5, exit_code=3, error=error, reason="exit"), plan, NOW)
    assert settled.ended == EndedAttempt(
        execution_id=row.id,
        part=0,
        attempt=1,
        placement=1,
        executor_id="executor-1",
        incarnation="i-1",
        epoch=7,
        outcome=FAILED,
        reason="exit",
        dispatched=NOW,
        started=NOW + SECOND,
        ended=NOW + 5 * SECOND,
        exit_code=3,
        error=error,
    )
    assert settled.execution.state is RETRYING
    assert settled.execution.reason == "retry"


def test_the_next_attempt_remembers_nothing_of_the_one_before() -> None:
    plan = definition(retry={"maxAttempts": 2})
    row = settle.progressed(running(), 0.5, "half")
    row = settle.settle(row, outcome(FAILED, exit_code=3, result=[1]), plan, NOW).execution
    again = settle.next_attempt(row, NOW + SECOND)
    first = execution(id=row.id)
    assert again == replace(
        first, attempt=2, reason="retry", check_at=NOW + SECOND + settle.CHECK_PENDING, epoch=row.epoch
    )
    assert again.retry_count == 1


def test_without_its_definition_nothing_is_tried_again() -> None:
    for state in OUTCOMES:
        assert settle.settle(running(), outcome(state), None, NOW).execution.state is state


@pytest.mark.parametrize(
    ("reported", "state", "reason"),
    [
        (SUCCEEDED, SUCCEEDED, ""),
        (FAILED, State.CANCELLED, "enough"),
        (TIMED_OUT, State.CANCELLED, "enough"),
        (LOST, State.CANCELLED, "enough"),
        (State.CANCELLED, State.CANCELLED, "enough"),
    ],
)
def test_a_cancelled_one_ends_as_cancelled_unless_it_succeeded_before(
    reported: State, state: State, reason: str
) -> None:
    plan = definition(idempotent=True, retry={"maxAttempts": 5})
    row = settle.cancel(running(), "enough", NOW)
    assert (row.state, row.cancelling) == (State.RUNNING, True)
    settled = settle.settle(row, outcome(reported), plan, NOW)
    after = settled.execution
    assert (after.state, after.reason, after.cancelling) == (state, reason, False)
    assert settled.ended is None


def test_what_no_executor_holds_is_cancelled_at_once() -> None:
    retrying = settle.settle(running(), outcome(FAILED), definition(retry={"maxAttempts": 2}), NOW)
    for row in (execution(), retrying.execution, execution(state=State.HELD)):
        after = settle.cancel(row, "enough", NOW + 2 * SECOND)
        assert (after.state, after.reason, after.cancelling) == (State.CANCELLED, "enough", False)
        assert (after.ended, after.check_at) == (NOW + 2 * SECOND, None)


def test_a_refused_one_is_placed_again_as_the_same_attempt() -> None:
    back = settle.give_back(dispatched(), "noSlot: full", NOW)
    assert (back.state, back.attempt, back.placement) == (State.PENDING, 1, 1)
    assert (back.executor_id, back.incarnation, back.dispatched) == ("", "", None)
    again = settle.place(back, "executor-2", "i-2", 8, NOW + SECOND)
    assert (again.attempt, again.placement, again.epoch, again.reason) == (1, 2, 8, "")


def test_a_start_deadline_is_over_behind_its_instant() -> None:
    deadline = timedelta(minutes=15)
    row = execution()
    assert not settle.past_deadline(row, None, NOW + timedelta(days=99))
    assert not settle.past_deadline(row, deadline, NOW + deadline)
    assert settle.past_deadline(row, deadline, NOW + deadline + timedelta(milliseconds=1))
    assert settle.wait_until(row, deadline, NOW + 14 * timedelta(minutes=1)) == (
        NOW + deadline + timedelta(milliseconds=1)
    )
    assert settle.wait_until(row, deadline, NOW) == NOW + settle.CHECK_PENDING
    assert settle.wait_until(row, None, NOW) == NOW + settle.CHECK_PENDING


def test_a_start_deadline_says_nothing_about_a_second_attempt() -> None:
    late = NOW + timedelta(days=1)
    row = execution(attempt=2)
    assert not settle.past_deadline(row, SECOND, late)
    assert settle.wait_until(row, SECOND, late) == late + settle.CHECK_PENDING


def test_waiting_on_for_the_same_reason_is_no_change() -> None:
    row = settle.wait(execution(), "no executor is attached", NOW, NOW + 300 * SECOND)
    later = NOW + SECOND
    assert settle.wait(row, "no executor is attached", later, later + 300 * SECOND) is row
    other = settle.wait(row, "no free slot on 1 executors", later, later + 300 * SECOND)
    assert other.reason == "no free slot on 1 executors"
    sooner = settle.wait(row, "no executor is attached", later, later + 10 * SECOND)
    assert sooner.check_at == later + 10 * SECOND
    over = settle.wait(row, "no executor is attached", NOW + 300 * SECOND, NOW + 600 * SECOND)
    assert over.check_at == NOW + 600 * SECOND


@pytest.mark.parametrize("state", sorted(OUTCOMES))
def test_reports_that_contradict_the_clock_are_put_in_order(state: State) -> None:
    early = NOW - timedelta(days=400)
    row = dispatched()
    after = settle.settle(row, Outcome(state=state, started=early, ended=early), definition(), NOW + SECOND).execution
    assert (after.dispatched, after.started, after.ended) == (NOW, NOW, NOW)
    assert settle.start(row, early).started == NOW


def test_one_recorded_ahead_is_dispatched_at_its_scheduled_time() -> None:
    ahead = settle.place(execution(scheduled_time=NOW + SECOND), "executor-1", "i-1", 7, NOW)
    assert ahead.dispatched == NOW + SECOND


def test_how_a_past_attempt_ended_is_read_from_either_kind_of_row() -> None:
    done = settle.settle(running(), outcome(FAILED), definition(), NOW).execution
    assert settle.outcome_state(done) is FAILED
    assert settle.outcome_state(replace(settle.ended_attempt(done), outcome=LOST)) is LOST


def test_an_unreadable_report_is_a_failure_that_says_so() -> None:
    found = settle.unreadable("exploded is no outcome", NOW)
    assert (found.state, found.reason, found.ended) == (FAILED, "badReport", NOW)
    assert found.error is not None
    assert found.error.message == "exploded is no outcome"
