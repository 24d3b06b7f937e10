"""The events of an iCalendar text as series of times (RFC 5545, section 3.6.1).

* Cancelled events are none. Events that are "transparent" count: published calendars of holidays have them so.
* DTSTART is the first of a series, whether or not its rule names it.
* An event with RECURRENCE-ID stands in for one of the series with its UID, or without such a series for itself.
* An event without end is of no length, and so never matches; a day without end is that day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from scheduler.calendars.ics_text import Event, IcsError, Property
from scheduler.calendars.ics_times import Length, When, read_length, read_when
from scheduler.calendars.recurrence import Recurrence, ended
from scheduler.calendars.recurrence_text import read_recurrence

MOST_SERIES = 500
"""Events with a rule."""
MOST_DATES = 10_000
"""Values of RDATE and EXDATE."""
MOST_A_YEAR = 10_000
"""Starts that the rules name in a year, all together."""
MOST_COUNTED_YEARS = 5_000
"""Years from the first to the last start of the rules with a COUNT, all together."""
MOST_COUNTED = 20_000
"""The sum of all COUNTs."""
LONGEST_IN_SERIES = timedelta(days=366)

Interval = tuple[int, int]
"""since <= instant < until."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """Starts of an event that are not: times on its wall clock, and whole days, by their midnight."""

    times: frozenset[datetime]
    days: frozenset[datetime]

    def __contains__(self, wall: datetime) -> bool:
        return wall in self.times or wall.replace(hour=0, minute=0, second=0) in self.days


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """The starts of an event by its rule, all of one length."""

    first: When
    length: Length
    rule: Recurrence
    left_out: LeftOut

    def between(self, low: datetime, high: datetime) -> Iterator[Interval]:
        """When those last that start on the wall clock from low to before high."""
        for wall in self.rule.starts(low, high):
            start = self.first.at(wall)
            if wall not in self.left_out and start.exists:
                yield start.instant, self.length.end(start)


class EventReader:
    """Reads the events of one text, and counts what has a limit."""

    def __init__(self, where: ZoneInfo) -> None:
        self.singles: list[Interval] = []
        self.series: list[Series] = []
        self._where = where
        self._dates = self._a_year = self._counted = self._counted_years = 0

    def read(self, events: Sequence[Event]) -> None:
        """Raises IcsError for what is wrong or too much."""
        replaced: dict[str, list[When]] = {}
        for event in events:
            instead_of, uid = event.one("RECURRENCE-ID"), event.one("UID")
            if instead_of is not None and uid is not None:
                if "RANGE" in instead_of.params:
                    raise instead_of.error("has RANGE, which is not supported: end the series and begin another")
                found = read_when(instead_of, instead_of.value, self._where)
                replaced.setdefault(uid.value, []).append(found)
        for event in events:
            status, uid = event.one("STATUS"), event.one("UID")
            if status is not None and status.value.upper() == "CANCELLED":
                continue
            overridden = event.one("RECURRENCE-ID") is not None
            self._read(event, replaced.get(uid.value, []) if uid and not overridden else [])

    def _read(self, event: Event, replaced: Sequence[When]) -> None:
        told = event.one("DTSTART")
        if told is None:
            raise IcsError("the event has no DTSTART", event.line)
        first = read_when(told, told.value, self._where)
        length = self._length(event, first)
        out = [*self._dates_of(event, "EXDATE"), *replaced]
        left_out = LeftOut(
            times=frozenset(when.wall_in(first) for when in out if first.is_day or not when.is_day),
            days=frozenset(when.wall for when in out if when.is_day),
        )
        rule = self._rule(event, first, length)
        starts = [(first, length), *self._more_starts(event, first, length)]
        self.singles += [(start.instant, of.end(start)) for start, of in starts if start.wall_in(first) not in left_out]
        if rule is not None:
            self.series.append(Series(first=first, length=length, rule=rule, left_out=left_out))
            if len(self.series) > MOST_SERIES:
                raise IcsError(f"has more than {MOST_SERIES} events with an RRULE", event.line)

    def _length(self, event: Event, first: When) -> Length:
        told, duration = event.one("DTEND"), event.one("DURATION")
        if told is not None and duration is not None:
            raise duration.error("stands beside a DTEND; one of the two is allowed")
        if duration is not None:
            length = read_length(duration)
            if first.is_day and length.seconds:
                raise duration.error("has hours, though the event begins on a day, not at a time")
            return length
        if told is None:
            return Length(days=int(first.is_day))
        end = read_when(told, told.value, self._where)
        if end.is_day is not first.is_day:
            raise told.error("and DTSTART must both be days, or both be times")
        days = (end.wall - first.wall).days
        if (days if first.is_day else end.instant - first.instant) < 0:
            raise told.error("is before the DTSTART of the event")
        return Length(days=days) if first.is_day else Length(seconds=end.instant - first.instant)

    def _rule(self, event: Event, first: When, length: Length) -> Recurrence | None:
        if event.all("EXRULE"):
            raise event.all("EXRULE")[0].error("is not supported (RFC 5545 deprecates it); use EXDATE")
        told = event.one("RRULE")
        if told is None:
            return None
        if timedelta(days=length.days, seconds=length.seconds) > LONGEST_IN_SERIES:
            raise told.error(f"is the rule of an event that lasts longer than {LONGEST_IN_SERIES.days} days")
        rule, count = read_recurrence(told, first, self._where)
        self._a_year += rule.most_in_a_year()
        if self._a_year > MOST_A_YEAR:
            raise told.error(f"and the rules before it may recur more than {MOST_A_YEAR} times in a year")
        if count is not None:
            self._counted += count
            if self._counted > MOST_COUNTED:
                raise told.error(f"and the rules before it have a COUNT of more than {MOST_COUNTED} in all; use UNTIL")
            rule, years = ended(rule, first, count)
            self._counted_years += years
            if self._counted_years > MOST_COUNTED_YEARS:
                raise told.error(
                    f"and the rules before it that have a COUNT last longer than {MOST_COUNTED_YEARS} years in all; "
                    "use UNTIL"
                )
        return rule

    def _more_starts(self, event: Event, first: When, length: Length) -> Iterator[tuple[When, Length]]:
        """The RDATEs: starts, and whole periods."""
        for found in event.all("RDATE"):
            for text in self._values(found):
                begin, slash, end = text.partition("/")
                start = read_when(found, begin, self._where)
                if slash and end.startswith(("P", "+P")):
                    yield start, read_length(Property(name="RDATE", params={}, value=end, line=found.line))
                elif slash:
                    yield start, Length(seconds=max(0, read_when(found, end, self._where).instant - start.instant))
                else:
                    yield (first.at(start.wall_in(first)) if first.is_day else start), length

    def _dates_of(self, event: Event, name: str) -> Iterator[When]:
        for found in event.all(name):
            for text in self._values(found):
                yield read_when(found, text, self._where)

    def _values(self, found: Property) -> list[str]:
        texts = found.value.split(",")
        self._dates += len(texts)
        if self._dates > MOST_DATES:
            raise IcsError(f"has more than {MOST_DATES} dates in RDATE and EXDATE", found.line)
        return texts


def _midnight(wall: datetime) -> datetime:
    return wall.replace(hour=0, minute=0, second=0)
