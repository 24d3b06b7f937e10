"""The fires that lie ahead of a job."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice, takewhile

from cronquorum.durations import format_duration
from jobstore.model import Job, TriggerRecord
from jobstore.trigger_spec import TriggerSpec
from scheduler.cron.remarks import remark, unfired
from scheduler.jitter import jitter_of
from scheduler.leader.proposing import next_fire_of
from scheduler.schedules import Schedule
from scheduler.schedules.wall_clock import WallClock
from scheduler.schedules.wrapping import wall_clock_of

Check = Callable[[], None]
"""Raises when enough time was spent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fire:
    """One fire of a trigger at its scheduled time. `remark` says what a clock change and its jitter do to it."""

    trigger: str
    time: datetime
    time_zone: str
    remark: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ahead:
    """How far to look: so many fires, none later than `until`; and from when."""

    now: datetime
    count: int
    until: datetime | None


def next_fires(job: Job, schedules: Mapping[str, Schedule], ahead: Ahead, check: Check) -> list[Fire]:
    """The fires of all triggers, by time, then trigger; of a paused job: if it were resumed now.

    schedules: by the names of triggers; one that is missing has no fires. check: called before each search.
    """
    found = []
    for record in job.triggers:
        spec, schedule = job.spec.trigger(record.name), schedules.get(record.name)
        if spec is not None and schedule is not None and not record.error:
            times = _times(job, record, spec, schedule, ahead.now, check)
            found.append(_fires(record, spec, wall_clock_of(schedule), times, ahead.now))
    fires = heapq.merge(*found, key=lambda fire: (fire.time, fire.trigger))
    until = ahead.until
    return list(islice(fires if until is None else takewhile(lambda fire: fire.time <= until, fires), ahead.count))


def _times(
    job: Job, record: TriggerRecord, spec: TriggerSpec, schedule: Schedule, now: datetime, check: Check
) -> Iterator[datetime]:
    left = None if spec.max_fires is None else max(0, spec.max_fires - record.fires)
    return islice(_endless(job, record, spec, schedule, now, check), left)


def _endless(
    job: Job, record: TriggerRecord, spec: TriggerSpec, schedule: Schedule, now: datetime, check: Check
) -> Iterator[datetime]:
    due = record.next_fire
    if spec.after is not None:
        if due is not None:
            yield due  # the one behind it comes so long after the end of an execution: nobody knows when
        return
    if job.paused:
        check()
        due = next_fire_of(spec, schedule, record, now, same=True)
    while due is not None:
        yield due
        check()
        due = schedule.next_after(due)


def _fires(
    record: TriggerRecord, spec: TriggerSpec, wall: WallClock | None, times: Iterator[datetime], now: datetime
) -> Iterator[Fire]:
    since = now if spec.start is None else max(now, spec.start)
    for time in times:
        said = [] if wall is None else _of_clock(wall, since, time)
        delay = jitter_of(record.uid, time, spec.jitter)
        if delay:
            said.append(f"jitter: {format_duration(delay)} later")
        yield Fire(trigger=record.name, time=time, time_zone=spec.time_zone, remark="; ".join(said))
        since = time


def _of_clock(wall: WallClock, since: datetime, time: datetime) -> list[str]:
    """What clock changes do to this fire, and to those that would have been since."""
    said = unfired(wall.walls, since, time, wall.zone, wall.gap)
    own = remark(wall.walls, time, wall.zone, wall.gap, wall.overlap)
    return [*said, own] if own else said
