"""Intervals: so long after the epoch, or after the trigger's start."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronquorum.durations import format_duration
from jobstore.spec_values import format_instant

from .oracle import MICROSECOND, MILLISECOND, check, instant, schedule

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST, MOST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
thorough = settings(deadline=None, max_examples=200)

milliseconds = st.integers(1_000, 40 * 86_400_000)
instants = st.integers(0, 225 * 365 * 86_400_000).map(lambda at: EPOCH + at * MILLISECOND)


@thorough
@given(milliseconds, st.none() | milliseconds, instants, st.integers(0, 60), st.integers(0, 10**9))
def test_counted_from_the_epoch(every: int, offset: int | None, first: datetime, number: int, beside: int) -> None:
    step = every * MILLISECOND
    made = schedule(
        interval={
            "every": format_duration(step),
            **({} if offset is None else {"offset": format_duration(offset * MILLISECOND)}),
        }
    )
    last = first + number * step
    steps = (first - EPOCH) // step
    expected = [EPOCH + (offset or 0) * MILLISECOND % step + (steps + n) * step for n in range(-1, number + 2)]
    check(made, expected, first, last, first + beside * MICROSECOND)


@thorough
@given(milliseconds, instants, st.integers(-10, 60), st.integers(0, 60), st.integers(0, 10**9))
def test_counted_from_the_start(every: int, start: datetime, skipped: int, number: int, beside: int) -> None:
    step = every * MILLISECOND
    made = schedule(interval={"every": format_duration(step)}, start=format_instant(start))
    first = start + skipped * step
    expected = [start + n * step for n in range(max(0, skipped), skipped + number + 1)]
    check(made, expected, first, first + number * step, first + beside * MICROSECOND)
    assert made.first_from(LEAST) == start
    assert made.last_until(start - MICROSECOND) is None


def test_nothing_is_due_before_1970_or_after_2199() -> None:
    made = schedule(interval={"every": "1s"})
    assert made.first_from(LEAST) == EPOCH
    assert made.last_until(EPOCH - MICROSECOND) is None
    last = instant("2199-12-31T23:59:59Z")
    assert made.last_until(MOST) == last
    assert made.next_after(last) is None
    assert made.first_from(last + MICROSECOND) is None
    assert made.count(LEAST, MOST) == made.count(EPOCH, last) == (last - EPOCH) // timedelta(seconds=1) + 1


@pytest.mark.parametrize("offset", ["0s", "7m30s", "20m", "3650d"])
def test_the_offset_only_turns_the_grid(offset: str) -> None:
    made = schedule(interval={"every": "10m", "offset": offset})
    found = made.first_from(instant("2026-03-01T12:00Z"))
    assert found == instant("2026-03-01T12:07:30Z" if offset == "7m30s" else "2026-03-01T12:00Z")
