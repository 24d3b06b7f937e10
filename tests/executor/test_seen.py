"""Executions that were seen here."""

import pytest

from executor.assignment import AttemptKey
from executor.seen import BEFORE_ALL, Seen


def key(execution: str, attempt: int = 1, placement: int = 0) -> AttemptKey:
    return AttemptKey(execution, 0, attempt, placement, "life")


def test_the_latest_placement_counts_whatever_is_seen_after_it() -> None:
    seen = Seen()
    assert seen.latest(("a", 0)) == BEFORE_ALL
    for attempt, placement in ((1, 2), (2, 0), (1, 3)):
        seen.remember(key("a", attempt, placement))
    assert seen.latest(("a", 0)) == (2, 0)
    assert seen.latest(("a", 1)) == BEFORE_ALL


def test_the_last_ones_are_remembered_and_no_more_than_twice_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.seen.REMEMBERED", 10)
    seen = Seen()
    for number in range(1000):
        seen.remember(key(f"{number}"))
        known = [each for each in range(number + 1) if seen.latest((f"{each}", 0)) != BEFORE_ALL]
        assert set(known) >= set(range(max(0, number - 9), number + 1)) and len(known) < 20


def test_one_that_is_seen_again_is_as_young_as_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.seen.REMEMBERED", 10)
    seen = Seen()
    seen.remember(key("long", attempt=3))
    for number in range(100):
        seen.remember(key(f"{number}"))
        if number % 5 == 0:
            seen.remember(key("long"))
    assert seen.latest(("long", 0)) == (3, 0)


def test_all_but_those_that_run_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.seen.REMEMBERED", 2)
    seen = Seen()
    for name in ("a", "b", "c"):
        seen.remember(key(name))
    seen.forget_all_but({("a", 0), ("c", 0)})
    assert [seen.latest((name, 0)) for name in "abc"] == [(1, 0), BEFORE_ALL, (1, 0)]
