"""Whether an executor hears its leader: what its answers prove."""

import pytest

from scheduler.leader.hearing import QUESTIONS_REMEMBERED, Hearing


@pytest.fixture
def hearing() -> Hearing:
    """Of a stream whose Hello was sent at 100 s."""
    made = Hearing()
    made.welcomed(100.0)
    return made


def test_who_never_answered_was_never_heard() -> None:
    hearing = Hearing()
    hearing.ask(7.0)
    assert hearing.last is None
    assert hearing.waits


def test_a_welcome_counts_from_the_hello(hearing: Hearing) -> None:
    assert hearing.last == 100.0
    assert not hearing.waits


def test_an_answer_counts_from_its_question(hearing: Hearing) -> None:
    first, second = hearing.ask(101.0), hearing.ask(102.0)
    hearing.answered(first)
    assert hearing.last == 101.0
    assert hearing.waits
    hearing.answered(second)
    assert hearing.last == 102.0
    assert not hearing.waits


def test_the_last_of_several_answers_all(hearing: Hearing) -> None:
    first, second = hearing.ask(101.0), hearing.ask(102.0)
    hearing.answered(second)
    assert not hearing.waits
    hearing.answered(first)
    assert hearing.last == 102.0, "it never goes back"


@pytest.mark.parametrize("asked", [0, -1, 101_000_000_001, 2**62])
def test_an_answer_to_no_question_of_ours_proves_nothing(hearing: Hearing, asked: int) -> None:
    hearing.ask(101.0)
    hearing.answered(asked)
    assert hearing.last == 100.0
    assert hearing.waits


def test_the_same_answer_twice_proves_nothing_more(hearing: Hearing) -> None:
    asked = hearing.ask(101.0)
    hearing.answered(asked)
    hearing.welcomed(105.0)
    hearing.answered(asked)
    assert hearing.last == 105.0


def test_what_an_earlier_stream_was_asked_nobody_answers(hearing: Hearing) -> None:
    asked = hearing.ask(101.0)
    hearing.welcomed(105.0)
    assert not hearing.waits
    hearing.answered(asked)
    assert hearing.last == 105.0


def test_only_so_many_questions_are_remembered(hearing: Hearing) -> None:
    asked = [hearing.ask(101.0 + number) for number in range(QUESTIONS_REMEMBERED + 1)]
    hearing.answered(asked[0])
    assert hearing.last == 100.0
    hearing.answered(asked[1])
    assert hearing.last == 102.0
