"""When many registrations go at once, nobody is declared dead for a while."""

from collections.abc import Iterable

import pytest

from jobstore.states import State
from scheduler.leader.ledger import Holder
from scheduler.leader.sightings import Sightings, look, lose_contact
from tests.scheduler.fake_clock import until
from tests.scheduler.stage import LOST_AFTER, MINUTELY, RERUN, Stage

T = 4.0


def holders(*numbers: int) -> frozenset[Holder]:
    return frozenset((f"executor-{number}", "life") for number in numbers)


def after(*looks: tuple[float, Iterable[int]]) -> Sightings:
    seen = Sightings()
    for now, numbers in looks:
        seen = look(seen, holders(*numbers), now, T)
    return seen


@pytest.mark.parametrize(
    ("there", "left", "calm"),
    [
        (range(6), range(3), True),  # half, and three
        (range(7), range(4), False),  # three of seven are not half
        (range(7), range(3), True),
        (range(3), (), True),
        (range(2), (), False),  # all, but not three
        (range(4), range(2), False),
        (range(100), range(51), False),
        (range(100), range(50), True),
        (range(5), range(5), False),
    ],
)
def test_half_of_them_and_at_least_three(there: Iterable[int], left: Iterable[int], calm: bool) -> None:
    assert after((0.0, there), (1.0, left)).calm(1.0) is calm


def test_what_goes_within_a_session_timeout_goes_at_once() -> None:
    assert after((0, range(6)), (1, range(5)), (2, range(4)), (4.9, range(3))).calm(4.9)
    assert not after((0, range(6)), (1, range(5)), (2, range(4)), (5.1, range(3))).calm(5.1)


def test_it_lasts_for_two_session_timeouts_from_the_last_that_went() -> None:
    seen = after((0, range(6)), (1, range(3)))
    assert seen.calm(8.9)
    assert not seen.calm(9.0)
    assert not look(seen, holders(*range(3)), 2.0, T).calm(9.0)
    assert look(seen, holders(*range(2)), 2.0, T).calm(9.9)


def test_one_that_is_back_did_not_go() -> None:
    assert not after((0, range(6)), (1, range(4)), (2, range(6)), (3, range(5))).calm(3)


def test_another_incarnation_is_another_one() -> None:
    seen = look(Sightings(), holders(1, 2, 3), 0.0, T)
    assert look(seen, frozenset((name, "next life") for name, _ in holders(1, 2, 3)), 1.0, T).calm(1.0)


def test_those_that_come_first_are_no_departure() -> None:
    assert not after((0, ()), (1, range(9))).calm(1)


def test_who_is_out_of_contact_declares_nobody_dead() -> None:
    seen = lose_contact(after((0, range(2))), 5.0, T)
    assert seen.calm(12.9)
    assert not seen.calm(13.0)


# -------------------------------------------------------------------------------------------- the leader


async def test_one_that_was_about_to_be_given_up_gets_time_when_many_go(stage: Stage) -> None:
    await stage.lead()
    first = await stage.executor("executor-1", lease="3s")
    row = await stage.started(first, triggers=MINUTELY, **RERUN)
    others = [await stage.executor(f"executor-{number}") for number in (2, 3, 4)]
    await stage.gone(first)
    await stage.pass_time(2.5)
    for executor in others:
        await executor.stop()
        await stage.unregister(executor)
    await stage.pass_time(7.75)  # 1.1 leases are over, two session timeouts are not
    assert stage.row(row.id).state is State.RUNNING
    await stage.pass_time(1)
    await until(lambda: stage.row(row.id).state is not State.RUNNING)


async def test_one_alone_is_given_up_after_its_lease(stage: Stage) -> None:
    await stage.lead()
    first = await stage.executor("executor-1")
    row = await stage.started(first, **RERUN)
    await stage.gone(first)
    await stage.pass_time(LOST_AFTER + 1)
    await until(lambda: stage.row(row.id).state is not State.RUNNING)
