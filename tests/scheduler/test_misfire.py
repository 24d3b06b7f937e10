"""Misfire planning: what a due trigger comes to, when it is decided late."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstore.model import Missed
from jobstore.spec import TriggerSpec
from scheduler.misfire import MOST_COUNTED, FirePlan, missed_range, plan_fire
from scheduler.schedules import Schedule, compile_schedule

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)


def schedule(cron: str = "0 * * * * ?", zone: str = "UTC") -> Schedule:
    return compile_schedule(TriggerSpec(name="main", cron=cron, time_zone=zone))


@dataclass(frozen=True)
class Listed:
    """A schedule that is a list of times."""

    times: tuple[datetime, ...]

    def next_after(self, instant: datetime) -> datetime | None:
        return next((time for time in self.times if time > instant), None)


def plan(late: timedelta, policy: str = "fireOnce", threshold: timedelta = MINUTE) -> FirePlan:
    """The plan of a trigger of every minute that was due at noon, and is decided so late."""
    return plan_fire(schedule(), NOON, NOON + late, policy, threshold)


@pytest.mark.parametrize("policy", ["fireOnce", "skip"])
@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=59), MINUTE])
def test_within_the_threshold_a_fire_is_merely_late(policy: str, late: timedelta) -> None:
    assert plan(late, policy) == FirePlan(NOON, True, NOON + MINUTE)


def test_late_by_more_than_the_threshold_is_a_misfire() -> None:
    assert plan(MINUTE + MICROSECOND) == FirePlan(
        NOON + MINUTE, True, NOON + 2 * MINUTE, Missed(count=2, first=NOON, last=NOON + MINUTE)
    )
    assert plan(MINUTE + MICROSECOND, "skip") == FirePlan(
        NOON + MINUTE, False, NOON + 2 * MINUTE, Missed(count=2, first=NOON, last=NOON + MINUTE)
    )


def test_a_misfire_of_a_single_due_time_names_it_alone() -> None:
    daily = schedule("0 0 12 * * ?")
    found = plan_fire(daily, NOON, NOON + timedelta(hours=3), "fireOnce", MINUTE)
    assert found == FirePlan(NOON, True, NOON + timedelta(days=1), Missed(count=1, first=NOON, last=NOON))


def test_a_due_time_at_this_very_instant_is_part_of_the_misfire() -> None:
    found = plan(5 * MINUTE)
    assert found.missed == Missed(count=6, first=NOON, last=NOON + 5 * MINUTE)
    assert found.next_fire == NOON + 6 * MINUTE


def test_the_last_fire_of_all_has_no_next_one() -> None:
    once = Listed((NOON,))
    assert plan_fire(once, NOON, NOON, "skip", MINUTE) == FirePlan(NOON, True, None)
    late = plan_fire(once, NOON, NOON + 2 * MINUTE, "skip", MINUTE)
    assert late == FirePlan(NOON, False, None, Missed(count=1, first=NOON, last=NOON))


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 500), min_size=1, max_size=60, unique=True).map(sorted),
    st.integers(0, 600),
    st.integers(1, 300),
    st.sampled_from(["fireOnce", "skip"]),
)
def test_every_due_time_is_in_exactly_one_plan(
    places: list[int], first_decision: int, threshold: int, policy: str
) -> None:
    times = tuple(NOON + timedelta(seconds=place) for place in places)
    listed = Listed(times)
    due: datetime | None = times[0]
    now = max(times[0], NOON + timedelta(seconds=first_decision))
    accounted: list[datetime] = []
    while due is not None:
        now = max(now, due)
        found = plan_fire(listed, due, now, policy, timedelta(seconds=threshold))
        if found.missed is None:
            assert found.run
            assert now - due <= timedelta(seconds=threshold)
            accounted.append(found.scheduled_time)
        else:
            covered = [time for time in times if found.missed.first <= time <= found.missed.last]
            assert found.missed.count == len(covered)
            assert found.scheduled_time == covered[-1] <= now
            assert found.run == (policy == "fireOnce")
            accounted.extend(covered)
        assert found.next_fire is None or found.next_fire > found.scheduled_time
        due = found.next_fire
    assert accounted == list(times)


EXPRESSIONS = ("0 * * * * ?", "0/7 * * * * ?", "0 30 2 * * ?", "0 15 2 ? * SUN", "0 0 0/5 * * ?")


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(EXPRESSIONS),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    st.integers(0, 270 * 86400),
    st.integers(0, 2_000),
)
def test_a_missed_range_agrees_with_counting(cron: str, zone: str, start: int, minutes: int) -> None:
    every = schedule(cron, zone)
    first = every.next_after(NOON + timedelta(seconds=start))
    assert first is not None
    now = first + timedelta(minutes=minutes)
    counted = []
    due: datetime | None = first
    while due is not None and due <= now:
        counted.append(due)
        due = every.next_after(due)
    assert missed_range(every, first, now) == Missed(count=len(counted), first=first, last=counted[-1])


@pytest.mark.parametrize(
    ("cron", "days", "count", "last"),
    [
        ("0/2 * * * * ?", 2, 2 * 43_200 + 1, NOON),
        ("* * * * * ?", 2, MOST_COUNTED, NOON),
        ("* * * * * ?", 3000, MOST_COUNTED, NOON),
        ("* * * 1 * ?", 40, MOST_COUNTED, NOON - timedelta(hours=12, seconds=1)),
        ("* * 11 * * ?", 3000, MOST_COUNTED, NOON - timedelta(seconds=1)),
    ],
)
def test_of_a_very_long_outage_the_count_is_a_bound_and_the_last_is_exact(
    cron: str, days: int, count: int, last: datetime
) -> None:
    every = schedule(cron)
    first = every.next_after(NOON - timedelta(days=days, microseconds=1))
    assert first is not None
    assert missed_range(every, first, NOON + timedelta(milliseconds=300)) == Missed(count=count, first=first, last=last)


def test_exactly_as_many_as_are_counted_is_still_exact() -> None:
    first = NOON - timedelta(seconds=MOST_COUNTED - 1)
    assert missed_range(schedule("* * * * * ?"), first, NOON) == Missed(count=MOST_COUNTED, first=first, last=NOON)
