"""When a failed attempt is tried again."""

from collections.abc import Callable
from datetime import timedelta

BACKOFFS: dict[str, Callable[[int], int]] = {
    "fixed": lambda failures: 1,
    "linear": lambda failures: failures,
    "exponential": lambda failures: 2 ** min(failures - 1, 62),
}
"""By how much the first delay is multiplied after so many failures (from 1)."""


def retry_delay(backoff: str, delay: timedelta, max_delay: timedelta, failures: int) -> timedelta:
    """How long to wait after the `failures`th failure. Never longer than `max_delay`."""
    seconds = delay.total_seconds() * BACKOFFS[backoff](failures)
    return min(max_delay, timedelta(seconds=min(seconds, max_delay.total_seconds())))
