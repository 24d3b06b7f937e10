"""Whether a node is fit to lead: the decisions alone."""

from datetime import timedelta

import pytest

from scheduler.fitness import Reach, gives_way, look
from scheduler.probe import distance
from tests.scheduler.fake_clock import START

T = 4.0


@pytest.mark.parametrize(
    ("store", "asked", "answered", "off"),
    [
        (10, 0, 1, 9),
        (-10, 0, 1, -10),
        (0.5, 0, 1, 0),
        (3, 0, 5, 0),  # an answer that took five seconds accuses nobody
        (8, 0, 5, 3),
    ],
)
def test_the_distance_of_two_clocks_is_what_the_answer_proves(
    store: float, asked: float, answered: float, off: float
) -> None:
    times = [START + timedelta(seconds=each) for each in (store, asked, answered)]
    assert distance(*times) == off


def test_who_reaches_nobody_for_a_session_timeout_gives_way() -> None:
    reach = look(Reach(), registered=2, attached=0, now=0.0)
    assert not gives_way(reach, True, 3.9, T)
    assert gives_way(look(reach, 2, 0, 4.0), True, 4.0, T)


def test_one_that_is_attached_or_none_that_is_registered_begins_the_count_anew() -> None:
    for registered, attached in ((2, 1), (0, 0)):
        reach = look(look(Reach(), 2, 0, 0.0), registered, attached, 3.0)
        assert not gives_way(reach, True, 5.0, T)
        assert not gives_way(look(reach, 2, 0, 5.0), True, 8.9, T)
        assert gives_way(look(reach, 2, 0, 5.0), True, 9.0, T)


def test_there_must_be_another_one_to_give_way_to() -> None:
    assert not gives_way(look(Reach(), 1, 0, 0.0), False, 100.0, T)


def test_nobody_gives_way_twice_within_ten_session_timeouts() -> None:
    reach = look(Reach(gave_way=0.0), 1, 0, 1.0)
    assert not gives_way(reach, True, 39.9, T)
    assert gives_way(reach, True, 40.0, T)
