"""What to say of a fire that a clock change has moved, doubled or dropped.

For people who read a list of fires: "02:30 does not exist that day (clocks go forward 02:00 -> 03:00): fires at
03:00". The rules are those of `search`; here they are only worded. A clock change by which nothing happens to a
schedule is not mentioned. As in `search`, whatever names wall-clock times can be asked about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from .months import LAST_DAY
from .offsets import Span, span_at
from .phrases import joined
from .search import CALENDAR_CHANGE, Gap, Overlap, next_fire
from .times import DAY
from .walls import WallTimes

_NAMED = 2  # missing times that are named; of more it is said that there are others
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_INSTANT = -2 * DAY  # nothing fires before 1970, in whatever zone
_LAST_INSTANT = (LAST_DAY + 2) * DAY  # nor after 2199


def remark(
    walls: WallTimes, fire: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first"
) -> str | None:
    """What a clock change has to do with `fire`, an instant at which a schedule of these times fires; None: nothing."""
    instant = _seconds(fire)
    span = span_at(zone, instant)
    wall = instant + span.offset
    if walls.every_hour:
        # Its cadence is kept, and only looks as if it were not.
        return f"repeated time ({_change_before(zone, span)})" if wall < span.once_from else None
    if gap == "after" and instant == span.start and 0 < span.offset - span.before < CALENDAR_CHANGE:
        return _after_gap(walls, _Change(at=instant, before=span.before, after=span.offset))
    if span.once_from <= wall < span.once_until:
        return None
    which, change = (
        ("second", _change_before(zone, span)) if wall < span.once_from else ("first", _change_after(zone, span))
    )
    of_two = " of two fires" if overlap == "both" else ""
    return f"{_clock(wall)} occurs twice that day ({change}): the {which}{of_two}"


def unfired(walls: WallTimes, after: datetime, until: datetime, zone: ZoneInfo, gap: Gap = "after") -> list[str]:
    """The times that are named and that no fire stands for, at the clock changes after < change <= until.

    They are those in gaps when `gap` is `skip`, and those that a change of calendar leaves out. One text for each
    change: "02:30 does not exist on 2026-03-08 (clocks go forward 02:00 -> 03:00): no fire".
    """
    changes = _unfired(walls, _seconds(after), _seconds(until), zone, gap)
    return [f"{_dropped(names, change)}: no fire" for names, change in changes]


def left_out(walls: WallTimes, after: datetime, until: datetime | None, zone: ZoneInfo, gap: Gap = "after") -> str:
    """Why a schedule that has no fire there has none; empty when clock changes are no reason.

    until: None: as far as there are times.

    "02:30 does not exist on 2027-03-14 (clocks go forward 02:00 -> 03:00), and gap is skip"
    """
    changes = _unfired(walls, _seconds(after), _LAST_INSTANT if until is None else _seconds(until), zone, gap)
    first = next(changes, None)
    if first is None:
        return ""
    names, change = first
    policy = "" if change.is_of_calendar else ", and gap is skip"
    others = sum(1 for _ in changes)
    also = f"; the same at {others} later change{'s' if others > 1 else ''}" if others else ""
    return f"{_dropped(names, change)}{policy}{also}"


def remarked(
    walls: WallTimes, after: datetime, zone: ZoneInfo, gap: Gap = "after", overlap: Overlap = "first"
) -> Iterator[tuple[datetime, str | None]]:
    """The fires after an instant, each with all that is to be said of it and of the times left out before it."""
    while (found := next_fire(walls, zone, _seconds(after) + 1, gap, overlap)) is not None:
        fire = datetime.fromtimestamp(found, UTC)
        said = unfired(walls, after, fire, zone, gap)
        if own := remark(walls, fire, zone, gap, overlap):
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


def _after_gap(walls: WallTimes, change: _Change) -> str | None:
    names = _missing(walls, change)
    return f"{names} that day ({change}): fires at {_clock(change.at + change.after)}" if names else None


def _unfired(walls: WallTimes, after: int, until: int, zone: ZoneInfo, gap: Gap) -> Iterator[tuple[str, _Change]]:
    if walls.every_hour:
        return
    for change in _changes(zone, max(after, _FIRST_INSTANT), min(until, _LAST_INSTANT)):
        if (gap == "skip" or change.is_of_calendar) and (names := _missing(walls, change)):
            yield names, change


def _dropped(names: str, change: _Change) -> str:
    return f"{names} on {_date(change.at + change.before)} ({change})"


def _missing(walls: WallTimes, change: _Change) -> str:
    """Which of the times that are named are not there: "02:30 does not exist"; empty when none are."""
    names: list[str] = []
    end = change.at + change.after
    wall = walls.next_wall(change.at + change.before)
    while wall is not None and wall < end and len(names) <= _NAMED:
        names.append(_clock(wall))
        wall = walls.next_wall(wall + 1)
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


def _seconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return since.days * DAY + since.seconds


def _date(wall: int) -> str:
    return (_EPOCH + timedelta(seconds=wall)).date().isoformat()


def _clock(wall: int) -> str:
    time = (_EPOCH + timedelta(seconds=wall)).time()
    return time.isoformat("seconds" if time.second else "minutes")
