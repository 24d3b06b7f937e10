"""Instants as numbers: whole seconds or milliseconds since 1970-01-01 UTC, and back."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
LAST = datetime(2199, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
"""The last due time of a schedule that counts in UTC: Quartz's last year, as on the wall clock."""
BEYOND = LAST + timedelta(days=4)
"""No schedule has a due time as late as that, whatever its zone."""


def seconds_until(instant: datetime) -> int:
    """The last whole second that is not later."""
    since = instant - EPOCH
    return since.days * 86400 + since.seconds


def seconds_from(instant: datetime) -> int:
    """The first whole second that is not earlier."""
    return seconds_until(instant) + (instant.microsecond > 0)


def milliseconds_until(instant: datetime) -> int:
    """The last whole millisecond that is not later."""
    return (instant - EPOCH) // MILLISECOND


def milliseconds_from(instant: datetime) -> int:
    """The first whole millisecond that is not earlier."""
    return -((EPOCH - instant) // MILLISECOND)


def at_second(second: int) -> datetime:
    """The instant of a number of seconds."""
    return datetime.fromtimestamp(second, UTC)


def at_millisecond(millisecond: int) -> datetime:
    """The instant of a number of milliseconds."""
    return EPOCH + millisecond * MILLISECOND
