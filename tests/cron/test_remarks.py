"""What is said of fires around clock changes."""

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings

from scheduler.cron import Gap, Overlap, left_out, parse, remark, remarked, unfired, zone

from .cases import Case, dst_cases
from .enumeration import Schedule
from .strategies import around_a_change, gaps, overlaps, schedules

_UTC = zone("UTC")

_FORWARD = "clocks go forward 02:00 -> 03:00"
_BACK = "clocks go back 02:00 -> 01:00"
_TABLE = [
    ("0 30 2 * * ?", "America/New_York", "2026-03-08T00:00Z", "after", "first",
     f"03:00 02:30 does not exist that day ({_FORWARD}): fires at 03:00"),
    ("0 0/30 2 * * ?", "America/New_York", "2026-03-08T00:00Z", "after", "first",
     f"03:00 02:00 and 02:30 do not exist that day ({_FORWARD}): fires at 03:00"),
    ("0 */5 2 * * ?", "America/New_York", "2026-03-08T00:00Z", "after", "first",
     f"03:00 02:00, 02:05 and others do not exist that day ({_FORWARD}): fires at 03:00"),
    ("0 30 2 * * ?", "America/New_York", "2026-03-08T00:00Z", "skip", "first",
     f"02:30 02:30 does not exist on 2026-03-08 ({_FORWARD}): no fire"),
    ("0 0 3 * * ?", "America/New_York", "2026-03-08T00:00Z", "after", "first", "03:00 None"),
    ("0 30 * * * ?", "America/New_York", "2026-03-08T06:00Z", "after", "first", "01:30 None"),
    ("0 0 * * * ?", "America/New_York", "2026-03-08T06:30Z", "after", "first", "03:00 None"),
    ("0 30 1 * * ?", "America/New_York", "2026-11-01T00:00Z", "after", "first",
     f"01:30 01:30 occurs twice that day ({_BACK}): the first"),
    ("0 30 1 * * ?", "America/New_York", "2026-11-01T00:00Z", "after", "second",
     f"01:30 01:30 occurs twice that day ({_BACK}): the second"),
    ("0 30 1 * * ?", "America/New_York", "2026-11-01T05:30Z", "after", "both",
     f"01:30 01:30 occurs twice that day ({_BACK}): the second of two fires"),
    ("0 0 1 * * ?", "America/New_York", "2026-11-01T00:00Z", "after", "both",
     f"01:00 01:00 occurs twice that day ({_BACK}): the first of two fires"),
    ("0 0 2 * * ?", "America/New_York", "2026-11-01T00:00Z", "after", "both", "02:00 None"),
    ("0 30 * * * ?", "America/New_York", "2026-11-01T05:00Z", "after", "first", "01:30 None"),
    ("0 30 * * * ?", "America/New_York", "2026-11-01T06:00Z", "after", "first", f"01:30 repeated time ({_BACK})"),
    ("0 15 2 * * ?", "Australia/Lord_Howe", "2026-10-03T00:00Z", "after", "first",
     "02:30 02:15 does not exist that day (clocks go forward 02:00 -> 02:30): fires at 02:30"),
    ("0 45 1 * * ?", "Australia/Lord_Howe", "2026-04-04T00:00Z", "after", "first",
     "01:45 01:45 occurs twice that day (clocks go back 02:00 -> 01:30): the first"),
    ("0 0 0 * * ?", "America/Havana", "2026-03-08T00:00Z", "after", "first",
     "01:00 00:00 does not exist that day (clocks go forward 00:00 -> 01:00): fires at 01:00"),
    ("0 30 23 * * ?", "America/Santiago", "2026-04-04T12:00Z", "after", "first",
     "23:30 23:30 occurs twice that day (clocks go back 00:00 -> 23:00): the first"),
    ("0 30 0 * * ?", "Africa/Monrovia", "1972-01-06T12:00Z", "after", "first",
     "00:44 00:30 does not exist that day (clocks go forward 00:00 -> 00:44:30): fires at 00:44:30"),
    ("0 0 12 30 12 ?", "Pacific/Apia", "2011-01-01T00:00Z", "after", "first",
     "12:00 12:00 does not exist on 2011-12-30 (the calendar goes from 2011-12-30 00:00 to 2011-12-31 00:00): no fire"),
    ("0 0 12 * * ?", "UTC", "2026-03-08T00:00Z", "after", "first", "12:00 None"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "start", "gap", "overlap", "expected"), _TABLE)
