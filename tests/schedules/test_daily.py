"""Daily windows: from one time of day to another, both included."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronquorum.durations import format_duration
from scheduler.cron import parse
from scheduler.schedules import wall_clock_of

from .oracle import CHANGES, DAY, check, daily_walls, instant, on_the_clock, schedule, walk

thorough = settings(deadline=None, max_examples=200)
NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

changes = st.sampled_from(CHANGES)
gaps, overlaps = st.sampled_from(["after", "skip"]), st.sampled_from(["first", "second", "both"])
weekdays = st.sets(st.integers(0, 6), min_size=1)
# Often whole hours, so that windows meet the times of clock changes.
of_day = st.one_of(st.integers(0, 23).map(lambda hour: hour * 3600), st.integers(0, 86_399))
steps = st.one_of(st.sampled_from([600, 900, 1800, 3600, 3601, 7200, 86_400]), st.integers(300, 86_400))


def written(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}" + (f":{second % 60:02}" if second % 60 else "")


@thorough
@given(changes, st.integers(-3 * 86_400, 86_400), steps, of_day, of_day | st.just(86_400), weekdays, gaps, overlaps)
def test_agrees_with_enumeration(
    change: tuple[str, str],
    seconds: int,
    every: int,
    start: int,
    end: int,
    days: set[int],
    gap: str,
    overlap: str,
) -> None:
    zone, at = ZoneInfo(change[0]), instant(change[1])
    daily = {
        "every": format_duration(timedelta(seconds=every)),
        "from": written(start),
        "to": written(end),
        "days": ",".join(NAMES[day] for day in days),
    }
    made = schedule(daily=daily, timeZone=change[0], gap=gap, overlap=overlap)
    until = 86_399 if end == 86_400 else end if end >= start else end + 86_400
    hours = {second // 3600 % 24 for second in range(start, until + 1, every)}
    first = at + timedelta(seconds=seconds)
    last = first + 3 * DAY
    walls = daily_walls(
        first.astimezone(zone).date() - 3 * DAY,
        last.astimezone(zone).date() + DAY,
        timedelta(seconds=every),
        timedelta(seconds=start),
        timedelta(seconds=until),
        days,
    )
    expected = on_the_clock(walls, zone, gap, overlap, every_hour=len(hours) == 24)
    check(made, expected, first, last, at)


@thorough
@given(changes, st.integers(-3 * 86_400, 86_400), st.sampled_from([60, 600, 900, 3600]), weekdays, gaps, overlaps)
def test_a_whole_day_is_what_cron_says(
    change: tuple[str, str], seconds: int, every: int, days: set[int], gap: str, overlap: str
) -> None:
    names = ",".join(NAMES[day] for day in days)
    minutes = {60: "*", 600: "*/10", 900: "*/15", 3600: "0"}[every]
    rest = {"timeZone": change[0], "gap": gap, "overlap": overlap}
    daily = schedule(daily={"every": f"{every}s", "days": names}, **rest)
    cron = schedule(cron=f"0 {minutes} * ? * {names}", **rest)
    first = instant(change[1]) + timedelta(seconds=seconds)
    check(daily, walk(cron, first, first + 2 * DAY), first, first + 2 * DAY)


DUE = {
    # a time that is `to` is still in, and midnight is so once
    ("09:00", "18:00", "3h"): "09:00 12:00 15:00 18:00",
    ("09:00", "17:59:59", "3h"): "09:00 12:00 15:00",
    ("00:00", "24:00", "6h"): "00:00 06:00 12:00 18:00",
    ("00:00", "24:00:00", "6h"): "00:00 06:00 12:00 18:00",
    ("18:00", "24:00", "2h"): "18:00 20:00 22:00",
    ("18:00", "00:00", "2h"): "18:00 20:00 22:00 00:00",
    ("22:30", "02:00", "1h30m"): "22:30 00:00 01:30",
    ("09:00", "09:00", "10m"): "09:00",
    ("09:00", "08:59:59", "12h"): "09:00 21:00",
    ("09:00:30", "09:01:30", "30s"): "09:00:30 09:01 09:01:30",
    ("09:00", "10:00", "24h"): "09:00",
    ("00:00", "00:00", "1s"): "00:00",
}


@pytest.mark.parametrize(("window", "times"), DUE.items(), ids=["-".join(window) for window in DUE])
def test_the_window_of_a_wednesday(window: tuple[str, str, str], times: str) -> None:
    start, to, every = window
    made = schedule(daily={"from": start, "to": to, "every": every, "days": "WED"})
    found = walk(made, instant("2026-03-01T00:00Z"), instant("2026-03-07T23:59Z"))
    wednesday = instant("2026-03-04T00:00Z")
    assert [due.strftime("%H:%M:%S").removesuffix(":00") for due in found] == times.split()
    assert all(due.date() - wednesday.date() == (DAY if due.hour < int(start[:2]) else 0 * DAY) for due in found)


def test_a_window_belongs_to_the_day_on_which_it_begins() -> None:
    made = schedule(daily={"every": "1h", "from": "22:00", "to": "02:00", "days": "FRI"})
    friday = instant("2026-03-06T00:00Z")
    expected = [friday + timedelta(hours=hour) for hour in (22, 23, 24, 25, 26)]
    check(made, expected, friday - 3 * DAY, friday + 3 * DAY)


EVERY_HOUR = {
    ("00:00", "24:00", "1h", "*"): True,
    ("00:00", "23:00", "1h", "*"): True,
    ("00:00", "22:59:59", "1h", "*"): False,
    ("00:30", "24:00", "1h", "?"): True,
    ("22:30", "21:30", "10m", "*"): True,
    ("22:30", "20:59", "10m", "*"): False,
    ("00:00", "24:00", "1h0m1s", "*"): True,  # 00:00:00, 01:00:01, ... 23:00:23
    ("00:30", "24:00", "1h0m1s", "*"): True,
    ("00:59:59", "24:00", "1h0m1s", "*"): False,
    ("00:00", "24:00", "90m", "*"): False,
    ("00:00", "24:00", "1h", "MON-FRI"): True,  # as in cron, the hours alone decide
    ("12:00", "12:00", "1s", "*"): False,
}


@pytest.mark.parametrize(("window", "expected"), EVERY_HOUR.items(), ids=["-".join(window) for window in EVERY_HOUR])
def test_which_windows_are_of_every_hour(window: tuple[str, str, str, str], expected: bool) -> None:
    start, to, every, days = window
    found = wall_clock_of(schedule(daily={"from": start, "to": to, "every": every, "days": days}))
    assert found is not None
    assert found.walls.every_hour is expected


def test_what_is_told_of_the_wall_clock() -> None:
    made = schedule(
        daily={"every": "1h", "from": "09:00", "to": "12:00"}, timeZone="Europe/Berlin", gap="skip", overlap="both"
    )
    found = wall_clock_of(made)
    assert found is not None
    assert (found.zone.key, found.gap, found.overlap) == ("Europe/Berlin", "skip", "both")
    cron = wall_clock_of(schedule(cron="0 0 2 * * ?", start="2026-01-01T00:00:00Z"))
    assert cron is not None
    assert cron.walls == parse("0 0 2 * * ?")
    assert wall_clock_of(schedule(interval={"every": "1h"})) is None


def test_the_clock_changes_of_a_window_in_the_night() -> None:
    window = {"every": "15m", "from": "01:45", "to": "03:15"}

    def hours(zone: str, day: str, **policies: str) -> list[str]:
        made = schedule(daily=window, timeZone=zone, **policies)
        begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
        return [f"{due:%H:%M}" for due in walk(made, begin, begin + timedelta(hours=6))]

    assert hours("America/New_York", "2026-03-08") == ["06:45", "07:00", "07:15"]
    assert hours("America/New_York", "2026-03-08", gap="skip") == ["06:45", "07:00", "07:15"]
    before, repeated, later = ["23:45"], ["00:00", "00:15", "00:30", "00:45"], ["01:00", "01:15", "01:30", "01:45"]
    rest = ["02:00", "02:15"]
    assert hours("Europe/Berlin", "2026-10-25") == [*before, *repeated, *rest]
    assert hours("Europe/Berlin", "2026-10-25", overlap="second") == [*before, *later, *rest]
    assert hours("Europe/Berlin", "2026-10-25", overlap="both") == [*before, *repeated, *later, *rest]


def test_a_window_inside_a_gap_fires_once_after_it() -> None:
    window = {"every": "5m", "from": "02:05", "to": "02:55"}
    night = instant("2026-03-08T00:00Z"), instant("2026-03-08T23:00Z")
    assert walk(schedule(daily=window, timeZone="America/New_York"), *night) == [instant("2026-03-08T07:00Z")]
    assert walk(schedule(daily=window, timeZone="America/New_York", gap="skip"), *night) == []


def test_a_day_that_a_calendar_lacks_has_no_window() -> None:
    made = schedule(daily={"every": "4h", "from": "08:00", "to": "16:00"}, timeZone="Pacific/Apia")
    zone = ZoneInfo("Pacific/Apia")
    found = walk(made, instant("2011-12-29T12:00Z"), instant("2012-01-01T09:00Z"))
    assert [due.astimezone(zone).day for due in found] == [29, 29, 29, 31, 31, 31, 1, 1, 1]
