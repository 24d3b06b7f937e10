"""The times of the day that an expression names."""

from dataclasses import dataclass, field

from .fields import HOURS, lowest

HOUR = 3600
DAY = 24 * HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class TimesOfDay:
    """Sets of seconds, minutes and hours, as of `fields`; none is empty.

    first: the first of the times, in seconds since midnight.
    every_hour: all 24 hours are allowed; such a schedule keeps its real-time cadence in a clock change.
    """

    seconds: int
    minutes: int
    hours: int
    first: int = field(init=False, repr=False, compare=False)
    every_hour: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first = lowest(self.hours) * HOUR + lowest(self.minutes) * 60 + lowest(self.seconds)
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "every_hour", self.hours == HOURS.all)

    def next_from(self, second: int) -> int | None:
        """The first of the times at or after `second`; both in seconds since midnight."""
        hour, rest = divmod(second, HOUR)
        if self.hours >> hour & 1:
            minute, rest = divmod(rest, 60)
            if self.minutes >> minute & 1:
                later = self.seconds >> rest
                if later:
                    return second + lowest(later)
            later = self.minutes >> (minute + 1)
            if later:
                minute += 1 + lowest(later)
                return hour * HOUR + minute * 60 + lowest(self.seconds)
        later = self.hours >> (hour + 1)
        if later:
            # `first` is in the lowest hour: move it to the one that was found.
            return (hour + 1 + lowest(later)) * HOUR + self.first % HOUR
        return None
