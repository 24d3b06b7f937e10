"""A fixed delay after the last execution ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.schedules.instants import LAST, at_millisecond, milliseconds_from, milliseconds_until


@dataclass(frozen=True, slots=True)
class After:
    """Due `delay` after an execution ended: what it is asked about is that end.

    It has no times of its own, so any instant may be a due time; and as the next one is known only when an
    execution has ended, only one can be missed at a time.
    """

    delay: timedelta

    def next_after(self, instant: datetime) -> datetime | None:
        """`delay` after the end of an execution at `instant`; None beyond 2199."""
        return None if instant > LAST - self.delay else at_millisecond(milliseconds_until(instant + self.delay))

    def first_from(self, instant: datetime) -> datetime | None:
        """The instant itself."""
        return None if instant > LAST else at_millisecond(milliseconds_from(instant))

    def last_until(self, instant: datetime) -> datetime | None:
        """The instant itself."""
        return at_millisecond(milliseconds_until(min(instant, LAST)))

    def count(self, first: datetime, last: datetime) -> int:
        """1, unless the range is empty."""
        return int(first <= min(last, LAST))