def test_the_remark_on_the_next_fire(
    text: str, name: str, start: str, gap: Gap, overlap: Overlap, expected: str
) -> None:
    fire, said = next(remarked(parse(text), datetime.fromisoformat(start), zone(name), gap, overlap))
    assert f"{fire.astimezone(zone(name)):%H:%M} {said}" == expected


def test_times_that_no_fire_stands_for_are_told_with_the_next_fire_and_once() -> None:
    fires = [
        *islice(remarked(parse("0 30 2 8 3 ?"), datetime(1, 1, 1, tzinfo=UTC), zone("America/New_York"), "skip"), 60)
    ]
    assert fires[0] == (datetime(1970, 3, 8, 7, 30, tzinfo=UTC), None)
    told = {fire.year: said for fire, said in fires if said}
    assert told[2021] == f"02:30 does not exist on 2020-03-08 ({_FORWARD}): no fire"
    assert 2020 not in {fire.year for fire, _ in fires}
    assert 2022 not in told


_NOW = datetime(2026, 8, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "name", "gap", "expected"),
    [
        ("0 30 2 14 3 ? 2027", "America/New_York", "skip",
         f"02:30 does not exist on 2027-03-14 ({_FORWARD}), and gap is skip"),
        ("0 0/20 2 14 3 ? 2027", "America/New_York", "skip",
         f"02:00, 02:20 and others do not exist on 2027-03-14 ({_FORWARD}), and gap is skip"),
        ("0 30 2 ? 3 SUN#2 2027-2029", "America/New_York", "skip",
         f"02:30 does not exist on 2027-03-14 ({_FORWARD}), and gap is skip; the same at 2 later changes"),
        ("0 30 2 14 3 ? 2026", "America/New_York", "skip", ""),
        ("0 30 2 14 3 ? 2027", "UTC", "skip", ""),
    ],
)  # fmt: skip
def test_why_no_fire_is_left(text: str, name: str, gap: Gap, expected: str) -> None:
    assert parse(text).next_after(_NOW, zone(name), gap) is None or name == "UTC"
    assert left_out(parse(text), _NOW, None, zone(name), gap) == expected


def test_a_change_of_calendar_leaves_times_out_whatever_the_policy() -> None:
    said = left_out(parse("0 0 12 30 12 ? 2011"), datetime(2010, 1, 1, tzinfo=UTC), None, zone("Pacific/Apia"))
    assert said == "12:00 does not exist on 2011-12-30 (the calendar goes from 2011-12-30 00:00 to 2011-12-31 00:00)"


@pytest.mark.parametrize("case", dst_cases(), ids=lambda case: f"{case.text} {case.zone.key}")
def test_a_time_that_is_not_named_or_that_is_doubled_has_a_remark(case: Case) -> None:
    _check(case.text, case.zone.key, case.start, case.gap, case.overlap)


@settings(deadline=None, max_examples=300)
@given(schedules(one_time_a_day=True), around_a_change(), gaps, overlaps)
def test_remarks_are_about_what_happens(
    schedule: Schedule, place: tuple[ZoneInfo, datetime], gap: Gap, overlap: Overlap
) -> None:
    zone_, start = place
    try:
        parse(schedule.text)
    except ValueError:
        return
    _check(schedule.text, zone_.key, start, gap, overlap)


def _check(text: str, name: str, start: datetime, gap: Gap, overlap: Overlap) -> None:
    expression, place = parse(text), zone(name)
    for fire, said in islice(remarked(expression, start, place, gap, overlap), 6):
        own = remark(expression, fire, place, gap, overlap)
        local = fire.astimezone(place)
        named = expression.matches(local.replace(tzinfo=UTC), _UTC)
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        assert named or (own and "does not exist" in own.replace("do not", "does not") and "fires at" in own)
        if expression.times.every_hour:
            assert (own is not None) == bool(local.fold and twice)
        elif own is None or "occurs twice" in own:
            assert (own is not None) == twice
        assert said is None or "no fire" in said or said == own
        assert own is None or said is None or said.endswith(own)


def test_nothing_is_said_of_spans_that_are_only_cut() -> None:
    """Offsets are worked out in pieces of 388 days; the ends of those are no clock changes."""
    noon, place = parse("0 0 0/6 * * ?"), zone("Asia/Tokyo")
    assert all(said is None for _, said in islice(remarked(noon, datetime(2000, 1, 1, tzinfo=UTC), place), 6000))
    assert unfired(noon, datetime(1950, 1, 1, tzinfo=UTC), datetime(2190, 1, 1, tzinfo=UTC), place, "skip") == []
