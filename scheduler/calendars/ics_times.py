"""Dates, times and durations of an iCalendar text (RFC 5545, sections 3.3.4 to 3.3.6)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from jobstore.spec_values import MAX_YEAR, MIN_YEAR
from scheduler.calendars.ics_text import Property
from scheduler.calendars.local_days import EPOCH, first_instant
from scheduler.calendars.parts import DAY
from scheduler.cron import ZoneError, zone

_WHEN = re.compile(r"\d{8}(T\d{6}Z?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = 1600  # a year: 1601 and 1604 stand for "any year" in some programs
_LATEST = datetime(MAX_YEAR + 100, 1, 1, tzinfo=UTC).replace(tzinfo=None)  # later ones (9999 is common) are as good
_LONGEST = timedelta(days=36_600)
# One year more than there are answers for: no offset reaches so far.
_FIRST_DAY = date(MIN_YEAR - 1, 1, 1).toordinal() - EPOCH
_LAST_DAY = date(MAX_YEAR + 2, 1, 1).toordinal() - EPOCH


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """A day, or a time, on the wall clock of a zone; `wall` is naive, and midnight for a day."""

    wall: datetime
    zone: ZoneInfo
    is_day: bool

    @property
    def instant(self) -> int:
        """Seconds since 1970-01-01 UTC. Of a day its first instant; of a time that occurs twice the first, and
        one that a clock change skips is told by the offset before (section 3.3.5)."""
        if self.is_day:
            day = self.wall.toordinal() - EPOCH
            return first_instant(self.zone, min(max(day, _FIRST_DAY), _LAST_DAY) * DAY)
        since = self.wall.replace(tzinfo=self.zone) - _EPOCH
        return since.days * DAY + since.seconds

    @property
    def exists(self) -> bool:
        """Whether a wall clock ever shows it."""
        return self.is_day or datetime.fromtimestamp(self.instant, self.zone).replace(tzinfo=None) == self.wall

    def at(self, wall: datetime) -> "When":
        """Another one of this kind and zone."""
        return When(wall=wall, zone=self.zone, is_day=self.is_day)

    def wall_in(self, other: "When") -> datetime:
        """What the wall clock of the other one's zone shows; a day is the same everywhere."""
        if self.is_day or other.is_day or self.zone.key == other.zone.key:
            return self.wall.replace(hour=0, minute=0, second=0) if other.is_day else self.wall
        return self.wall.replace(tzinfo=self.zone).astimezone(other.zone).replace(tzinfo=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """Days, which are as long as the wall clock makes them, and then seconds."""

    days: int = 0
    seconds: int = 0

    def end(self, start: When) -> int:
        """The instant at which something ends that begins then."""
        if not self.days:
            return start.instant + self.seconds
        return start.at(start.wall + timedelta(days=self.days)).instant + self.seconds


def read_when(found: Property, value: str, where: ZoneInfo) -> When:
    """A date or a time. Without a zone of its own it is on the wall clock of `where`. Raises IcsError."""
    from icalendar.prop import vDate, vDatetime

    try:
        if not _WHEN.fullmatch(value):
            raise ValueError
        read = vDate.from_ical(value) if len(value) == 8 else vDatetime.from_ical(value.removesuffix("Z"))
    except ValueError:
        raise found.error("is not a date such as 20261224, nor a time such as 20261224T180000Z") from None
    if read.year < _EARLIEST:
        raise found.error(f"is before the year {_EARLIEST}")
    is_day = not isinstance(read, datetime)
    wall = min(datetime.combine(read, time()) if not isinstance(read, datetime) else read, _LATEST)
    name = found.params.get("TZID")
    if value.endswith("Z"):
        where = zone("UTC")
    elif name is not None and not is_day:
        where = _zone(found, name)
    return When(wall=wall, zone=where, is_day=is_day)


def read_length(found: Property) -> Length:
    """A DURATION. Raises IcsError."""
    from icalendar.prop import vDuration

    try:
        days, _, seconds = found.value.partition("T")  # 24 hours are not a day, as `vDuration` would have it
        nominal = vDuration.from_ical(days).days
        exact = vDuration.from_ical(f"PT{seconds}").total_seconds() if seconds else 0
    except ValueError:
        raise found.error("is not a duration such as PT1H30M or P1D") from None
    if found.value.startswith("-"):
        raise found.error("is negative")
    if timedelta(days=nominal) + timedelta(seconds=exact) > _LONGEST:
        raise found.error(f"is longer than {_LONGEST.days} days")
    return Length(days=nominal, seconds=int(exact))


def _zone(found: Property, name: str) -> ZoneInfo:
    """By its name in the IANA database, or that which Windows gives it. What a VTIMEZONE says is not looked at."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    try:
        return zone(WINDOWS_TO_OLSON.get(name, name))
    except ZoneError as error:
        raise found.error(f"has a TZID that is not in the time zone database: {error}") from None
