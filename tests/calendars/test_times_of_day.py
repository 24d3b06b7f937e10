"""Rules for times of day: windows, and what a cron expression names."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.calendars.making import checked, excluding, spans, utc
from tests.cron.strategies import around_a_change


@pytest.mark.parametrize(
    ("window", "zone", "expected"),
    [
        ("08:00 18:00", "UTC", [("2026-03-28 08:00", "2026-03-28 18:00"), ("2026-03-29 08:00", "2026-03-29 18:00")]),
        ("22:00 06:00", "UTC", [("2026-03-27 22:00", "2026-03-28 06:00"), ("2026-03-28 22:00", "2026-03-29 06:00")]),
        ("18:00 24:00", "UTC", [("2026-03-28 18:00", "2026-03-29 00:00"), ("2026-03-29 18:00", "2026-03-30 00:00")]),
        (
            "00:00 00:00:01",
            "UTC",
            [("2026-03-28 00:00", "2026-03-28 00:00:01"), ("2026-03-29 00:00", "2026-03-29 00:00:01")],
        ),
        ("00:00 24:00", "UTC", [("1970-01-01 00:00", "2200-01-01 00:00")]),
        # In Berlin the clock goes from 02:00 to 03:00 at 01:00 UTC.
        ("02:00 03:00", "Europe/Berlin", [("2026-03-28 01:00", "2026-03-28 02:00")]),
        (
            "01:30 03:30",
            "Europe/Berlin",
            [("2026-03-28 00:30", "2026-03-28 02:30"), ("2026-03-29 00:30", "2026-03-29 01:30")],
        ),
        (
            "22:00 02:30",
            "Europe/Berlin",
            [
                ("2026-03-27 21:00", "2026-03-28 01:30"),
                ("2026-03-28 21:00", "2026-03-29 01:00"),
                ("2026-03-29 20:00", "2026-03-30 00:30"),
            ],
        ),
    ],
)
def test_daily(window: str, zone: str, expected: list[tuple[str, str]]) -> None:
    begin, end = window.split()
    calendar = excluding({"daily": {"from": begin, "to": end}}, zone)
    assert spans(calendar, "2026-03-28", "2026-03-30")[: len(expected)] == expected


@pytest.mark.parametrize(
    ("window", "zone", "since", "expected"),
    [
        # An hour twice: 02:00 to 03:00 in Berlin, 01:00 to 02:00 in New York, and half of one on Lord Howe.
        ("02:00 03:00", "Europe/Berlin", "2026-10-24 23:00", [("2026-10-25 00:00", "2026-10-25 02:00")]),
        (
            "02:15 02:45",
            "Europe/Berlin",
            "2026-10-24 23:00",
            [("2026-10-25 00:15", "2026-10-25 00:45"), ("2026-10-25 01:15", "2026-10-25 01:45")],
        ),
        ("01:00 02:00", "America/New_York", "2026-11-01 04:00", [("2026-11-01 05:00", "2026-11-01 07:00")]),
        ("01:30 02:00", "Australia/Lord_Howe", "2026-04-04 13:00", [("2026-04-04 14:30", "2026-04-04 15:30")]),
        ("00:00 01:00", "America/Havana", "2026-03-08 00:00", []),  # the hour after midnight is missing
        ("23:30 00:30", "America/Havana", "2026-03-08 00:00", [("2026-03-08 04:30", "2026-03-08 05:00")]),
        ("22:00 06:00", "Pacific/Apia", "2011-12-29 10:00", [("2011-12-30 08:00", "2011-12-30 16:00")]),
    ],
)
def test_daily_where_the_clock_changes(window: str, zone: str, since: str, expected: list[tuple[str, str]]) -> None:
    begin, end = window.split()
    calendar = excluding({"daily": {"from": begin, "to": end}}, zone)
    until = (utc(since) + timedelta(hours=9 if zone != "Pacific/Apia" else 30)).strftime("%Y-%m-%d %H:%M")
    found = [times for times in spans(calendar, since, until) if times[0] >= since]
    assert found == expected


_BUSINESS = [("2026-03-27 07:00", "2026-03-27 17:00"), ("2026-03-30 06:00", "2026-03-30 16:00")]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("* * 8-17 ? * MON-FRI", _BUSINESS),
        ("* 8-17 * * 1-5", _BUSINESS),  # unix: whole minutes
        ("0 * 8-17 ? * MON-FRI", None),  # Quartz: each of these minutes for one second
        ("0 0 12 27 3 ?", [("2026-03-27 11:00", "2026-03-27 11:00:01")]),
        ("0 12 27 3 *", [("2026-03-27 11:00", "2026-03-27 11:01")]),
        ("30-44 59 23 28 3 ? 2026", [("2026-03-28 22:59:30", "2026-03-28 22:59:45")]),
        ("* 15-29,45 12 28 3 ?", [("2026-03-28 11:15", "2026-03-28 11:30"), ("2026-03-28 11:45", "2026-03-28 11:46")]),
        ("* * * 28-29 3 ?", [("2026-03-27 23:00", "2026-03-29 22:00")]),
        ("* * 2 29 3 ?", []),  # the hour that the clock skips
        (
            "@daily",
            [(f"2026-03-{day} 23:00", f"2026-03-{day} 23:01") for day in (27, 28)]
            + [("2026-03-29 22:00", "2026-03-29 22:01")],
        ),
        ("* * * * * ?", [("1970-01-01 00:00", "2200-01-01 00:00")]),
        ("* * * * *", [("1970-01-01 00:00", "2200-01-01 00:00")]),
    ],
)
def test_cron(cron: str, expected: list[tuple[str, str]] | None) -> None:
    found = spans(excluding({"cron": cron}, "Europe/Berlin"), "2026-03-27", "2026-03-30 20:00")
    if expected is None:
        assert found[:2] == [("2026-03-27 07:00", "2026-03-27 07:00:01"), ("2026-03-27 07:01", "2026-03-27 07:01:01")]
        assert len(found) == 2 * 10 * 60
    else:
        assert found == expected


times = st.integers(0, 86399).map(lambda second: f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}")


@settings(deadline=None, max_examples=300)
@given(around_a_change(), times, times | st.just("24:00:00"))
def test_a_window_matches_when_the_wall_clock_shows_it(at: tuple[ZoneInfo, datetime], begin: str, end: str) -> None:
    zone, instant = at
    if begin == end:
        return
    span = checked(excluding({"daily": {"from": begin, "to": end}}, zone.key), instant)
    for moment in _moments(span.since, span.until, instant):
        shown = moment.astimezone(zone).strftime("%H:%M:%S")
        inside = begin <= shown < end if begin < end else shown >= begin or shown < end
        assert inside is span.excluded


_fields = st.sampled_from(["*", "*/2", "0", "5,6,7", "10-19", "50-9"])


@settings(deadline=None, max_examples=300)
@given(around_a_change(), _fields, _fields, st.sampled_from(["*", "0-5", "22-2", "1", "*/2"]))
def test_cron_matches_when_the_wall_clock_shows_what_it_names(
    at: tuple[ZoneInfo, datetime], seconds: str, minutes: str, hours: str
) -> None:
    zone, instant = at
    for days in ("* * ?", "L * ?", "? * MON-FRI", "? * FRI#1", "29-31 3,10-12 ?", "1/2 * ? 1980-2030/2"):
        span = checked(excluding({"cron": f"{seconds} {minutes} {hours} {days}"}, zone.key), instant)
        midnight = {"seconds": seconds, "minutes": minutes, "hours": hours}
        for moment in _moments(span.since, span.until, instant):
            assert _named(midnight, days, moment.astimezone(zone)) is span.excluded, days


def _named(fields: dict[str, str], days: str, shown: datetime) -> bool:
    """Whether an expression names what a wall clock shows, by its fields one at a time."""
    values = {"seconds": (shown.second, 60), "minutes": (shown.minute, 60), "hours": (shown.hour, 24)}
    if not all(value in _values(fields[name], cycle) for name, (value, cycle) in values.items()):
        return False
    tomorrow = shown.date() + timedelta(days=1)
    return {
        "* * ?": True,
        "L * ?": tomorrow.day == 1,
        "? * MON-FRI": shown.weekday() < 5,
        "? * FRI#1": shown.weekday() == 4 and shown.day <= 7,
        "29-31 3,10-12 ?": shown.day >= 29 and shown.month in (3, 10, 11, 12),
        "1/2 * ? 1980-2030/2": shown.day % 2 == 1 and 1980 <= shown.year <= 2030 and shown.year % 2 == 0,
    }[days]


def _values(text: str, cycle: int) -> set[int]:
    if text.startswith("*"):
        return set(range(0, cycle, int(text[2:] or 1)))
    if "-" in text:
        first, last = map(int, text.split("-"))
        return {value % cycle for value in range(first, last + (cycle if last < first else 0) + 1)}
    return set(map(int, text.split(",")))


def _moments(since: datetime, until: datetime, instant: datetime) -> list[datetime]:
    """Some instants of a span, at its ends, around the one that was asked for, and in between."""
    near = [instant + timedelta(seconds=seconds) for seconds in (-3600, -60, -1, 0, 1, 60, 3600)]
    between = [since + (until - since) * place / 23 for place in range(23)]
    wanted = [since, until - timedelta(seconds=1), *near, *between]
    return [moment for moment in wanted if since <= moment < until]


def test_microseconds_belong_to_their_second() -> None:
    calendar = excluding({"cron": "0 0 12 * * ?"})
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert checked(calendar, noon.replace(microsecond=999_999)).excluded
    assert not checked(calendar, noon - timedelta(microseconds=1)).excluded
