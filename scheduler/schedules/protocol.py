"""What a schedule can be asked."""

from datetime import datetime
from typing import Protocol


class Schedule(Protocol):
    """When a trigger is due. Pure: the same question always has the same answer.

    Instants are aware datetimes; answers are in UTC, to the millisecond. What a question costs does not grow
    with the number of due times that it spans, only with that of the years, clock changes and calendar entries.

    `after` has no times of its own (see `After`): it is asked about the ends of executions, any instant may be one of
    its due times, and of a range it counts one.
    """

    def next_after(self, instant: datetime) -> datetime | None:
        """The first due time strictly later than the instant; None when there is none left.

        Where calendars leave out too much to be searched at once, it is an instant up to which there is none; that
        one is no due time by `is_due`.
        """
        ...

    def first_from(self, instant: datetime) -> datetime | None:
        """The first due time that is not earlier than the instant."""
        ...

    def last_until(self, instant: datetime) -> datetime | None:
        """The last due time that is not later than the instant; None when there is none."""
        ...

    def count(self, first: datetime, last: datetime) -> int:
        """How many due times there are with first <= due <= last; none when `last` is before `first`."""
        ...


def is_due(schedule: Schedule, instant: datetime) -> bool:
    """Whether an instant is a due time."""
    return schedule.first_from(instant) == instant
