"""Schedules without the times that calendars leave out."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.calendars.protocol import Span
from scheduler.schedules import exclusions, is_due, nth_from

from .oracle import DAY, MICROSECOND, check, instant, schedule, walk

NOON = instant("2026-03-01T12:00Z")
HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST = datetime.max.replace(tzinfo=UTC)
thorough = settings(deadline=None, max_examples=150)


@dataclass(frozen=True)
class Listed:
    """A calendar that says another thing, or the same again, from each edge on; excluded before, and after the last."""

    edges: tuple[datetime, ...]
    excluded: tuple[bool, ...]

    def span_at(self, at: datetime) -> Span:
        place = bisect_right(self.edges, at)
        since = self.edges[place - 1] if place else datetime.min.replace(tzinfo=UTC)
        until = self.edges[place] if place < len(self.edges) else MOST
        return Span(self.excluded[place % len(self.excluded)], since, until)


@dataclass(frozen=True)
class Hours:
    """A calendar whose spans are hours of the day, counted from the epoch; from `end` on it leaves nothing out."""

    included: frozenset[int]
    end: datetime = MOST

    def span_at(self, at: datetime) -> Span:
        hour = (at - EPOCH) // HOUR
        excluded = hour % 24 not in self.included and at < self.end
        return Span(excluded, EPOCH + hour * HOUR, EPOCH + (hour + 1) * HOUR)


def listed(places: list[int], excluded: list[bool]) -> Listed:
    """Edges in milliseconds from noon."""
    return Listed(tuple(NOON + timedelta(milliseconds=at) for at in sorted(set(places))), tuple(excluded))


# Often on due times, or right beside them.
places = st.one_of(st.integers(-80, 80).map(lambda at: at * 1_800_000), st.integers(-144_000_000, 144_000_000))
calendars = st.builds(
    listed, st.lists(places | places.map(lambda at: at + 1), max_size=12), st.lists(st.booleans(), min_size=1)
)
MANIFESTS = (
    {"cron": "0 */30 * * * ?"},
    {"interval": {"every": "47m", "offset": "1ms"}},
    {"daily": {"every": "1h", "from": "22:00", "to": "06:00"}, "timeZone": "America/New_York"},
    {"cron": "0 0 * * * ?", "start": "2026-03-01T00:00:00Z", "end": "2026-03-02T06:30:00Z"},
    {"at": "2026-03-01T12:30:00Z"},
    {"manual": True},
)


@thorough
@given(st.sampled_from(MANIFESTS), st.lists(calendars, min_size=1, max_size=3), places)
def test_what_no_calendar_leaves_out_is_due(manifest: dict[str, Any], those: list[Listed], beside: int) -> None:
    first, last = NOON - 2 * DAY, NOON + 2 * DAY
    expected = [
        due
        for due in walk(schedule(**manifest), first, last)
        if not any(calendar.span_at(due).excluded for calendar in those)
    ]
    edges = [edge for calendar in those for edge in calendar.edges]
    made = schedule(those, **manifest)
    check(made, expected, first, last, NOON + timedelta(milliseconds=beside), *edges)


@thorough
@given(st.lists(calendars, min_size=1, max_size=3), places)
def test_after_moves_to_the_end_of_what_is_excluded(those: list[Listed], ended: int) -> None:
    at = NOON + timedelta(milliseconds=ended)
    wished = at + HOUR

    def out(due: datetime) -> bool:
        return any(calendar.span_at(due).excluded for calendar in those)

    edges = sorted({wished, *(edge for calendar in those for edge in calendar.edges if edge > wished)})
    expected = next((edge for edge in edges if not out(edge)), None)
    made = schedule(those, after="1h")
    assert made.next_after(at) == made.first_from(wished) == expected
    if expected is not None:
        assert made.count(wished, expected) == made.count(wished, MOST) == 1
        assert made.count(wished, expected - MICROSECOND) == 0
        assert made.last_until(expected) == expected
        assert nth_from(made, wished, 2) is None
    else:
        assert made.count(wished, MOST) == 0


def test_after_ends_with_its_end() -> None:
    night = Hours(frozenset(range(6, 20)))
    made = schedule([night], after="1h", end="2026-03-02T06:00:00Z")
    assert made.next_after(instant("2026-03-01T18:30Z")) == instant("2026-03-01T19:30Z")
    assert made.next_after(instant("2026-03-01T19:30Z")) == instant("2026-03-02T06:00Z")
    assert made.last_until(MOST) == instant("2026-03-02T06:00Z")
    assert schedule([night], after="1h", end="2026-03-02T05:59:59Z").next_after(instant("2026-03-01T19:30Z")) is None


@pytest.mark.parametrize("manifest", [{"cron": "0 0 * * * ?"}, {"interval": {"every": "1s"}}, {"after": "1s"}])
def test_what_is_beyond_many_spans_is_out_of_reach(manifest: dict[str, Any]) -> None:
    """A calendar that leaves everything out, an hour at a time: the answers are how far the search went."""
    made = schedule([Hours(frozenset())], **manifest)
    ahead, behind = made.next_after(NOON), made.last_until(NOON)
    assert ahead is not None and not is_due(made, ahead)
    assert behind is not None and not is_due(made, behind)
    assert ahead - NOON > 800 * DAY and NOON - behind > 800 * DAY
    assert made.count(NOON, NOON + 100 * DAY) == 0


def test_the_reach_is_decades() -> None:
    """What is left out once a day is passed over for 50 years."""
    end = instant("2076-01-01T00:00Z")
    made = schedule([Hours(frozenset(range(1, 24)), end)], cron="0 0 0 * * ?")
    assert made.next_after(NOON) == end
    beyond = schedule([Hours(frozenset(range(1, 24)), end + 3_650 * DAY)], cron="0 0 0 * * ?")
    found = beyond.next_after(NOON)
    assert found is not None and not is_due(beyond, found)
    assert beyond.next_after(found) == end + 3_650 * DAY


def test_a_long_range_is_counted_by_spans() -> None:
    made = schedule([Hours(frozenset(range(8, 18)))], cron="* * * * * ?")
    end = NOON + 1_800 * DAY
    assert made.count(NOON, end - MICROSECOND) == 1_800 * 10 * 3_600
    assert nth_from(made, NOON, 1_000 * 36_000 + 1) == NOON + 1_000 * DAY


def test_beyond_the_spans_that_are_counted_the_share_is_taken_to_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusions, "MOST_COUNTED_SPANS", 24 * 10)
    made = schedule([Hours(frozenset(range(8, 18)))], cron="0 * * * * ?")
    exact = [made.count(NOON, NOON + days * DAY - MICROSECOND) for days in range(9)]
    assert exact == [600 * days for days in range(9)]
    counts = [made.count(NOON, NOON + days * DAY / 8 - MICROSECOND) for days in range(8 * 8, 8 * 100)]
    assert counts == sorted(counts)  # so that the nth can be found
    assert abs(counts[-1] - 600 * 100) <= 600
    assert abs(made.count(NOON, NOON + 3_000 * DAY) - 600 * 3_000) <= 600 * 10
    assert made.count(NOON + 100 * DAY, NOON + 108 * DAY - MICROSECOND) == 600 * 8


def test_nothing_is_extrapolated_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusions, "MOST_COUNTED_SPANS", 10)
    made = schedule([Hours(frozenset())], cron="0 * * * * ?")
    assert made.count(NOON, NOON + 3_000 * DAY) == 0
