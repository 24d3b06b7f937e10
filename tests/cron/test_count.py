"""Counting fires says what listing them says."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduler.cron import CronError, CronExpression, Gap, Overlap, parse
from scheduler.cron.times import DAY

from .enumeration import Schedule, enumerate_fires
from .strategies import CHANGES, anytime, around_a_change, gaps, overlaps, schedules

# Nothing here depends on the speed of the machine.
thorough = settings(deadline=None, max_examples=150)
slow = settings(deadline=None, max_examples=75)

BEGIN, END = datetime(1969, 12, 25, tzinfo=UTC), datetime(2200, 1, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
# With and without every hour, and with times inside all the gaps and overlaps.
TEXTS = (
    "* * * * * ?",
    "*/7 * * * * ?",
    "0 */15 * * * ?",
    "30 30 * * * ?",
    "* * 2 * * ?",
    "*/13 30 1-3 * * ?",
    "0 0 0 * * ?",
    "0 0 0,1,2,3 * * ?",
    "0 0 12 30 12 ?",
    "59 59 23 L * ?",
)


def _parsed(schedule: Schedule) -> CronExpression:
    try:
        return parse(schedule.text)
    except CronError as error:
        assert "never occurs" in str(error), (schedule, error)
        assume(False)
        raise


@slow
@given(schedules(), around_a_change(), st.integers(0, 4 * DAY), gaps, overlaps)
def test_around_clock_changes_it_agrees_with_enumeration(
    schedule: Schedule, place: tuple[ZoneInfo, datetime], seconds: int, gap: Gap, overlap: Overlap
) -> None:
    zone, start = place
    end = start + timedelta(seconds=seconds)
    expected = enumerate_fires(schedule, start, end, zone, gap, overlap)
    assert _parsed(schedule).count(start, end, zone, gap, overlap) == len(expected)


@slow
@given(schedules(one_time_a_day=True), around_a_change(), gaps, overlaps)
def test_over_years_it_agrees_with_enumeration(
    schedule: Schedule, place: tuple[ZoneInfo, datetime], gap: Gap, overlap: Overlap
) -> None:
    zone, start = place
    end = start + timedelta(days=3 * 365)
    expected = enumerate_fires(schedule, start, end, zone, gap, overlap)
    assert _parsed(schedule).count(start, end, zone, gap, overlap) == len(expected)


@pytest.mark.parametrize("gap", ["after", "skip"])
@pytest.mark.parametrize("overlap", ["first", "second", "both"])
@pytest.mark.parametrize("text", TEXTS)
def test_at_every_odd_clock_change_it_agrees_with_the_list(text: str, gap: Gap, overlap: Overlap) -> None:
    expression = parse(text)
    for name, change in CHANGES:
        zone, at = ZoneInfo(name), datetime.fromisoformat(change)
        start, end = at - timedelta(hours=5, seconds=7), at + timedelta(hours=6, seconds=11)
        fires = list(expression.fires(start, end, zone, gap, overlap))
        for begin in (start, at - timedelta(hours=1), at - SECOND, at, at + SECOND, at + timedelta(minutes=44)):
            expected = sum(begin < fire for fire in fires)
            assert expression.count(begin, end, zone, gap, overlap) == expected, (name, begin)
            assert expression.count(start, begin, zone, gap, overlap) == sum(fire < begin for fire in fires), name


@thorough
@given(schedules(), anytime(), anytime(), around_a_change(), gaps, overlaps)
def test_the_counts_of_two_parts_are_that_of_the_whole(
    schedule: Schedule,
    first: datetime,
    last: datetime,
    place: tuple[ZoneInfo, datetime],
    gap: Gap,
    overlap: Overlap,
) -> None:
    zone, middle = place
    expression = _parsed(schedule)
    first, last = min(first, middle), max(last, middle)
    parts = [expression.count(a, b, zone, gap, overlap) for a, b in ((first, middle), (middle, last))]
    itself = first < middle < last and expression.matches(middle, zone, gap, overlap)
    assert expression.count(first, last, zone, gap, overlap) == sum(parts) + itself


@thorough
@given(schedules(one_time_a_day=True), gaps, overlaps)
def test_over_all_years_it_agrees_with_the_list(schedule: Schedule, gap: Gap, overlap: Overlap) -> None:
    expression, zone = _parsed(schedule), ZoneInfo("America/New_York")
    assume(expression.days.count(0, 90_000) < 9_000)
    fires = list(expression.fires(BEGIN, END, zone, gap, overlap))
    assert expression.count(BEGIN, END, zone, gap, overlap) == len(fires)


def test_every_second_of_all_years() -> None:
    years = datetime(2200, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    every = parse("* * * * * ?")
    assert every.count(BEGIN, END, ZoneInfo("UTC")) == years.days * DAY
    # The wall clock is ahead at first and in the end: on 1970-01-01 by an hour, and so on 2200-01-01.
    assert every.count(BEGIN, END, ZoneInfo("Europe/Berlin")) == years.days * DAY
    least, most = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert every.count(least, most, ZoneInfo("UTC")) == years.days * DAY


def test_the_ends_are_not_counted() -> None:
    every, utc = parse("* * * * * ?"), ZoneInfo("UTC")
    at = datetime(2026, 3, 1, tzinfo=UTC)
    microsecond = timedelta(microseconds=1)
    assert every.count(at, at + 2 * SECOND, utc) == 1
    assert every.count(at - microsecond, at + SECOND + microsecond, utc) == 2
    assert every.count(at, at, utc) == 0
    assert every.count(at, at - timedelta(days=400), utc) == 0


@thorough
@given(schedules(), st.integers(-3 * DAY, 84_010 * DAY), st.integers(-DAY, 400 * DAY))
def test_the_times_on_the_wall_clock(schedule: Schedule, first: int, length: int) -> None:
    """Without any zone: what is counted begins and ends with the next and the previous time."""
    expression = _parsed(schedule)
    count = expression.count_walls(first, first + length)
    low, high = expression.next_wall(first), expression.previous_wall(first + length - 1)
    if low is None or low >= first + length:
        assert count == 0
        return
    assert high is not None
    assert count == expression.count_walls(low, high + 1) == expression.count_walls(low, high) + 1


@pytest.mark.parametrize(("gap", "overlap"), [("before", "first"), ("after", "last")])
def test_an_unknown_policy(gap: Gap, overlap: Overlap) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        parse("0 0 0 * * ?").count(BEGIN, END, ZoneInfo("UTC"), gap, overlap)
