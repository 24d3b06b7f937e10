"""The nth due time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.schedules import nth_from

from .oracle import MICROSECOND, instant, schedule

NOON = instant("2026-03-01T12:00Z")
MOST = datetime.max.replace(tzinfo=UTC)
thorough = settings(deadline=None, max_examples=200)

MANIFESTS: tuple[dict[str, Any], ...] = (
    {"cron": "* * * * * ?", "timeZone": "America/New_York"},
    {"cron": "0 */7 1-3 * * ?", "timeZone": "Europe/Berlin", "overlap": "both"},
    {"cron": "0 0 0 29 2 ?"},
    {"interval": {"every": "1h30m15s20ms"}},
    {"interval": {"every": "3650d"}},
    {"calendarInterval": {"unit": "months", "from": "2020-01-31T02:30"}, "timeZone": "Australia/Lord_Howe"},
    {"daily": {"every": "1m", "from": "22:00", "to": "05:00", "days": "MON-FRI"}, "timeZone": "Pacific/Apia"},
    {"cron": "0 0 * * * ?", "start": "2026-04-01T00:00:00Z", "end": "2027-01-01T00:00:00Z"},
)


@thorough
@given(st.sampled_from(MANIFESTS), st.integers(-(10**15), 10**15), st.integers(1, 10**4) | st.integers(1, 10**10))
def test_so_many_are_due_until_the_nth(manifest: dict[str, Any], microseconds: int, n: int) -> None:
    made = schedule(**manifest)
    first = NOON + microseconds * MICROSECOND
    found = nth_from(made, first, n)
    if found is None:
        assert made.count(first, MOST) < n
    else:
        assert made.count(first, found) == n
        assert made.first_from(found) == found


def test_the_last_of_all() -> None:
    made = schedule(cron="0 0 0 1 1 ?")
    assert nth_from(made, NOON, 2199 - 2026) == instant("2199-01-01T00:00Z")
    assert nth_from(made, NOON, 2199 - 2026 + 1) is None
    assert nth_from(made, instant("2199-12-31T00:00Z"), 1) is None
    assert nth_from(made, MOST, 1) is None


def test_counting_begins_with_1() -> None:
    every = schedule(cron="0 0 * * * ?")
    assert nth_from(every, NOON, 1) == NOON
    assert nth_from(every, NOON + MICROSECOND, 1) == NOON + timedelta(hours=1)
    with pytest.raises(ValueError, match="from 1"):
        nth_from(every, NOON, 0)
