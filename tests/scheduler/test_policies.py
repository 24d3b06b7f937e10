"""Failover strategies, retry delays, concurrency policies, and words."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronquorum.durations import LONGEST
from scheduler import concurrency, failover
from scheduler.errors import Violation
from scheduler.failover import Loss, Verdict
from scheduler.retry import BACKOFFS, retry_delay
from scheduler.words import check_word


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("idempotent", [False, True])
@pytest.mark.parametrize(
    ("strategy", "reruns", "most", "verdict"),
    [
        ("rerun", 0, 3, Verdict.RERUN),
        ("rerun", 2, 3, Verdict.RERUN),
        ("rerun", 3, 3, Verdict.FAIL),
        ("rerun", 4, 3, Verdict.FAIL),
        ("rerun", 0, 0, Verdict.FAIL),
        ("fail", 0, 3, Verdict.FAIL),
        ("fail", 0, 0, Verdict.FAIL),
    ],
)
def test_a_failover_strategy_decides_what_becomes_of_a_lost_attempt(
    strategy: str, reruns: int, most: int, verdict: Verdict, started: bool, idempotent: bool
) -> None:
    loss = Loss(started=started, reruns=reruns, max_reruns=most, idempotent=idempotent)
    assert failover.STRATEGIES[strategy](loss) is verdict


def test_only_an_idempotent_job_is_rerun_unless_it_says_otherwise() -> None:
    assert failover.default(idempotent=True) == "rerun"
    assert failover.default(idempotent=False) == "fail"


def test_a_failover_strategy_of_ones_own_cannot_take_the_name_of_another() -> None:
    with pytest.raises(ValueError, match="failover strategy 'fail' exists already"):
        failover.register("fail", failover.rerun)
    failover.register("test-never", failover.fail)
    try:
        assert failover.STRATEGIES["test-never"](Loss(True, 0, 3, True)) is Verdict.FAIL
    finally:
        del failover.STRATEGIES["test-never"]


@pytest.mark.parametrize(
    ("backoff", "delay", "most", "expected"),
    [
        ("fixed", 10, 600, [10, 10, 10, 10]),
        ("linear", 10, 600, [10, 20, 30, 40]),
        ("linear", 10, 25, [10, 20, 25, 25]),
        ("exponential", 10, 600, [10, 20, 40, 80, 160, 320, 600, 600]),
        ("exponential", 0, 600, [0, 0, 0]),
        ("exponential", 10, 0, [0, 0, 0]),
        ("fixed", 700, 600, [600, 600]),
        ("exponential", 0.5, 3, [0.5, 1, 2, 3]),
    ],
)
def test_delays_grow_by_their_backoff_up_to_the_longest(
    backoff: str, delay: float, most: float, expected: list[float]
) -> None:
    delays = [retry_delay(backoff, seconds(delay), seconds(most), n + 1) for n in range(len(expected))]
    assert delays == [seconds(each) for each in expected]


@pytest.mark.parametrize("backoff", sorted(BACKOFFS))
@settings(deadline=None)
@given(st.timedeltas(seconds(0), LONGEST), st.timedeltas(seconds(0), LONGEST), st.integers(1, 10**6))
def test_no_delay_overflows_or_exceeds_the_longest_or_shrinks(
    backoff: str, delay: timedelta, most: timedelta, failures: int
) -> None:
    waits = retry_delay(backoff, delay, most, failures)
    assert seconds(0) <= waits <= most
    assert waits <= retry_delay(backoff, delay, most, failures + 1)
    assert waits >= min(delay, most) - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("policy", "open_count", "may_run"),
    [
        ("allow", 0, True),
        ("allow", 1000, True),
        ("skip", 0, True),
        ("skip", 1, False),
        ("skip", 2, False),
    ],
)
def test_a_concurrency_policy_says_whether_another_execution_may_be(
    policy: str, open_count: int, may_run: bool
) -> None:
    assert concurrency.POLICIES[policy](open_count) is may_run


def test_every_default_is_a_known_word() -> None:
    assert concurrency.DEFAULT in concurrency.POLICIES
    assert {failover.default(True), failover.default(False)} <= set(failover.STRATEGIES)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("skip", None),
        ("Skip", "'Skip' is not one of allow, skip; did you mean 'skip'?"),
        ("skipp", "'skipp' is not one of allow, skip; did you mean 'skip'?"),
        ("", "'' is not one of allow, skip"),
        ("queue\n", "'queue\\n' is not one of allow, skip"),
        ("x" * 100, f"'{'x' * 56}... is not one of allow, skip"),
    ],
)
def test_an_unknown_word_is_answered_with_the_known_ones(word: str, told: str | None) -> None:
    found = list(check_word(word, ["allow", "skip"], "concurrency.policy"))
    assert found == ([] if told is None else [Violation("concurrency.policy", told)])
