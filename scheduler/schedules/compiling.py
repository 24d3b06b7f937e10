"""From a trigger's texts to its schedule."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import cast, get_args

from jobstore.trigger_spec import TriggerSpec
from scheduler.calendars.protocol import CalendarTimes
from scheduler.cron import Gap, Overlap, ZoneError, zone
from scheduler.cron.walls import WallTimes
from scheduler.errors import InvalidJob, Violation
from scheduler.schedules.after import After
from scheduler.schedules.at import At
from scheduler.schedules.bounds import Bounds
from scheduler.schedules.calendar_interval import read_calendar_interval
from scheduler.schedules.cron import read_cron
from scheduler.schedules.daily import read_daily
from scheduler.schedules.exclusions import Exclusions
from scheduler.schedules.interval import read_interval
from scheduler.schedules.manual import Manual
from scheduler.schedules.misuse import WALL_CLOCK, misused
from scheduler.schedules.protocol import Schedule
from scheduler.schedules.wall_clock import WallClock
from scheduler.words import check_word


def compile_schedule(trigger: TriggerSpec, key: str = "", calendars: Sequence[CalendarTimes] = ()) -> Schedule:
    """Make a trigger's schedule.

    key: what H in cron fields is hashed from, NAMESPACE/JOB; without one, H is an error.
    calendars: the times of the calendars that the trigger names.

    Raises `InvalidJob` with the trigger's fields that are wrong, and nothing else.
    """
    wrong = [*_wrong_words(trigger), *misused(trigger)]
    walls: WallTimes | None = None
    try:
        walls = _walls(trigger, key)
    except InvalidJob as error:
        wrong.extend(error.violations)
    try:
        where = zone(trigger.time_zone)
    except ZoneError as error:
        wrong.append(Violation("timeZone", str(error)))
    if wrong:
        raise InvalidJob(*wrong)
    schedule: Schedule
    if walls is None:
        schedule = _in_real_time(trigger)
    else:
        gap, overlap = cast(Gap, trigger.gap), cast(Overlap, trigger.overlap)  # checked above
        schedule = WallClock(walls=walls, zone=where, gap=gap, overlap=overlap)
    if trigger.start is not None or trigger.end is not None:
        schedule = Bounds(schedule=schedule, start=trigger.start, end=trigger.end)
    return Exclusions(schedule=schedule, calendars=tuple(calendars)) if calendars else schedule


def _wrong_words(trigger: TriggerSpec) -> Iterator[Violation]:
    if trigger.kind in WALL_CLOCK:
        yield from check_word(trigger.gap, get_args(Gap), "gap")
        yield from check_word(trigger.overlap, get_args(Overlap), "overlap")


def _walls(trigger: TriggerSpec, key: str) -> WallTimes | None:
    """The wall-clock times of a trigger that has such."""
    if trigger.cron is not None:
        return read_cron(trigger.cron, trigger.days, key)
    if trigger.daily is not None:
        return read_daily(trigger.daily, key)
    if trigger.calendar_interval is not None:
        return read_calendar_interval(trigger.calendar_interval)
    return None


def _in_real_time(trigger: TriggerSpec) -> Schedule:
    """The schedule of a trigger that no wall clock matters to."""
    if trigger.interval is not None:
        return read_interval(trigger.interval.every, trigger.start, trigger.interval.offset)
    if trigger.at is not None:
        return At(trigger.at.astimezone(UTC))
    return After(trigger.after) if trigger.after is not None else Manual()
