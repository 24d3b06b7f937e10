"""Waiting for an instant, and for the store to say something: coarse enough not to disturb what is measured."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from cronquorum.clock import host_time

PAUSE = 0.1
"""Seconds between two questions."""
_never = threading.Event()


def pause(seconds: float) -> None:
    """Do nothing for so long."""
    _never.wait(max(0.0, seconds))


def wait_until(instant: datetime) -> None:
    """Return at that time of the host's clock, or at once when it is over."""
    pause((instant - host_time()).total_seconds())


def whole_second(instant: datetime) -> datetime:
    """The next full second."""
    return instant.replace(microsecond=0) + timedelta(seconds=1)


def until(look: Callable[[], bool], timeout: float, what: str) -> float:
    """Ask until the answer is yes; returns when the last question was put, in seconds since 1970."""
    end = time.monotonic() + timeout
    while True:
        asked = host_time().timestamp()
        if look():
            return asked
        if time.monotonic() > end:
            raise RuntimeError(f"not within {timeout:g} s: {what}")
        pause(PAUSE)
