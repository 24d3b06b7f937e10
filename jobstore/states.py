"""The states of an execution and the moves between them: data, in one place.

pending --> dispatched --> running --> succeeded | failed | timedOut | lost       (final)
   ^  |         |             |
   |  |         '------+------'--> retrying --> pending      (attempt + 1, after its delay)
   |  |                '---------> held                      (an operator decides)
   |  +--> skipped                                           (final)
   '--+-- dispatched: refused or never received (same attempt, next placement)
   cancelled, from any state that is not final                (final)
"""

from enum import StrEnum


class State(StrEnum):
    """What has become of an execution."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    RETRYING = "retrying"
    HELD = "held"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timedOut"
    LOST = "lost"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    __hash__ = str.__hash__  # that of Enum is a function in Python, and states are looked up all the time

    @property
    def final(self) -> bool:
        """Whether nothing moves it any more."""
        return self in FINAL


OUTCOMES = frozenset({State.SUCCEEDED, State.FAILED, State.TIMED_OUT, State.LOST, State.CANCELLED})
"""How an attempt can end."""

FINAL = OUTCOMES | {State.SKIPPED}
OPEN = frozenset(State) - FINAL
PLACED = frozenset({State.DISPATCHED, State.RUNNING})
"""An executor is named in the row, and holds a slot for it."""

BORN = frozenset({State.PENDING, State.DISPATCHED, State.SKIPPED})
"""The states in which a row may be written first."""

_ENDS = OUTCOMES | {State.RETRYING, State.HELD}

MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.DISPATCHED, State.SKIPPED, State.CANCELLED}),
    State.DISPATCHED: frozenset({State.PENDING, State.RUNNING, State.SKIPPED}) | _ENDS,
    State.RUNNING: _ENDS,
    State.RETRYING: frozenset({State.PENDING, State.CANCELLED}),
    State.HELD: frozenset({State.PENDING, State.RETRYING, State.FAILED, State.LOST, State.CANCELLED}),
    **{state: frozenset() for state in FINAL},
}


def may_move(source: State, target: State) -> bool:
    """Whether a row may go from one state to the other. Staying (a column changes) is no move."""
    return target in MOVES[source]
