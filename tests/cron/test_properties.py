"""What holds for every expression, instant and zone."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

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
        assert "never occurs" in str(error), schedule
        assume(False)
        raise


@slow
@given(schedules(), around_a_change(), gaps, overlaps)
def test_fires_around_clock_changes_agree_with_enumeration(
    schedule: Schedule, place: tuple[ZoneInfo, datetime], gap: Gap, overlap: Overlap
) -> None:
    zone, start = place
    end = start + timedelta(days=2)
    expected = enumerate_fires(schedule, start, end, zone, gap, overlap)
    assert list(_parsed(schedule).fires(start, end, zone, gap, overlap)) == expected


@slow
@given(schedules(one_time_a_day=True), around_a_change(), gaps, overlaps)
def test_fires_over_years_agree_with_enumeration(
    schedule: Schedule, place: tuple[ZoneInfo, datetime], gap: Gap, overlap: Overlap
) -> None:
    zone, start = place
    end = start + timedelta(days=3 * 365)
    expected = enumerate_fires(schedule, start, end, zone, gap, overlap)
    assert list(_parsed(schedule).fires(start, end, zone, gap, overlap)) == expected


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
@given(schedules())
def test_the_canonical_text_is_the_same_expression(schedule: Schedule) -> None:
    expression = _parsed(schedule)
    again = parse(str(expression))
    assert again == expression
    assert hash(again) == hash(expression)
    assert str(again) == str(expression)


def _only_cron_error(text: str) -> None:
    try:
        expression = parse(text)
    except CronError as error:
        assert str(error).isascii()
        assert str(error).isprintable()
        assert len(str(error)) < 600
        assert error.column is None or 1 <= error.column <= len(text) + 1
        return
    assert parse(str(expression)) == expression


_PIECES = st.sampled_from(
    [
        *"*?,-/#LWH()0159@=:\t\n\x00\ufeff\u0661\u202e",
        *[" "] * 6,
        "31",
        "59",
        "60",
        "2199",
        "JAN",
        "MON",
        "fri",
    ]
)


@thorough
@given(st.text())
def test_any_text_gives_an_expression_or_a_cron_error(text: str) -> None:
    _only_cron_error(text)


@thorough
@given(st.lists(_PIECES, max_size=40).map("".join))
def test_anything_like_an_expression_gives_one_or_a_cron_error(text: str) -> None:
    _only_cron_error(text)


@thorough
@given(schedules(), st.data())
def test_a_damaged_expression_gives_one_or_a_cron_error(schedule: Schedule, data: st.DataObject) -> None:
    text = schedule.text
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(at + 3, len(text))))
    _only_cron_error(text[:at] + data.draw(st.one_of(_PIECES, st.text(max_size=3))) + text[until:])
