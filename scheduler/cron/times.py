"""The times of the day that an expression names."""

from dataclasses import dataclass, field

from .fields import HOURS, highest, lowest

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class TimesOfDay:
    """Sets of seconds, minutes and hours, as of `fields`; none is empty.

    first, last: the first and the last of the times, in seconds since midnight.
    every_hour: all 24 hours are allowed; such a schedule keeps its real-time cadence in a clock change.
    """

    seconds: int
    minutes: int
    hours: int
    first: int = field(init=False, repr=False, compare=False)
    last: int = field(init=False, repr=False, compare=False)
    every_hour: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        first = lowest(self.hours) * HOUR + lowest(self.minutes) * MINUTE + lowest(self.seconds)
        last = highest(self.hours) * HOUR + highest(self.minutes) * MINUTE + highest(self.seconds)
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "last", last)
        object.__setattr__(self, "every_hour", self.hours == HOURS.all)

    def next_from(self, second: int) -> int | None:
        """The first of the times at or after `second`; both in seconds since midnight."""
        hour = second // HOUR
        if self.hours >> hour & 1:
            minute = second // MINUTE % 60
            if self.minutes >> minute & 1:
                later = self.seconds >> second % MINUTE
                if later:
                    return second + (later & -later).bit_length() - 1
            later = self.minutes >> (minute + 1)
            if later:
                # `first` has the lowest second: move it to the minute that was found.
                minute += (later & -later).bit_length()
                return hour * HOUR + minute * MINUTE + self.first % MINUTE
        later = self.hours >> (hour + 1)
        if later:
            return (hour + (later & -later).bit_length()) * HOUR + self.first % HOUR
        return None

    def previous_from(self, second: int) -> int | None:
        """The last of the times at or before `second`; both in seconds since midnight."""
        hour = second // HOUR
        if self.hours >> hour & 1:
            minute = second // MINUTE % 60
            if self.minutes >> minute & 1:
                earlier = self.seconds & ((2 << second % MINUTE) - 1)
                if earlier:
                    return second - second % MINUTE + highest(earlier)
            earlier = self.minutes & ((1 << minute) - 1)
            if earlier:
                return hour * HOUR + highest(earlier) * MINUTE + self.last % MINUTE
        earlier = self.hours & ((1 << hour) - 1)
        if earlier:
            return highest(earlier) * HOUR + self.last % HOUR
        return None

    def count_before(self, second: int) -> int:
        """How many of the times are before `second`, which is at most a day since midnight."""
        hour, minute = second // HOUR, second // MINUTE % 60
        in_minute = self.seconds.bit_count()
        in_hour = self.minutes.bit_count() * in_minute
        count = (self.hours & ((1 << hour) - 1)).bit_count() * in_hour
        if self.hours >> hour & 1:
            count += (self.minutes & ((1 << minute) - 1)).bit_count() * in_minute
            if self.minutes >> minute & 1:
                count += (self.seconds & ((1 << second % MINUTE) - 1)).bit_count()
        return count
