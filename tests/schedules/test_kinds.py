"""The small kinds: at, after, manual; and the bounds of all."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstore.spec_values import format_instant
from scheduler.schedules import nth_from

from .oracle import DAY, MICROSECOND, check, instant, schedule, walk

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST, MOST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
NOON = instant("2026-03-01T12:00Z")
HOUR = timedelta(hours=1)
thorough = settings(deadline=None, max_examples=100)


def test_at() -> None:
    made = schedule(at="2026-03-01T13:00:00.250+01:00")
    due = NOON + timedelta(milliseconds=250)
    check(made, [due], NOON - DAY, NOON + DAY, NOON)
    assert made.next_after(due) is None
    assert made.first_from(due + MICROSECOND) is None
    assert made.last_until(due - MICROSECOND) is None
    assert nth_from(made, NOON, 2) is None
    found = made.first_from(NOON)
    assert found is not None
    assert found.tzinfo is UTC


def test_manual() -> None:
    made = schedule(manual=True)
    check(made, [], EPOCH, MOST, NOON)
    assert made.first_from(LEAST) is made.last_until(MOST) is nth_from(made, LEAST, 1) is None


@thorough
@given(st.integers(1, 10**7), st.integers(0, 10**12))
def test_after(seconds: int, microseconds: int) -> None:
    """What it is asked about is the end of an execution, or an instant from which one may be due."""
    made = schedule(after=f"{seconds}s")
    ended = NOON + microseconds * MICROSECOND
    due = made.next_after(ended)
    assert due is not None
    assert timedelta(0) <= ended + timedelta(seconds=seconds) - due < timedelta(milliseconds=1)
    assert made.first_from(due) == made.last_until(due) == due
    assert made.count(due, due) == made.count(due, due + 100 * DAY) == 1
    assert made.count(due, due - MICROSECOND) == 0
    assert nth_from(made, due, 1) == due
    assert nth_from(made, due, 2) is None


def test_after_at_the_end_of_all_time() -> None:
    made = schedule(after="1h")
    last = instant("2199-12-31T23:59:59.999Z")
    assert made.next_after(last - HOUR) == last
    assert made.next_after(last - HOUR + MICROSECOND) is None
    assert made.next_after(MOST) is made.first_from(MOST) is None
    assert made.last_until(MOST) == last
    assert made.count(MOST, MOST) == 0


def test_after_within_bounds() -> None:
    made = schedule(after="1h", start="2026-03-01T12:00:00Z", end="2026-03-02T12:00:00Z")
    assert made.first_from(EPOCH) == made.next_after(EPOCH) == NOON
    assert made.next_after(NOON - HOUR / 2) == NOON + HOUR / 2  # the delay is kept, whatever the start
    assert made.next_after(NOON) == NOON + HOUR
    assert made.next_after(NOON + DAY - HOUR) == NOON + DAY
    assert made.next_after(NOON + DAY - HOUR / 2) is None
    assert made.first_from(NOON + DAY + MICROSECOND) is None
    assert made.last_until(MOST) == NOON + DAY
    assert made.last_until(NOON - MICROSECOND) is None
    assert made.count(EPOCH, NOON - MICROSECOND) == 0
    assert made.count(EPOCH, NOON) == made.count(NOON + DAY, MOST) == 1
    assert made.count(NOON + DAY + MICROSECOND, MOST) == 0


UNBOUNDED = (
    {"cron": "0 30 */5 * * ?", "timeZone": "Europe/Berlin"},
    {"interval": {"every": "37m", "offset": "5m500ms"}},
    {"daily": {"every": "50m", "from": "20:00", "to": "04:00"}, "timeZone": "America/New_York"},
    {"calendarInterval": {"unit": "days", "from": "2026-02-20T00:00"}},
)


@thorough
@given(
    st.sampled_from(UNBOUNDED),
    st.none() | st.integers(-3 * 86_400_000, 3 * 86_400_000),
    st.none() | st.integers(1, 3 * 86_400_000),
    st.integers(0, 10**12),
)
def test_bounds_are_included_and_leave_out_the_rest(
    manifest: dict[str, Any], start: int | None, length: int | None, beside: int
) -> None:
    if "interval" in manifest:
        start = None  # it is counted from its start, so another schedule
    begin = NOON if start is None else NOON + timedelta(milliseconds=start)
    end = None if length is None else begin + timedelta(milliseconds=length)
    bounds = {
        **({} if start is None else {"start": format_instant(begin)}),
        **({} if end is None else {"end": format_instant(end)}),
    }
    first, last = NOON - 6 * DAY, NOON + 9 * DAY
    expected = [
        due
        for due in walk(schedule(**manifest), first, last)
        if (start is None or due >= begin) and (end is None or due <= end)
    ]
    check(schedule(**manifest, **bounds), expected, first, last, first + beside * MICROSECOND, begin, end or begin)


@pytest.mark.parametrize("offset", [0, 5])
def test_bounds_are_instants_of_any_offset(offset: int) -> None:
    begin = NOON.astimezone(timezone(timedelta(hours=offset)))
    made = schedule(cron="0 0 * * * ?", start=format_instant(begin), end=format_instant(begin + 2 * HOUR))
    check(made, [NOON, NOON + HOUR, NOON + 2 * HOUR], NOON - DAY, NOON + DAY)


def test_an_interval_is_counted_from_the_start_to_the_end() -> None:
    made = schedule(interval={"every": "40m"}, start="2026-03-01T12:00:00.001Z", end="2026-03-01T13:20:00.001Z")
    begin = NOON + timedelta(milliseconds=1)
    check(made, [begin, begin + HOUR * 2 / 3, begin + HOUR * 4 / 3], NOON - DAY, NOON + DAY)
