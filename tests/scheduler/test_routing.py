"""Routing strategies."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler import routing
from scheduler.routing import Candidate, Request, consistent_hash, least_loaded, round_robin

some = settings(deadline=None, max_examples=40)
JOBS = [UUID(int=number * 7919) for number in range(200)]


def candidates(*used: int, slots: int = 10) -> list[Candidate]:
    return [Candidate(f"executor-{index}", slots, each) for index, each in enumerate(used)]


def request(job: int = 0, turn: int = 0, draw: float = 0.0) -> Request:
    return Request(JOBS[job], UUID(int=1), turn, draw)


@st.composite
def some_candidates(draw: st.DrawFn) -> list[Candidate]:
    names = draw(st.lists(st.text("abcdef-0123", min_size=1, max_size=8), min_size=1, max_size=8, unique=True))
    made = []
    for name in sorted(names):
        slots = draw(st.integers(1, 100))
        made.append(Candidate(name, slots, draw(st.integers(0, slots - 1))))
    return made


requests = st.builds(
    Request,
    st.uuids(),
    st.uuids(),
    st.integers(0, 10**9),
    st.floats(0, 1, exclude_max=True),
)


@pytest.mark.parametrize("name", sorted(routing.STRATEGIES))
@some
@given(some_candidates(), requests)
def test_every_strategy_chooses_one_of_the_candidates(name: str, offered: list[Candidate], asked: Request) -> None:
    assert routing.STRATEGIES[name](offered, asked) in offered


@pytest.mark.parametrize("name", sorted(routing.STRATEGIES))
@some
@given(some_candidates(), requests)
def test_the_same_question_has_the_same_answer(name: str, offered: list[Candidate], asked: Request) -> None:
    strategy = routing.STRATEGIES[name]
    assert strategy(offered, asked) == strategy(list(offered), asked)


@some
@given(some_candidates(), st.integers(0, 1000), st.integers(1, 5))
def test_round_robin_gives_each_the_same_number_of_turns(offered: list[Candidate], first: int, rounds: int) -> None:
    turns = range(first, first + rounds * len(offered))
    chosen = Counter(round_robin(offered, request(turn=turn)) for turn in turns)
    assert set(chosen) == set(offered)
    assert set(chosen.values()) == {rounds}


@some
@given(some_candidates(), requests)
def test_least_loaded_takes_the_smallest_used_share(offered: list[Candidate], asked: Request) -> None:
    chosen = least_loaded(offered, asked)
    assert all(chosen.used * other.slots <= other.used * chosen.slots for other in offered)


def test_least_loaded_counts_shares_and_not_executions() -> None:
    small, large = Candidate("small", 4, 2), Candidate("large", 100, 30)
    assert least_loaded([large, small], request()) == large


def test_least_loaded_gives_equals_their_turns() -> None:
    offered = candidates(5, 1, 1, 7, 1)
    chosen = [least_loaded(offered, request(turn=turn)).executor_id for turn in range(6)]
    assert chosen == ["executor-1", "executor-2", "executor-4"] * 2


def test_least_loaded_fills_executors_evenly() -> None:
    used = [0, 0, 0, 0]
    for turn in range(4 * 10):
        free = [candidate for candidate in candidates(*used) if candidate.used < candidate.slots]
        chosen = least_loaded(free, request(turn=turn))
        used[int(chosen.executor_id.removeprefix("executor-"))] += 1
    assert used == [10, 10, 10, 10]


def test_random_takes_each_with_equal_chance() -> None:
    offered = candidates(0, 0, 0, 0, 0)
    draws = [number / 1000 for number in range(1000)]
    chosen = Counter(routing.STRATEGIES["random"](offered, request(draw=draw)) for draw in draws)
    assert set(chosen.values()) == {200}


def placed(offered: Sequence[Candidate]) -> dict[UUID, str]:
    return {job: consistent_hash(offered, Request(job, UUID(int=1), 0, 0.0)).executor_id for job in JOBS}


def test_consistent_hash_ignores_load_turn_and_order() -> None:
    offered = candidates(0, 5, 9)
    busy = candidates(9, 0, 3)
    for job in range(50):
        first = consistent_hash(offered, request(job))
        assert consistent_hash(busy[::-1], request(job, turn=17, draw=0.9)).executor_id == first.executor_id


@some
@given(some_candidates(), st.integers(0, 7))
def test_when_an_executor_goes_only_its_own_jobs_move(offered: list[Candidate], index: int) -> None:
    gone = offered[index % len(offered)]
    rest = [candidate for candidate in offered if candidate != gone]
    if not rest:
        return
    before, after = placed(offered), placed(rest)
    assert {job for job in JOBS if before[job] != after[job]} == {
        job for job in JOBS if before[job] == gone.executor_id
    }


@some
@given(some_candidates())
def test_when_an_executor_comes_jobs_move_to_it_and_nowhere_else(offered: list[Candidate]) -> None:
    newcomer = Candidate("zz-new", 10, 0)
    before, after = placed(offered), placed([*offered, newcomer])
    assert {after[job] for job in JOBS if before[job] != after[job]} <= {"zz-new"}


def test_consistent_hash_spreads_jobs_over_the_executors() -> None:
    share = Counter(placed(candidates(0, 0, 0, 0)).values())
    assert len(share) == 4
    assert all(25 <= count <= 75 for count in share.values()), share


def test_a_strategy_of_ones_own_cannot_take_the_name_of_another() -> None:
    with pytest.raises(ValueError, match="routing strategy 'random' exists already"):
        routing.register("random", round_robin)
    routing.register("test-first", lambda offered, asked: offered[0])
    try:
        assert routing.STRATEGIES["test-first"](candidates(1, 2), request()).executor_id == "executor-0"
    finally:
        del routing.STRATEGIES["test-first"]
