"""What holds for every expression, instant and zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings

from scheduler.cron import CronError, CronExpression, Gap, Overlap, parse

from .enumeration import Schedule, enumerate_fires
from .strategies import anytime, around_a_change, gaps, overlaps, schedules

# Nothing here depends on the speed of the machine.
thorough = settings(deadline=None, max_examples=150)
slow = settings(deadline=None, max_examples=75)


def _parsed(schedule: Schedule) -> CronExpression:
    """The expression; one that can never fire is not of interest here."""
    try:
        return parse(schedule.text)
    except CronError as error:
        assert "never occurs" in str(error), (schedule, error)
        assume(False)
        raise


def _backwards(
    expression: CronExpression, start: datetime, end: datetime, zone: ZoneInfo, gap: Gap, overlap: Overlap
) -> list[datetime]:
    """The fires between, found from the last to the first, in order."""
    fires = []
    fire = expression.previous_before(end, zone, gap, overlap)
    while fire is not None and fire > start:
        fires.append(fire)
        fire = expression.previous_before(fire, zone, gap, overlap)
    return fires[::-1]


@slow
@given(schedules(), around_a_change(), gaps, overlaps)
def test_fires_around_clock_changes_agree_with_enumeration(
    schedule: Schedule, place: tuple[ZoneInfo, datetime], gap: Gap, overlap: Overlap
) -> None:
    zone, start = place
    end = start + timedelta(days=2)
    expected = enumerate_fires(schedule, start, end, zone, gap, overlap)
    expression = _parsed(schedule)
    assert list(expression.fires(start, end, zone, gap, overlap)) == expected
    assert _backwards(expression, start, end, zone, gap, overlap) == expected


@slow
@given(schedules(one_time_a_day=True), around_a_change(), gaps, overlaps)
def test_fires_over_years_agree_with_enumeration(
    schedule: Schedule, place: tuple[ZoneInfo, datetime], gap: Gap, overlap: Overlap
) -> None:
    zone, start = place
    end = start + timedelta(days=3 * 365)
    expected = enumerate_fires(schedule, start, end, zone, gap, overlap)
    expression = _parsed(schedule)
    assert list(expression.fires(start, end, zone, gap, overlap)) == expected
    assert _backwards(expression, start, end, zone, gap, overlap) == expected


@thorough
@given(schedules(), anytime(), around_a_change(), gaps, overlaps)
def test_the_next_fire_is_later_and_a_fire_and_there_is_none_between(
    schedule: Schedule,
    anytime: datetime,
    place: tuple[ZoneInfo, datetime],
    gap: Gap,
    overlap: Overlap,
) -> None:
    zone, near = place
    expression = _parsed(schedule)
    for instant in (anytime, near):
        fire = expression.next_after(instant, zone, gap, overlap)
        if fire is None:
            assert not any(year >= instant.astimezone(zone).year + 1 for year in schedule.years)
            continue
        assert fire > instant
        assert expression.matches(fire, zone, gap, overlap)
        assert not expression.matches(fire + timedelta(microseconds=1), zone, gap, overlap)
        assert list(expression.fires(instant, fire, zone, gap, overlap)) == []
        assert expression.next_after(fire - timedelta(microseconds=1), zone, gap, overlap) == fire


@thorough
@given(schedules(), anytime(), around_a_change(), gaps, overlaps)
def test_the_previous_fire_is_the_one_before(
    schedule: Schedule,
    anytime: datetime,
    place: tuple[ZoneInfo, datetime],
    gap: Gap,
    overlap: Overlap,
) -> None:
    zone, near = place
    expression = _parsed(schedule)
    for instant in (anytime, near):
        fire = expression.previous_before(instant, zone, gap, overlap)
        if fire is None:
            first = expression.next_after(datetime.min.replace(tzinfo=UTC), zone, gap, overlap)
            assert first is None or first >= instant
            continue
        assert fire < instant
        assert expression.matches(fire, zone, gap, overlap)
        assert list(expression.fires(fire, instant, zone, gap, overlap)) == []
        later = expression.next_after(fire, zone, gap, overlap)
        assert later is None or later >= instant
        assert later is None or expression.previous_before(later, zone, gap, overlap) == fire


@thorough
@given(schedules())
def test_the_canonical_text_is_the_same_expression(schedule: Schedule) -> None:
    expression = _parsed(schedule)
    again = parse(str(expression))
    assert again == expression
    assert hash(again) == hash(expression)
    assert str(again) == str(expression)
