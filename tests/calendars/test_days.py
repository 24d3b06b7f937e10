"""Rules for days: by date, every year, and by weekday, in zones whose days are not all of 24 hours."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calendars.making import checked, excluding, shown_day_matches, spans
from tests.cron.strategies import around_a_change


@pytest.mark.parametrize(
    ("dates", "zone", "expected"),
    [
        (["2026-12-24"], "UTC", [("2026-12-24 00:00", "2026-12-25 00:00")]),
        (["2026-12-24"], "Europe/Berlin", [("2026-12-23 23:00", "2026-12-24 23:00")]),
        (["2026-12-24..2027-01-01"], "UTC", [("2026-12-24 00:00", "2027-01-02 00:00")]),
        (["2026-12-25", "2026-12-24", "2026-12-25"], "UTC", [("2026-12-24 00:00", "2026-12-26 00:00")]),
        (["2026-01-05..2026-01-09", "2026-01-06"], "UTC", [("2026-01-05 00:00", "2026-01-10 00:00")]),
        (["2026-03-29"], "Europe/Berlin", [("2026-03-28 23:00", "2026-03-29 22:00")]),  # 23 hours
        (["2026-10-25"], "Europe/Berlin", [("2026-10-24 22:00", "2026-10-25 23:00")]),  # 25 hours
        (["2026-03-08"], "America/New_York", [("2026-03-08 05:00", "2026-03-09 04:00")]),
        (["2026-11-01"], "America/New_York", [("2026-11-01 04:00", "2026-11-02 05:00")]),
        (["2026-10-04"], "Australia/Lord_Howe", [("2026-10-03 13:30", "2026-10-04 13:00")]),  # 23.5 hours
        (["2026-03-08"], "America/Havana", [("2026-03-08 05:00", "2026-03-09 04:00")]),  # begins at 01:00
        (["2026-03-07"], "America/Havana", [("2026-03-07 05:00", "2026-03-08 05:00")]),
        (["2026-11-01"], "America/Havana", [("2026-11-01 04:00", "2026-11-02 05:00")]),  # 00:00 to 01:00 twice
        (["2026-04-04"], "America/Santiago", [("2026-04-04 03:00", "2026-04-05 04:00")]),  # 23:00 to 24:00 twice
        (["2011-12-30"], "Pacific/Apia", []),
        (["2011-12-29..2011-12-31"], "Pacific/Apia", [("2011-12-29 10:00", "2011-12-31 10:00")]),
        (["2011-12-31"], "Pacific/Apia", [("2011-12-30 10:00", "2011-12-31 10:00")]),
        (["1994-12-31"], "Pacific/Kiritimati", []),
        (["1995-01-01"], "Pacific/Kiritimati", [("1994-12-31 10:00", "1995-01-01 10:00")]),
        # Midnight is shown twice: the day begins with the first, and the time before the second is its own.
        (["2010-11-07"], "America/St_Johns", [("2010-11-07 02:30", "2010-11-08 03:30")]),
    ],
)
def test_dates(dates: list[str], zone: str, expected: list[tuple[str, str]]) -> None:
    year = int(dates[0][:4])
    assert spans(excluding({"dates": dates}, zone), f"{year - 1}-06-01", f"{year + 1}-06-01") == expected


@pytest.mark.parametrize(
    ("annual", "since", "until", "expected"),
    [
        (["12-25"], "2026-01-01", "2028-01-01", ["2026-12-25..2026-12-26", "2027-12-25..2027-12-26"]),
        (["12-24..01-01"], "2026-02-01", "2028-02-01", ["2026-12-24..2027-01-02", "2027-12-24..2028-01-02"]),
        (["02-29"], "2023-01-01", "2029-01-01", ["2024-02-29..2024-03-01", "2028-02-29..2028-03-01"]),
        (["02-28..03-01"], "2024-01-01", "2026-01-01", ["2024-02-28..2024-03-02", "2025-02-28..2025-03-02"]),
        (["02-29..03-01"], "2024-01-01", "2026-01-01", ["2024-02-29..2024-03-02", "2025-03-01..2025-03-02"]),
        (["12-31", "01-01"], "2026-06-01", "2027-06-01", ["2026-12-31..2027-01-02"]),
        (["02-29"], "2099-01-01", "2101-01-01", []),
        (["01-01..12-31"], "2026-01-01", "2027-01-01", ["1970-01-01..2200-01-01"]),
        (["07-01..06-30"], "2026-01-01", "2027-01-01", ["1970-01-01..2200-01-01"]),
    ],
)
def test_annual(annual: list[str], since: str, until: str, expected: list[str]) -> None:
    found = spans(excluding({"annual": annual}), since, until)
    assert [f"{begin[:10]}..{end[:10]}" for begin, end in found] == expected


@pytest.mark.parametrize(
    ("weekly", "zone", "expected"),
    [
        (["SAT", "SUN"], "UTC", [("2026-03-28 00:00", "2026-03-30 00:00"), ("2026-04-04 00:00", "2026-04-06 00:00")]),
        (["sat-Sun"], "UTC", [("2026-03-28 00:00", "2026-03-30 00:00"), ("2026-04-04 00:00", "2026-04-06 00:00")]),
        (
            ["FRI-MON", "SUN"],
            "UTC",
            [("2026-03-27 00:00", "2026-03-31 00:00"), ("2026-04-03 00:00", "2026-04-07 00:00")],
        ),
        (
            ["SUN"],
            "Europe/Berlin",
            [("2026-03-28 23:00", "2026-03-29 22:00"), ("2026-04-04 22:00", "2026-04-05 22:00")],
        ),
        (["SUN-SAT"], "Europe/Berlin", [("1970-01-01 00:00", "2200-01-01 00:00")]),
    ],
)
def test_weekly(weekly: list[str], zone: str, expected: list[tuple[str, str]]) -> None:
    assert spans(excluding({"weekly": weekly}, zone), "2026-03-26", "2026-04-06") == expected


def test_a_week_of_which_a_day_was_left_out() -> None:
    # In Apia the Friday of that week was not there.
    found = spans(excluding({"weekly": ["FRI"]}, "Pacific/Apia"), "2011-12-20", "2012-01-08")
    assert found == [("2011-12-23 10:00", "2011-12-24 10:00"), ("2012-01-05 10:00", "2012-01-06 10:00")]


_NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
days_nearby = st.integers(-4, 4)


@settings(deadline=None, max_examples=400)
@given(around_a_change(), st.lists(days_nearby, min_size=1, max_size=4), st.sampled_from(["dates", "annual", "weekly"]))
def test_any_instant_near_a_clock_change(at: tuple[ZoneInfo, datetime], offsets: list[int], part: str) -> None:
    zone, instant = at
    here = instant.astimezone(zone).date()
    days = {here + timedelta(days=offset) for offset in offsets}
    if part == "dates":
        rule: dict[str, Any] = {"dates": [day.isoformat() for day in days]}
    elif part == "annual":
        rule = {"annual": [day.strftime("%m-%d") for day in days]}
    else:
        rule = {"weekly": [_NAMES[day.isoweekday() % 7] for day in days]}

    def matches(local: datetime) -> bool:
        if part == "weekly":
            return local.isoweekday() % 7 in {day.isoweekday() % 7 for day in days}
        if part == "annual":
            return (local.month, local.day) in {(day.month, day.day) for day in days}
        return local.date() in days

    span = checked(excluding(rule, zone.key), instant)
    step = (min(span.until, instant + timedelta(days=6)) - max(span.since, instant - timedelta(days=6))) / 15
    first = max(span.since, instant - timedelta(days=6))
    for place in range(15):
        assert shown_day_matches(matches, zone, first + place * step) is span.excluded


@settings(deadline=None)
@given(st.dates(date(1970, 1, 2), date(2199, 12, 30)), st.sampled_from(_NAMES))
def test_weekdays_of_all_years(day: date, name: str) -> None:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    assert checked(excluding({"weekly": [name]}), noon).excluded is (_NAMES[day.isoweekday() % 7] == name)
