"""The lint finds what it is there for."""

import pytest

from tests.metrics.lint import problems

GOOD = "# HELP cronquorum_waits_seconds How long\n# TYPE cronquorum_waits_seconds gauge\ncronquorum_waits_seconds 1\n"


def test_what_is_right_passes() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (GOOD.replace("waits_seconds", "waits_ms"), "not in a base unit"),
        (GOOD.replace("waits_seconds", "lateness"), "does not end in its unit"),
        (GOOD.replace("cronquorum_waits", "waits"), "not cronquorum_"),
        (GOOD.replace("waits_seconds", "Waits_seconds"), "not cronquorum_"),
        (GOOD.replace("waits_seconds", "waits_total"), "is no counter"),
        (GOOD.replace("waits_seconds", "waits_sum"), "as samples of histograms do"),
        (GOOD.replace("How long", ""), "no help"),
        (GOOD.replace("_seconds 1", '_seconds{job="a"} 1'), "label job"),
        (GOOD.replace("_seconds 1", '_seconds{executionId="a"} 1'), "label executionId"),
        (GOOD.replace(" gauge", " summary"), "of type summary"),
        (GOOD.replace(" gauge", " counter"), "does not end in _total"),
    ],
)
def test_what_is_wrong_is_found(wrong: str, told: str) -> None:
    assert any(told in problem for problem in problems(wrong)), problems(wrong)
