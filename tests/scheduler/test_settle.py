"""What becomes of an execution: every move is legal, times are ordered, retries are counted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobstore.model import EndedAttempt, Execution, TaskError
from jobstore.states import OUTCOMES, PLACED, State, may_move
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


_gaps = st.timedeltas(timedelta(0), timedelta(minutes=20))
_ages = st.timedeltas(timedelta(days=-1), timedelta(days=1))
_plans = st.fixed_dictionaries(
    {
        "idempotent": st.just(True),
        "failover": st.fixed_dictionaries(
            {"strategy": st.sampled_from(["rerun", "fail"]), "maxReruns": st.integers(0, 3)}
        ),
        "retry": st.fixed_dictionaries(
            {
                "maxAttempts": st.integers(1, 4),
                "backoff": st.sampled_from(["fixed", "linear", "exponential"]),
            }
        ),
        "startDeadline": st.sampled_from(["1s", "10m"]),
    }
)


class Life(RuleBasedStateMachine):
    """One execution, from its record to its end, through anything that can happen to it in between."""

    @initialize(manifest=_plans, ahead=st.timedeltas(timedelta(0), SECOND))
    def record(self, manifest: dict[str, Any], ahead: timedelta) -> None:
        self.plan = definition(**manifest)
        self.now = NOW
        self.row = execution(scheduled_time=NOW + ahead)
        self.kept: list[EndedAttempt] = []

    def become(self, after: Execution) -> None:
        before, self.row = self.row, after
        assert before.state is after.state or may_move(before.state, after.state), (before.state, after.state)
        assert after.attempt == before.attempt + (before.state is State.RETRYING and after.state is State.PENDING)
        same = replace(after, **{name: getattr(before, name) for name in _CHANGING})
        assert same == before

    def in_state(self, *states: State) -> bool:
        return self.row.state in states

    @rule(gap=_gaps)
    def time_passes(self, gap: timedelta) -> None:
        self.now += gap

    @precondition(lambda self: self.in_state(State.PENDING))
    @rule(number=st.integers(1, 3), epoch=st.integers(7, 9))
    def place(self, number: int, epoch: int) -> None:
        deadline = self.plan.spec.start_deadline
        if settle.past_deadline(self.row, deadline, self.now):
            self.become(settle.skip(self.row, "startDeadline", self.now))
        else:
            self.become(settle.place(self.row, f"executor-{number}", "i-1", epoch, self.now))

    @precondition(lambda self: self.in_state(State.PENDING))
    @rule(reason=st.sampled_from(["no executor is attached", "no free slot on 1 executors"]))
    def wait(self, reason: str) -> None:
        check_at = settle.wait_until(self.row, self.plan.spec.start_deadline, self.now)
        self.become(settle.wait(self.row, reason, self.now, check_at))
        assert self.row.check_at is not None
        assert self.row.check_at > self.now

    @precondition(lambda self: self.in_state(State.PENDING, State.DISPATCHED, State.RUNNING, State.RETRYING))
    @rule()
    def cancel(self) -> None:
        self.become(settle.cancel(self.row, "enough", self.now))

    @precondition(lambda self: self.in_state(State.DISPATCHED))
    @rule()
    def refuse(self) -> None:
        back = settle.give_back(self.row, "noSlot: full", self.now)
        self.become(settle.cancel(back, "enough", self.now) if self.row.cancelling else back)

    @precondition(lambda self: self.in_state(State.DISPATCHED))
    @rule(age=_ages)
    def start(self, age: timedelta) -> None:
        self.become(settle.start(self.row, self.now - age))

    @precondition(lambda self: self.in_state(State.RUNNING))
    @rule(fraction=st.floats(0, 1))
    def progress(self, fraction: float) -> None:
        self.become(settle.progressed(self.row, fraction, "on"))

    @precondition(lambda self: self.in_state(*PLACED))
    @rule()
    def look(self) -> None:
        self.become(settle.check_by(self.row, self.now + settle.CHECK_PLACED))

    @precondition(lambda self: self.in_state(*PLACED))
    @rule(
        state=st.sampled_from(sorted(OUTCOMES)),
        started=st.none() | _ages,
        age=_ages,
        readable=st.booleans(),
    )
    def end(self, state: State, started: timedelta | None, age: timedelta, readable: bool) -> None:
        reported = Outcome(
            state=state,
            started=None if started is None else self.now - started,
            ended=self.now - age,
        )
        self.settle(reported, self.plan if readable else None)

    @precondition(lambda self: self.in_state(*PLACED))
    @rule()
    def lose(self) -> None:
        self.settle(settle.lost("executorLost", self.now), self.plan)

    def settle(self, reported: Outcome, plan: Definition | None) -> None:
        before = self.row
        settled = settle.settle(before, reported, plan, self.now)
        self.become(settled.execution)
        assert (settled.ended is not None) == (self.row.state is State.RETRYING)
        if settled.ended is not None:
            self.kept.append(settled.ended)
            assert self.row.check_at is not None
            assert self.row.check_at >= self.now
        if self.row.state is not State.RETRYING and not before.cancelling:
            assert self.row.state is reported.state

    @precondition(lambda self: self.in_state(State.RETRYING))
    @rule()
    def try_again(self) -> None:
        self.become(settle.next_attempt(self.row, self.now))

    @invariant()
    def times_are_ordered(self) -> None:
        row = self.row
        times = [row.scheduled_time, row.dispatched, row.started, row.ended]
        known = [time for time in times if time is not None]
        if row.state in (State.SKIPPED, State.CANCELLED) and row.dispatched is None:
            known.remove(row.scheduled_time)  # it may be skipped or cancelled before its time
        assert known == sorted(known)

    @invariant()
    def whoever_is_open_is_looked_at_again(self) -> None:
        assert (self.row.check_at is None) == self.row.state.final
        assert (self.row.ended is not None) >= self.row.state.final

    @invariant()
    def an_executor_is_named_where_one_holds_it(self) -> None:
        if self.row.state in PLACED:
            assert self.row.executor_id
            assert self.row.incarnation
            assert self.row.placement > 0
        if self.row.state is State.PENDING:
            assert not self.row.executor_id
        assert not (self.row.cancelling and self.row.state not in PLACED)

    @invariant()
    def earlier_attempts_are_counted(self) -> None:
        assert [each.attempt for each in self.kept] == list(range(1, len(self.kept) + 1))
        lost = sum(each.outcome is State.LOST for each in self.kept)
        assert self.row.reruns == lost <= self.plan.spec.failover.max_reruns
        assert len(self.kept) - lost < self.plan.max_attempts
        assert all(each.outcome in OUTCOMES and each.ended is not None for each in self.kept)


_CHANGING = (
    "state",
    "reason",
    "executor_id",
    "incarnation",
    "attempt",
    "placement",
    "reruns",
    "epoch",
    "cancelling",
    "check_at",
    "dispatched",
    "started",
    "ended",
    "progress",
    "progress_note",
    "result",
    "exit_code",
    "error",
)
"""What an execution's life changes; the rest is as it was recorded."""

TestLife = Life.TestCase
TestLife.settings = settings(deadline=None, max_examples=150, stateful_step_count=25)
