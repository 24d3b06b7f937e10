"""How long an executor's messages were on the way, by two clocks that have nothing to do with each other."""

import pytest

from scheduler.leader.transit import LONGEST_DELAY, WINDOW, Transit


@pytest.mark.parametrize("origin", [-1e9, 0.0, 12_345.678])
def test_a_message_is_delayed_by_what_it_took_longer_than_the_fastest(origin: float) -> None:
    transit = Transit()
    assert transit.delay(origin + 1.0, 7.002) == 0.0
    assert transit.delay(origin + 2.0, 8.032) == pytest.approx(0.030, abs=1e-6)
    assert transit.delay(origin + 3.0, 9.001) == 0.0
    assert transit.delay(origin + 4.0, 10.002) == pytest.approx(0.001, abs=1e-6)


def test_the_fastest_is_forgotten_in_time_for_clocks_that_drift() -> None:
    transit = Transit()
    transit.delay(0.0, 0.0)
    for sent in (WINDOW - 1, WINDOW + 1, 2 * WINDOW):
        assert transit.delay(sent, sent + 0.5) == 0.5
    assert transit.delay(2 * WINDOW + 2, 2 * WINDOW + 2 + 0.5) == 0.0


def test_a_clock_that_stood_still_is_not_believed() -> None:
    transit = Transit()
    transit.delay(10.0, 10.0)
    assert transit.delay(10.1, 5_000.0) == LONGEST_DELAY
