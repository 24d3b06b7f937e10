"""What to say of a fire that a clock change has moved, doubled or dropped.

For people who read a list of fires: "02:30 does not exist that day (clocks go forward 02:00 -> 03:00): fires at
03:00". The rules are those of `search`; here they are only worded. A clock change by which nothing happens to a
schedule is not mentioned.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from .expression import CronExpression
from .offsets import Span, span_at
from .phrases import joined
from .search import CALENDAR_CHANGE, Gap, Overlap
from .times import DAY

_NAMED = 2  # missing times that are named; of more it is said that there are others
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_WALL = ZoneInfo("UTC")  # a wall-clock time is asked for as if it were one of UTC
_FIRST_INSTANT = -2 * DAY  # nothing fires before 1970, in whatever zone


def remark(
    schedule: CronExpression | bool, fire: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first"
) -> str | None:
    """What a clock change has to do with `fire`, an instant at which the schedule fires; None: nothing.

    schedule: the expression; or, for a schedule of wall-clock times that is no cron expression, whether it is one
    of every hour. Of such a schedule it is not known which times it names, so that a fire at the end of a gap is
    said to be there, and not what it stands for.
    """
    every_hour = _every_hour(schedule)
    instant = _seconds(fire)
    span = span_at(zone, instant)
    wall = instant + span.offset
    if every_hour:
        # Its cadence is kept, and only looks as if it were not.
        return f"repeated time ({_change_before(zone, span)})" if wall < span.once_from else None
    if gap == "after" and instant == span.start and 0 < span.offset - span.before < CALENDAR_CHANGE:
        return _after_gap(schedule, _Change(at=instant, before=span.before, after=span.offset))
    if span.once_from <= wall < span.once_until:
        return None
    which, change = (
        ("second", _change_before(zone, span)) if wall < span.once_from else ("first", _change_after(zone, span))
    )
    of_two = " of two fires" if overlap == "both" else ""
    return f"{_clock(wall)} occurs twice that day ({change}): the {which}{of_two}"


def unfired(
    expression: CronExpression, after: datetime, until: datetime, zone: ZoneInfo, gap: Gap = "after"
) -> list[str]:
    """The times that the expression names and that no fire stands for, at the clock changes after < change <= until.

    They are those in gaps when `gap` is `skip`, and those that a change of calendar leaves out. One text for each
    change: "02:30 does not exist on 2026-03-08 (clocks go forward 02:00 -> 03:00): no fire".
    """
    if _every_hour(expression):
        return []
    return [
        f"{names} on {_date(change.at + change.before)} ({change}): no fire"
        for change in _changes(zone, max(_seconds(after), _FIRST_INSTANT), _seconds(until))
        if (gap == "skip" or change.is_of_calendar) and (names := _missing(expression, change))
    ]


def remarked(
    expression: CronExpression, after: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first"
) -> Iterator[tuple[datetime, str | None]]:
    """The fires after an instant, each with all that is to be said of it and of the times left out before it."""
    while (fire := expression.next_after(after, zone, gap, overlap)) is not None:
        said = unfired(expression, after, fire, zone, gap)
        if own := remark(expression, fire, zone, gap, overlap):
            said.append(own)
        yield fire, "; ".join(said) or None
        after = fire


@dataclass(frozen=True, kw_only=True, slots=True)
class _Change:
    """A clock change: its instant, and the offsets from UTC before and after it; in seconds."""

    at: int
    before: int
    after: int

    @property
    def is_of_calendar(self) -> bool:
        return self.after - self.before >= CALENDAR_CHANGE

    def __str__(self) -> str:
        old, new = self.at + self.before, self.at + self.after
        if self.is_of_calendar:
            return f"the calendar goes from {_date(old)} {_clock(old)} to {_date(new)} {_clock(new)}"
        return f"clocks go {'forward' if new > old else 'back'} {_clock(old)} -> {_clock(new)}"


def _after_gap(schedule: CronExpression | bool, change: _Change) -> str | None:
    end = _clock(change.at + change.after)
    if isinstance(schedule, bool):
        return f"{end} is the first time after a gap ({change})"
    names = _missing(schedule, change)
    return f"{names} that day ({change}): fires at {end}" if names else None


def _missing(expression: CronExpression, change: _Change) -> str:
    """Which of the times that the expression names are not there: "02:30 does not exist"; empty when none are."""
    first, end = (_EPOCH + timedelta(seconds=change.at + offset) for offset in (change.before, change.after))
    walls = expression.fires(first - _SECOND, end, _WALL)
    names = [_clock(_seconds(wall)) for wall in islice(walls, _NAMED + 1)]
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and others do not exist"
    return f"{joined(names)} {'does' if len(names) == 1 else 'do'} not exist" if names else ""


def _changes(zone: ZoneInfo, first: int, last: int) -> Iterator[_Change]:
    """The clock changes first < at <= last."""
    span = span_at(zone, first)
    while span.end <= last:
        following = span_at(zone, span.end)
        if following.offset != span.offset:
            yield _Change(at=span.end, before=span.offset, after=following.offset)
        span = following


def _change_before(zone: ZoneInfo, span: Span) -> _Change:
    """The change at which a span begins; spans are cut where there is none, too. There must be one."""
    earlier = span_at(zone, span.start - 1)
    while earlier.offset == span.offset:
        span, earlier = earlier, span_at(zone, earlier.start - 1)
    return _Change(at=span.start, before=earlier.offset, after=span.offset)


def _change_after(zone: ZoneInfo, span: Span) -> _Change:
    """The change at which a span ends; as of `_change_before`."""
    later = span_at(zone, span.end)
    while later.offset == span.offset:
        span, later = later, span_at(zone, later.end)
    return _Change(at=span.end, before=span.offset, after=later.offset)


def _every_hour(schedule: CronExpression | bool) -> bool:
    return schedule if isinstance(schedule, bool) else schedule.times.every_hour


def _seconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return since.days * DAY + since.seconds


def _date(wall: int) -> str:
    return (_EPOCH + timedelta(seconds=wall)).date().isoformat()


def _clock(wall: int) -> str:
    time = (_EPOCH + timedelta(seconds=wall)).time()
    return time.isoformat("seconds" if time.second else "minutes")
