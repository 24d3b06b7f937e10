"""Calendar intervals: every so many days, weeks, months or years from a local time."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .oracle import CHANGES, DAY, calendar_walls, check, instant, on_the_clock, schedule, walk, walk_back

thorough = settings(deadline=None, max_examples=200)

changes = st.sampled_from(CHANGES)
gaps, overlaps = st.sampled_from(["after", "skip"]), st.sampled_from(["first", "second", "both"])
missing_days = st.sampled_from(["skip", "last"])
every = st.one_of(st.integers(1, 5), st.integers(1, 60), st.sampled_from([12, 24, 48, 100, 229]))
locals_ = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - on the wall
    max_value=datetime(2199, 12, 31),  # noqa: DTZ001
).map(lambda wall: wall.replace(microsecond=0))


@thorough
@given(changes, st.integers(-400, 10), st.integers(-86_400, 86_400), every, st.sampled_from(["days", "weeks"]), gaps)
def test_days_and_weeks_around_clock_changes(
    change: tuple[str, str], days: int, seconds: int, every: int, unit: str, gap: str
) -> None:
    zone, at = ZoneInfo(change[0]), instant(change[1])
    start = (at.astimezone(zone) + timedelta(days=days, seconds=seconds)).replace(tzinfo=None)
    for overlap in ("first", "second", "both"):
        made = schedule(
            calendarInterval={"every": every, "unit": unit, "from": start.isoformat()},
            timeZone=change[0],
            gap=gap,
            overlap=overlap,
        )
        first, last = at - 5 * DAY, at + 40 * DAY
        walls = list(calendar_walls(start, every, unit, "skip", start + (41 - days + 2) * DAY))
        check(made, on_the_clock(walls, zone, gap, overlap), first, last, at)


@thorough
@given(changes, locals_, every, st.sampled_from(["months", "years"]), missing_days, gaps, overlaps, st.booleans())
def test_months_and_years(
    change: tuple[str, str],
    start: datetime,
    every: int,
    unit: str,
    missing_day: str,
    gap: str,
    overlap: str,
    month_end: bool,
) -> None:
    zone = ZoneInfo(change[0])
    if month_end:
        start = (start.replace(day=1) + 31 * DAY).replace(day=1) - DAY + timedelta(hours=start.hour)
        start = start.replace(year=min(start.year, 2199))
    made = schedule(
        calendarInterval={"every": every, "unit": unit, "from": start.isoformat(), "missingDay": missing_day},
        timeZone=change[0],
        gap=gap,
        overlap=overlap,
    )
    walls = list(calendar_walls(start, every, unit, missing_day, start.replace(year=2199, month=12, day=31)))
    expected = on_the_clock(walls, zone, gap, overlap)
    first, last = instant("1969-12-25T00:00Z"), instant("2200-01-05T00:00Z")
    asked = [due + timedelta(seconds=1) for due in expected[:: len(expected) // 10 + 1]]
    check(made, expected, first, last, *asked, instant(change[1]))


SPECIAL = {
    "monthly": ({"unit": "months", "from": "2026-01-31T02:30"}, "01-31 03-31 05-31 07-31 08-31 10-31 12-31"),
    "monthly, last": (
        {"unit": "months", "from": "2026-01-31T02:30", "missingDay": "last"},
        "01-31 02-28 03-31 04-30 05-31 06-30 07-31 08-31 09-30 10-31 11-30 12-31",
    ),
    "every other month": (
        {"unit": "months", "every": 2, "from": "2026-01-30T00:00"},
        "01-30 03-30 05-30 07-30 09-30 11-30",
    ),
    "weeks": ({"unit": "weeks", "every": 4, "from": "2026-10-01T23:59:59"}, "10-01 10-29 11-26 12-24"),
    "days": ({"unit": "days", "every": 100, "from": "2026-02-28T00:00"}, "02-28 06-08 09-16 12-25"),
    "a year": ({"unit": "years", "from": "2025-12-24T18:00"}, "12-24"),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_the_days_of_2026(name: str) -> None:
    interval, days = SPECIAL[name]
    found = walk(schedule(calendarInterval=interval), instant("2026-01-01T00:00Z"), instant("2026-12-31T23:59Z"))
    assert [f"{due:%m-%d}" for due in found] == days.split()


@pytest.mark.parametrize(("missing_day", "years"), [("skip", [2096, 2104, 2108]), ("last", [2096, 2097, 2098])])
def test_the_29th_of_february(missing_day: str, years: list[int]) -> None:
    made = schedule(calendarInterval={"unit": "years", "from": "2096-02-29T12:00", "missingDay": missing_day})
    found = walk(made, instant("1970-01-01T00:00Z"), instant("2110-01-01T00:00Z"))
    assert [due.year for due in found][:3] == years
    assert walk_back(made, instant("1970-01-01T00:00Z"), instant("2110-01-01T00:00Z")) == found


def test_the_first_is_from_itself_and_none_is_earlier() -> None:
    made = schedule(calendarInterval={"unit": "days", "from": "2026-03-29T02:30"}, timeZone="Europe/Berlin")
    assert made.first_from(instant("1970-01-01T00:00Z")) == instant("2026-03-29T01:00Z")  # after the gap
    assert made.last_until(instant("2026-03-29T00:59:59Z")) is None
    skipping = schedule(
        calendarInterval={"unit": "days", "from": "2026-03-29T02:30"}, timeZone="Europe/Berlin", gap="skip"
    )
    assert skipping.first_from(instant("1970-01-01T00:00Z")) == instant("2026-03-30T00:30Z")


def test_it_keeps_its_local_time() -> None:
    made = schedule(
        calendarInterval={"unit": "days", "every": 2, "from": "2026-03-07T02:30"}, timeZone="America/New_York"
    )
    found = walk(made, instant("2026-03-06T00:00Z"), instant("2026-03-12T00:00Z"))
    assert found == [instant("2026-03-07T07:30Z"), instant("2026-03-09T06:30Z"), instant("2026-03-11T06:30Z")]


def test_the_last_of_all() -> None:
    for unit, every in (("years", 229), ("months", 12 * 229), ("days", 10_000)):
        made = schedule(calendarInterval={"unit": unit, "every": every, "from": "1970-12-31T23:59:59"})
        least, most = instant("1970-01-01T00:00Z"), instant("2200-01-05T00:00Z")
        found = walk(made, least, most)
        assert made.next_after(found[-1]) is None
        assert walk_back(made, least, most) == found
        if unit != "days":
            assert [due.year for due in found] == [1970, 2199]
