"""The times of the events in an iCalendar text: it matches while an event lasts."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from jobstore.calendar_spec import IcsSpec
from scheduler.calendars.ics_events import EventReader, Interval, Series
from scheduler.calendars.ics_text import IcsError, read_events
from scheduler.calendars.parts import END, FIRST, Stretch
from scheduler.errors import InvalidJob, Violation

YEARS_KEPT = 16
_MARGIN = timedelta(days=2)
"""More than any offset from UTC."""


class IcsTimes:
    """Events that are there once, and series, of which a year (of UTC) at a time is worked out and kept."""

    def __init__(self, singles: Iterable[Interval], series: Sequence[Series]) -> None:
        self._singles = merged(singles)
        self._series = series
        self._year = lru_cache(maxsize=YEARS_KEPT)(self._times)

    def at(self, instant: int) -> Stretch:
        low, high, times = self._year(datetime.fromtimestamp(instant, UTC).year if self._series else None)
        place = bisect_right(times, instant, key=_since)
        since, until = times[place - 1] if place else (low, low)
        if instant < until:
            return Stretch(True, max(since, low), min(until, high))
        return Stretch(False, max(until, low), times[place][0] if place < len(times) else high)

    def _times(self, year: int | None) -> tuple[int, int, list[Interval]]:
        """A stretch of time, and when it matches in there; without series there is one stretch."""
        if year is None:
            return FIRST, END, self._singles
        begin = datetime(year, 1, 1, tzinfo=UTC)
        low, high = int(begin.timestamp()), int(begin.replace(year=year + 1).timestamp())
        wall = begin.replace(tzinfo=None)
        found = self._singles[
            bisect_right(self._singles, low, key=_until) : bisect_left(self._singles, high, key=_since)
        ]
        for series in self._series:
            longest = timedelta(days=series.length.days, seconds=series.length.seconds)
            found += series.between(wall - _MARGIN - longest, wall.replace(year=year + 1) + _MARGIN)
        return low, high, [times for times in merged(found) if times[0] < high and low < times[1]]


def compile_ics(spec: IcsSpec, zone: ZoneInfo) -> IcsTimes:
    """The events of the text. Days, and times without a zone, are on the wall clock of `zone`. Raises `InvalidJob`
    with what is wrong first in the text, and for a file, which only the client can read."""
    if spec.file is not None:
        raise InvalidJob(
            Violation("ics.file", "is read by the client (schedctl apply); the server takes the text, in `text`")
        )
    if spec.text is None:
        raise InvalidJob(Violation("ics.text", "is missing"))
    reader = EventReader(zone)
    try:
        reader.read(read_events(spec.text))
    except IcsError as error:
        raise InvalidJob(Violation("ics.text", str(error))) from None
    return IcsTimes(reader.singles, reader.series)


def merged(times: Iterable[Interval]) -> list[Interval]:
    """The same times in order, none empty, and no two touching."""
    result: list[Interval] = []
    for since, until in sorted(times):
        if since >= until:
            continue
        if result and since <= result[-1][1]:
            result[-1] = result[-1][0], max(result[-1][1], until)
        else:
            result.append((since, until))
    return result


def _since(times: Interval) -> int:
    return times[0]


def _until(times: Interval) -> int:
    return times[1]
