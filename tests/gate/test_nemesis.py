"""The plan of faults is made from its seed alone, and holds every kind."""

from itertools import islice
from random import Random

from tests.gate.faults import CONTROL, WORK, kinds
from tests.gate.faults_postgres import LONG
from tests.gate.nemesis import deck, plan


def test_the_same_seed_makes_the_same_plan() -> None:
    cards = deck(None, short=False, minutes=15)
    assert list(plan(7, cards, 2)) == list(plan(7, cards, 2))
    assert list(plan(7, cards, 2)) != list(plan(8, cards, 2))


def test_a_round_holds_every_kind_once() -> None:
    cards = deck(None, short=False, minutes=15)
    names = [planned.kind for step in plan(3, cards, 1) for planned in step.faults]
    assert sorted(names) == sorted(kind.name for kind in cards)


def test_company_is_of_another_lane_and_never_kept_by_what_is_alone() -> None:
    known = kinds()
    for step in plan(5, deck(None, short=False, minutes=15), 5):
        made = [known[planned.kind] for planned in step.faults]
        assert 1 <= len(made) <= 2
        if len(made) == 2:
            assert {kind.lane for kind in made} == {CONTROL, WORK}
            assert not any(kind.alone for kind in made)


def test_a_plan_without_an_end_goes_on() -> None:
    assert len(list(islice(plan(1, deck(("leader-kill",), short=False, minutes=1)), 30))) == 30


def test_the_short_deck_is_cheap_and_the_long_absence_is_for_long_runs() -> None:
    assert all(kind.cheap for kind in deck(None, short=True, minutes=3))
    assert LONG not in {kind.name for kind in deck(None, short=False, minutes=15)}
    assert LONG in {kind.name for kind in deck(None, short=False, minutes=60)}


def test_every_fault_can_be_made_and_fits_into_a_run() -> None:
    for kind in kinds().values():
        one, other = kind.make(Random(4)), kind.make(Random(4))
        assert one.hold == other.hold, f"{kind.name} draws all that is random from its dice"
        assert one.hold <= 60 or kind.name == LONG
