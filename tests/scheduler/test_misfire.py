"""Misfire planning: what a due trigger comes to, when it is decided late."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstore.model import Missed
from jobstore.trigger_spec import MisfireSpec, TriggerSpec
from scheduler.misfire import FirePlan, Standing, plan_fire
from scheduler.schedules import Schedule, compile_schedule

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)
TEN_YEARS = timedelta(days=3652)


def schedule(cron: str = "0 * * * * ?", zone: str = "UTC") -> Schedule:
    return compile_schedule(TriggerSpec(name="main", cron=cron, time_zone=zone))


def standing(
    of: Schedule | None = None, due: datetime = NOON, fires: int = 0, max_fires: int | None = None
) -> Standing:
    return Standing(schedule=of or schedule(), due=due, fires=fires, max_fires=max_fires)


def misfire(policy: str = "fireOnce", **more: Any) -> MisfireSpec:
    return MisfireSpec(policy=policy, **more)


def plan(late: timedelta, policy: str = "fireOnce", **trigger: Any) -> FirePlan:
    """The plan of a trigger of every minute that was due at noon, and is decided so late."""
    return plan_fire(standing(**trigger), NOON + late, misfire(policy), MINUTE)


@pytest.mark.parametrize("policy", ["fireOnce", "fireAll", "skip"])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=59), MINUTE])
def test_within_the_threshold_a_fire_is_merely_late(policy: str, late: timedelta) -> None:
    assert plan(late, policy) == FirePlan(scheduled_time=NOON, next_fire=NOON + MINUTE, fires=1)


@pytest.mark.parametrize(("policy", "skipped"), [("fireOnce", ""), ("skip", "misfire")])
def test_late_by_more_than_the_threshold_is_a_misfire(policy: str, skipped: str) -> None:
    assert plan(MINUTE + MICROSECOND, policy) == FirePlan(
        scheduled_time=NOON + MINUTE,
        next_fire=NOON + 2 * MINUTE,
        fires=2,
        missed=Missed(count=2, first=NOON, last=NOON + MINUTE),
        skipped=skipped,
    )


def test_a_misfire_of_a_single_due_time_names_it_alone() -> None:
    daily = standing(schedule("0 0 12 * * ?"))
    found = plan_fire(daily, NOON + timedelta(hours=3), misfire(), MINUTE)
    assert found.missed == Missed(count=1, first=NOON, last=NOON)
    assert found.next_fire == NOON + timedelta(days=1)


def test_a_due_time_at_this_very_instant_is_part_of_the_misfire() -> None:
    found = plan(5 * MINUTE)
    assert found.missed == Missed(count=6, first=NOON, last=NOON + 5 * MINUTE)
    assert found.next_fire == NOON + 6 * MINUTE


def test_the_last_fire_of_all_has_no_next_one() -> None:
    once = standing(compile_schedule(TriggerSpec(name="main", at=NOON)))
    assert plan_fire(once, NOON, misfire("skip"), MINUTE) == FirePlan(scheduled_time=NOON, next_fire=None, fires=1)
    late = plan_fire(once, NOON + 2 * MINUTE, misfire("skip"), MINUTE)
    assert (late.next_fire, late.missed) == (None, Missed(count=1, first=NOON, last=NOON))


def test_fire_all_goes_through_them_one_by_one() -> None:
    due: datetime | None = NOON
    seen = []
    while due is not None:
        found = plan_fire(standing(due=due), NOON + 5 * MINUTE, misfire("fireAll"), MINUTE)
        seen.append((found.scheduled_time, found.catching_up, found.missed, found.skipped))
        due = found.next_fire if found.catching_up else None
    assert seen == [(NOON + n * MINUTE, n < 4, None, "") for n in range(5)]


def test_fire_all_of_more_than_its_limit_is_none_with_the_reason() -> None:
    found = plan_fire(standing(), NOON + 10 * MINUTE, misfire("fireAll", limit=10), MINUTE)
    assert found.missed == Missed(count=11, first=NOON, last=NOON + 10 * MINUTE)
    assert found.skipped == "misfire: 11 due times were missed, and fireAll has a limit of 10"
    assert found.next_fire == NOON + 11 * MINUTE
    assert plan_fire(standing(), NOON + 9 * MINUTE, misfire("fireAll", limit=10), MINUTE).catching_up


def test_the_last_of_so_many_fires_ends_the_trigger() -> None:
    assert plan(timedelta(0), fires=1, max_fires=3).next_fire == NOON + MINUTE
    last = plan(timedelta(0), fires=2, max_fires=3)
    assert (last.next_fire, last.fires) == (None, 3)


@pytest.mark.parametrize("policy", ["fireOnce", "skip"])
def test_a_misfire_counts_no_more_than_the_trigger_may_have(policy: str) -> None:
    found = plan(5 * MINUTE, policy, fires=1, max_fires=4)
    assert found.missed == Missed(count=3, first=NOON, last=NOON + 2 * MINUTE)
    assert (found.scheduled_time, found.next_fire, found.fires) == (NOON + 2 * MINUTE, None, 4)


def test_an_outage_that_ends_with_the_last_one_ends_the_trigger() -> None:
    found = plan(2 * MINUTE, fires=0, max_fires=3)
    assert found.missed == Missed(count=3, first=NOON, last=NOON + 2 * MINUTE)
    assert found.next_fire is None


KINDS: list[dict[str, Any]] = [
    {"cron": "0 * * * * ?"},
    {"cron": "0/7 * * * * ?", "time_zone": "Europe/Berlin"},
    {"cron": "0 30 2 * * ?", "time_zone": "America/New_York"},
    {"cron": "0 15 2 ? * SUN", "time_zone": "Australia/Lord_Howe"},
    {"interval": {"every": "47s"}},
    {"daily": {"every": "17m", "from": "22:00", "to": "03:00", "days": "MON-FRI"}, "time_zone": "Europe/Berlin"},
]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(KINDS),
    st.integers(0, 270 * 86400),
    st.lists(st.integers(0, 4 * 3600), min_size=1, max_size=12),
    st.sampled_from(["fireOnce", "fireAll", "skip"]),
    st.none() | st.integers(1, 60),
)
def test_every_due_time_is_in_exactly_one_plan(
    kind: dict[str, Any], start: int, gaps: list[int], policy: str, max_fires: int | None
) -> None:
    """A leader that is away now and then, for up to four hours, forgets nothing, and counts nothing twice."""
    every = compile_schedule(TriggerSpec.model_validate({"name": "main", **kind}))
    first = every.next_after(NOON + timedelta(seconds=start))
    assert first is not None
    due: datetime | None = first
    now = first
    fires = 0
    accounted: list[datetime] = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        while due is not None and due <= now:
            before = fires
            found = plan_fire(standing(every, due, fires, max_fires), now, misfire(policy), 5 * MINUTE)
            fires = found.fires
            if found.missed is None:
                assert found.scheduled_time == due
                assert policy == "fireAll" or now - due <= 5 * MINUTE
                covered = [due]
            else:
                assert (found.missed.first, found.missed.last) == (due, found.scheduled_time)
                assert policy != "fireAll"
                covered = _between(every, due, found.missed.last)
                assert found.missed.count == len(covered)
            assert fires == before + len(covered)
            accounted += covered
            due = found.next_fire
    expected = _between(every, first, now)
    assert accounted == expected[:max_fires]


def _between(every: Schedule, first: datetime, last: datetime) -> list[datetime]:
    found = []
    due = every.first_from(first)
    while due is not None and due <= last:
        found.append(due)
        due = every.next_after(due)
    return found


@pytest.mark.parametrize(
    ("cron", "missed", "count", "last"),
    [
        ("* * * * * ?", TEN_YEARS, 3652 * 86_400 + 1, NOON),
        ("0/2 * * * * ?", TEN_YEARS, 3652 * 43_200 + 1, NOON),
        ("* * 11 * * ?", timedelta(days=3000), 3000 * 3600, NOON - timedelta(seconds=1)),
    ],
)
def test_ten_years_of_a_trigger_of_every_second_are_counted_exactly(
    cron: str, missed: timedelta, count: int, last: datetime
) -> None:
    every = schedule(cron)
    first = every.first_from(NOON - missed)
    assert first is not None
    found = plan_fire(standing(every, first), NOON + timedelta(milliseconds=300), misfire(), MINUTE)
    assert found.missed == Missed(count=count, first=first, last=last)
