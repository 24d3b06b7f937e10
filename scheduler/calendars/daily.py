"""A window of every day on the wall clock, `22:00` to `06:00`, the end not included.

It matches whenever the wall clock shows a time inside. So when the clock changes, a window lasts longer or shorter,
and one that lies in a gap is not there that day.
"""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from cronquorum.names import shown
from jobstore.calendar_spec import DailyWindow
from scheduler.calendars.parts import DAY, HOUR, MINUTE, Always, Part, Stretch
from scheduler.cron.offsets import span_at
from scheduler.errors import InvalidJob, Violation

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Daily:
    """A window, in seconds since midnight: from `begin`, for `length` seconds, over midnight as well."""

    zone: ZoneInfo
    begin: int
    length: int

    def at(self, instant: int) -> Stretch:
        span = span_at(self.zone, instant)
        latest = instant - (instant + span.offset - self.begin) % DAY  # when it began, but for a clock change
        matches = instant < latest + self.length
        since, until = (latest, latest + self.length) if matches else (latest + self.length, latest + DAY)
        return Stretch(matches, max(since, span.start), min(until, span.end))


def compile_daily(window: DailyWindow, zone: ZoneInfo) -> Part:
    """The window, in the zone. Raises `InvalidJob` for times that are none, and for an empty window."""
    wrong: list[Violation] = []
    begin, end = _time(window.from_, "from", wrong), _time(window.to, "to", wrong)
    if begin == DAY:
        wrong.append(Violation("daily.from", "24:00 ends a day: write 00:00"))
    elif begin == end and not wrong:
        problem = f"{shown(window.to)} is also `from`, so the window is empty; a whole day is 00:00 to 24:00"
        wrong.append(Violation("daily.to", problem))
    if wrong:
        raise InvalidJob(*wrong)
    if end - begin == DAY:
        return Always()
    return Daily(zone=zone, begin=begin, length=(end - begin) % DAY)


def _time(text: str, field: str, wrong: list[Violation]) -> int:
    """Seconds since midnight."""
    if text in ("24:00", "24:00:00"):
        return DAY
    match = _TIME.fullmatch(text)
    if match is None:
        wrong.append(Violation(f"daily.{field}", f"{shown(text)} is not a time of day such as 06:00 or 22:30:15"))
        return 0
    return int(match[1]) * HOUR + int(match[2]) * MINUTE + int(match[3] or 0)
