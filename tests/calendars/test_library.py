"""Calendars by name: their bases, circles, and how much may be under one."""

from datetime import UTC, datetime

import pytest

from jobstore.calendar_spec import CalendarSpec
from scheduler.calendars.library import MOST_BASES, Library
from scheduler.errors import InvalidJob

SATURDAY = datetime(2026, 3, 7, 12, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 8, 12, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 12, tzinfo=UTC)


def library(**bases: list[str]) -> Library:
    """Calendars of these names with these bases; one called after a day of the week excludes it."""
    specs = {}
    for name, base in bases.items():
        exclude = [{"weekly": [name]}] if name in ("SAT", "SUN") else []
        specs["default", name.lower()] = CalendarSpec.from_json({"base": base, "exclude": exclude})
    return Library(specs)


def wrong(of: Library, name: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidJob) as refused:
        of.times(("default", name))
    return [(violation.field, violation.message) for violation in refused.value.violations]


def test_what_any_base_excludes_is_excluded() -> None:
    times = library(top=["middle"], middle=["sat", "sun"], SAT=[], SUN=[]).times(("default", "top"))
    excluded = [times.span_at(instant).excluded for instant in (SATURDAY, SUNDAY, MONDAY)]
    assert excluded == [True, True, False]


def test_a_base_of_another_namespace_has_its_bases_there() -> None:
    specs = {
        ("team", "mine"): CalendarSpec.from_json({"base": ["shared/weekend"]}),
        ("shared", "weekend"): CalendarSpec.from_json({"base": ["sat"]}),
        ("shared", "sat"): CalendarSpec.from_json({"exclude": [{"weekly": ["SAT"]}]}),
    }
    assert Library(specs).times(("team", "mine")).span_at(SATURDAY).excluded


def test_what_is_missing_is_told_where_it_is_named() -> None:
    of = library(top=["sat", "middle", "gone"], middle=["lost"], SAT=[])
    assert wrong(of, "top") == [
        ("spec.base[1]", "calendar default/middle: there is no calendar default/lost"),
        ("spec.base[2]", "there is no calendar default/gone"),
    ]
    assert wrong(of, "nowhere") == [("", "there is no such calendar")]


def test_a_circle_is_shown() -> None:
    of = library(a=["b"], b=["c"], c=["a"], d=["a"], e=["e"])
    assert wrong(of, "a") == [("spec.base[0]", "goes round in a circle: default/a > default/b > default/c > default/a")]
    assert wrong(of, "e") == [("spec.base[0]", "goes round in a circle: default/e > default/e")]


def test_many_ways_to_one_base_cost_no_more_than_one() -> None:
    """Each of 40 layers of two names both of the next: a million million ways to the bottom."""
    bases = {f"{side}{layer}": [f"a{layer + 1}", f"b{layer + 1}"] for layer in range(40) for side in "ab"}
    of = library(**bases, a40=["sat"], b40=["sat"], SAT=[])
    times = of.times(("default", "a0"))
    assert (times.span_at(SATURDAY).excluded, times.span_at(MONDAY).excluded) == (True, False)
    lost = library(**bases, a40=["lost"], b40=["lost"])
    (field, message), _ = wrong(lost, "a0")
    assert field == "spec.base[0]"
    assert message.endswith("there is no calendar default/lost")
    assert len(message) < 200


def test_there_is_a_limit_to_what_is_under_one() -> None:
    chain = {f"c{n}": [f"c{n + 1}"] for n in range(1000)}
    of = library(**chain, c1000=[])
    assert wrong(of, "c0") == [("spec.base", f"there are 1000 calendars under this one, of at most {MOST_BASES}")]
    assert not of.times(("default", "c950")).span_at(MONDAY).excluded


def test_who_is_affected_by_a_change() -> None:
    of = library(top=["middle"], middle=["sat"], SAT=[], SUN=[])
    assert of.affected([("default", "sat")]) == {("default", name) for name in ("sat", "middle", "top")}
    assert of.affected([("default", "sun")]) == {("default", "sun")}
    assert of.affected([]) == set()


def test_a_library_with_more_or_less_is_another_one() -> None:
    of = library(SAT=[])
    name = ("default", "sat")
    changed = of.having({name: CalendarSpec(), ("default", "new"): CalendarSpec()})
    assert (len(of), len(changed), len(changed.without(name))) == (1, 2, 1)
    assert of.times(name).span_at(SATURDAY).excluded
    assert not changed.times(name).span_at(SATURDAY).excluded
    assert name not in changed.without(name)
