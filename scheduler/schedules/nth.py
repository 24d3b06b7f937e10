"""The nth due time, without going through those before it."""

from datetime import datetime, timedelta

from scheduler.schedules.instants import BEYOND, at_millisecond, milliseconds_from, milliseconds_until
from scheduler.schedules.protocol import Schedule

_FIRST_LOOK = timedelta(days=1)


def nth_from(schedule: Schedule, first: datetime, n: int) -> datetime | None:
    """The nth due time, from 1, of those that are not earlier than `first`; None when there are fewer.

    By halving on `count`, so it is as exact as that.
    """
    if n < 1:
        raise ValueError(f"{n} is not a number of due times from 1")
    start = schedule.first_from(first)
    if start is None or n == 1:
        return start
    # The nth is in low..high, and `left` of those from low on.
    low, left, reach = start, n, _FIRST_LOOK
    while True:
        high = start + reach if reach < BEYOND - start else BEYOND
        count = schedule.count(start, high)
        if count >= n:
            break
        if high == BEYOND:
            return None
        low, left, reach = high + timedelta(milliseconds=1), n - count, 2 * reach
    return _halve(schedule, milliseconds_from(low), milliseconds_until(high), left)


def _halve(schedule: Schedule, low: int, high: int, left: int) -> datetime | None:
    while left > 1 and low < high:
        middle = (low + high) // 2
        count = schedule.count(at_millisecond(low), at_millisecond(middle))
        if count >= left:
            high = middle
        else:
            low, left = middle + 1, left - count
    return schedule.first_from(at_millisecond(low))
