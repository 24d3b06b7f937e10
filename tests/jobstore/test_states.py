"""The state machine, every pair of states."""

import itertools

import pytest

from jobstore.states import BORN, FINAL, MOVES, OPEN, OUTCOMES, PLACED, State, may_move

LEGAL = {
    "pending": "dispatched skipped cancelled",
    "dispatched": "pending running skipped retrying held succeeded failed timedOut lost cancelled",
    "running": "retrying held succeeded failed timedOut lost cancelled",
    "retrying": "pending cancelled",
    "held": "pending retrying failed lost cancelled",
    "succeeded": "",
    "failed": "",
    "timedOut": "",
    "lost": "",
    "skipped": "",
    "cancelled": "",
}


@pytest.mark.parametrize(("source", "target"), [*itertools.product(State, State)])
def test_moves(source: State, target: State) -> None:
    assert may_move(source, target) == (target.value in LEGAL[source.value].split())


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(State) == {State(name) for name in LEGAL}


@pytest.mark.parametrize("state", State)
def test_final_is_what_nothing_moves(state: State) -> None:
    assert state.final == (state in FINAL) == (state not in OPEN) == (not MOVES[state])


def test_the_sets_are_what_they_are_called() -> None:
    assert OUTCOMES | {State.SKIPPED} == FINAL
    assert set(State) == FINAL | OPEN
    assert {State.DISPATCHED, State.RUNNING} == PLACED
    assert {State.PENDING, State.DISPATCHED, State.SKIPPED} == BORN


@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_operator_can_end_everything_that_is_open(state: State) -> None:
    assert may_move(state, State.CANCELLED)


@pytest.mark.parametrize("state", State)
def test_every_state_is_reached_from_birth(state: State) -> None:
    reached = set(BORN)
    while more := {t for s in reached for t in MOVES[s]} - reached:
        reached |= more
    assert state in reached


@pytest.mark.parametrize("state", sorted(OPEN))
def test_every_open_state_can_end(state: State) -> None:
    reached = {state}
    while more := {t for s in reached for t in MOVES[s]} - reached:
        reached |= more
    assert reached & FINAL
