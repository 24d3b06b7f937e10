"""Whether a node is fit to lead: the decisions alone."""

from datetime import timedelta

import pytest

from scheduler.fitness import LOOKS, Reach, gives_way, is_quiet, look
from scheduler.probe import distance
from tests.scheduler.fake_clock import START

T = 4.0
INTERVAL = T / LOOKS


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


def looks(reach: Reach, *found: tuple[float, int, float | None]) -> Reach:
    """Look at these times, one after the other: how many are registered, and who was heard when."""
    for now, registered, heard in found:
        reach = look(reach, registered, heard, now, INTERVAL)
    return reach


def every(reach: Reach, begin: float, end: float, heard: float | None = None, registered: int = 2) -> Reach:
    """Look at each interval, from begin to end, and find the same."""
    steps = round((end - begin) / INTERVAL)
    return looks(reach, *((begin + step * INTERVAL, registered, heard) for step in range(steps + 1)))


def test_who_hears_from_nobody_for_a_session_timeout_gives_way() -> None:
    reach = every(Reach(), 0.0, 3.5)
    assert not gives_way(reach, True, 3.5, T)
    assert gives_way(every(reach, 4.0, 4.0), True, 4.0, T)


def test_it_counts_from_the_question_that_was_answered_last() -> None:
    reach = every(every(Reach(), 0.0, 9.5), 10.0, 13.0, heard=9.5)
    assert not gives_way(reach, True, 13.0, T)
    assert gives_way(every(reach, 13.5, 13.5, heard=9.5), True, 13.5, T)
    assert not gives_way(every(reach, 13.5, 13.5, heard=13.0), True, 13.5, T)


def test_none_that_is_registered_begins_the_count_anew() -> None:
    reach = looks(every(Reach(), 0.0, 3.0), (3.5, 0, None))
    assert not gives_way(reach, True, 100.0, T)
    assert not gives_way(every(reach, 4.0, 7.5, heard=-60.0), True, 7.5, T)
    assert gives_way(every(reach, 4.0, 8.0, heard=-60.0), True, 8.0, T)


def test_while_the_node_itself_stood_still_nobody_was_silent() -> None:
    stood = looks(every(Reach(), 0.0, 3.0), (9.0, 2, None))
    assert not gives_way(stood, True, 9.0, T)
    assert not gives_way(looks(stood, (9.25, 2, None)), True, 9.25, T), "a look that came early"
    assert gives_way(looks(stood, (9.5, 2, None)), True, 9.5, T)


def test_everybody_is_asked_when_those_who_were_do_not_answer() -> None:
    assert not is_quiet(Reach(), INTERVAL)
    in_time = every(Reach(), 0.0, 5.0, heard=4.5)
    assert not is_quiet(in_time, INTERVAL)
    assert is_quiet(every(in_time, 5.5, 5.5, heard=4.5), INTERVAL)


def test_there_must_be_another_one_to_give_way_to() -> None:
    assert not gives_way(every(Reach(), 0.0, 20.0), False, 100.0, T)


def test_nobody_gives_way_twice_within_ten_session_timeouts() -> None:
    reach = every(Reach(gave_way=0.0), 1.0, 10.0)
    assert not gives_way(reach, True, 39.9, T)
    assert gives_way(reach, True, 40.0, T)
