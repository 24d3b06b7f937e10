"""The life of an execution through anything that can happen to it: moves are legal, times are ordered."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobstore.model import EndedAttempt, Execution
from jobstore.states import OUTCOMES, PLACED, State, may_move
from scheduler import settle
from scheduler.definitions import Definition
from scheduler.settle import Outcome
from tests.scheduler.building import NOW, definition, execution

SECOND = timedelta(seconds=1)

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
TestLife.settings = settings(deadline=None, max_examples=60, stateful_step_count=20)
