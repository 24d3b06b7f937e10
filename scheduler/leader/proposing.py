"""What an edit makes of jobs and calendars: pure, given what there is and when.

A trigger's next fire is decided anew by an edit, from that moment on. Three kinds of triggers keep the one that
they have as long as their schedule stays the same: one that goes through missed fires, one that waits for the end
of its own execution, and one whose delay since that end is not over.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime

from jobstore.calendar_spec import CalendarSpec
from jobstore.ids import new_id
from jobstore.model import Calendar, Job, TriggerRecord
from jobstore.trigger_spec import TriggerSpec, calendar_name
from scheduler.definitions import Definition
from scheduler.errors import InvalidJob, Violation
from scheduler.schedules import Schedule, is_due, wall_clock_of

Name = tuple[str, str]
"""Namespace and name."""

ScheduleOf = Callable[[TriggerSpec], Schedule]
"""Compiles a trigger of the job in question. May raise `InvalidJob`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A job as somebody wants it to be; checked already. `schedules` are its triggers', by their names."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    definition: Definition
    schedules: Mapping[str, Schedule]


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarProposal:
    """A calendar as somebody wants it to be; checked already."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    spec: CalendarSpec


def propose_calendar(proposal: CalendarProposal, current: Calendar | None, now: datetime) -> Calendar:
    """The calendar as it will be; the very same value when nothing changes."""
    if current is not None and current.spec == proposal.spec and dict(current.labels) == dict(proposal.labels):
        return current
    return Calendar(
        uid=current.uid if current else new_id(now),
        namespace=proposal.namespace,
        name=proposal.name,
        labels=dict(proposal.labels),
        revision=current.revision + 1 if current else 1,
        spec=proposal.spec,
        created=current.created if current else now,
        updated=now,
    )


def propose(proposal: Proposal, schedules: Mapping[str, Schedule], current: Job | None, now: datetime) -> Job:
    """The job as it will be; the very same value when nothing changes.

    Raises `InvalidJob` for a trigger that would never fire.
    """
    spec = proposal.definition.spec
    paused = spec.paused if spec.paused is not None else bool(current and current.paused)
    if (
        current is not None
        and current.spec == spec
        and dict(current.labels) == dict(proposal.labels)
        and current.paused == paused
        and not any(trigger.error for trigger in current.triggers)
    ):
        return current
    known = {trigger.name: trigger for trigger in current.triggers} if current else {}
    triggers, wrong = [], []
    for place, trigger in enumerate(spec.triggers):
        before = known.get(trigger.name)
        old = current.spec.trigger(trigger.name) if current else None
        same = old is not None and old.same_schedule(trigger)
        schedule = schedules[trigger.name]
        next_fire = next_fire_of(trigger, schedule, before, now, same=same)
        found = next_fire is not None and (not trigger.calendars or is_due(schedule, next_fire))
        if not found and not same and not trigger.manual:
            wrong.append(_nothing_left(trigger, schedule, before, next_fire, now).under(f"spec.triggers[{place}]"))
        triggers.append(
            TriggerRecord(
                uid=before.uid if before else new_id(now),
                name=trigger.name,
                next_fire=None if paused else next_fire,
                previous_fire=before.previous_fire if before else None,
                fires=before.fires if before else 0,
                since=before.since if before and same else now,
                missed_until=before.missed_until if before and same else None,
            )
        )
    if wrong:
        raise InvalidJob(*wrong)
    return Job(
        uid=current.uid if current else new_id(now),
        namespace=proposal.namespace,
        name=proposal.name,
        labels=dict(proposal.labels),
        revision=current.revision + 1 if current else 1,
        spec=spec,
        paused=paused,
        paused_since=(current.paused_since if current and current.paused else now) if paused else None,
        created=current.created if current else now,
        updated=now,
        triggers=tuple(triggers),
    )


def next_fire_of(
    trigger: TriggerSpec, schedule: Schedule, record: TriggerRecord | None, now: datetime, *, same: bool
) -> datetime | None:
    """A trigger's next fire from now on; `same`: its schedule is what it was.

    What has fired does not again, should this node's clock be the slower one.
    """
    if trigger.max_fires is not None and record is not None and record.fires >= trigger.max_fires:
        return None
    if record is None:
        return schedule.first_from(now) if trigger.after is not None else schedule.next_after(now)
    if same and record.next_fire is not None and (trigger.after is not None or record.next_fire <= now):
        return record.next_fire
    return schedule.next_after(now if record.previous_fire is None else max(now, record.previous_fire))


def _nothing_left(
    trigger: TriggerSpec,
    schedule: Schedule,
    record: TriggerRecord | None,
    searched: datetime | None,
    now: datetime,
) -> Violation:
    if trigger.max_fires is not None and record is not None and record.fires >= trigger.max_fires:
        told = f"{trigger.max_fires}: it was due {record.fires} times already, so it has no fire left"
        return Violation("maxFires", told)
    wall = wall_clock_of(schedule)
    since = now if trigger.start is None else max(now, trigger.start)
    if wall is not None and (why := wall.left_out(since, trigger.end)):
        return Violation(trigger.kind, f"it has no fire left: {why}")
    if trigger.calendars:
        reach = f" until {searched:%Y-%m-%dT%H:%M:%SZ}, which is as far as they were searched" if searched else ""
        names = ", ".join(trigger.calendars)
        return Violation("calendars", f"they exclude every fire that is left{reach} ({names})")
    if trigger.end is not None:
        return Violation("end", "there is no fire left before it")
    shown = f"{trigger.cron!r} has" if trigger.cron is not None else "it has"
    return Violation(trigger.kind, f"{shown} no fire left")


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A trigger whose next fire is another one, since a calendar changed."""

    namespace: str
    job: str
    trigger: str
    before: datetime | None
    after: datetime | None
    calendars: frozenset[Name]


def renew(
    job: Job, names: Set[Name], schedule_of: ScheduleOf, before_of: ScheduleOf, now: datetime
) -> tuple[Job, list[Moved]]:
    """A job whose triggers have some of these calendars, which have changed; the very same value when no next
    fire does. `before_of` compiles by the calendars as they were.

    Raises `InvalidJob`, with the place in the calendar, when a trigger that had a fire left would have none.
    """
    moved: list[Moved] = []
    triggers: list[TriggerRecord] = []
    for before in job.triggers:
        spec = job.spec.trigger(before.name)
        record = before
        if spec is not None and _calendars(spec, job.namespace) & names:
            schedule = schedule_of(spec)
            goes_on = _is_over(spec, before) or _fires(schedule, now)
            if not goes_on and _had_fires(spec, before_of, now):
                told = f"it would exclude every fire of trigger {before.name} of job {job.namespace}/{job.name}"
                raise InvalidJob(Violation("spec", told))
            if not job.paused:
                record = _renewed(before, spec, schedule, before_of, now)
        if spec is not None and record is not before:
            moved.append(
                Moved(
                    namespace=job.namespace,
                    job=job.name,
                    trigger=record.name,
                    before=before.next_fire,
                    after=record.next_fire,
                    calendars=_calendars(spec, job.namespace),
                )
            )
        triggers.append(record)
    return (replace(job, triggers=tuple(triggers)) if moved else job), moved


def _same_until(first: datetime, now: datetime, spec: TriggerSpec, schedule: Schedule, before_of: ScheduleOf) -> bool:
    """Whether what was due up to now still is."""
    try:
        return is_due(schedule, first) and schedule.count(first, now) == before_of(spec).count(first, now)
    except InvalidJob:
        return False


def _had_fires(spec: TriggerSpec, before_of: ScheduleOf, now: datetime) -> bool:
    try:
        return _fires(before_of(spec), now)
    except InvalidJob:
        return False


def _fires(schedule: Schedule, now: datetime) -> bool:
    found = schedule.next_after(now)
    return found is not None and is_due(schedule, found)


def _is_over(spec: TriggerSpec, record: TriggerRecord) -> bool:
    """Whether it has had all its fires."""
    return spec.max_fires is not None and record.fires >= spec.max_fires


def _renewed(
    record: TriggerRecord, spec: TriggerSpec, schedule: Schedule, before_of: ScheduleOf, now: datetime
) -> TriggerRecord:
    """A trigger of an active job by its new calendars. One that was set aside, or had no fire left, goes on."""
    due = record.next_fire
    if due is not None and due <= now and _same_until(due, now, spec, schedule, before_of):
        return record  # it is due already, and waits for its moment
    if _is_over(spec, record):
        return record
    next_fire = schedule.next_after(now if record.previous_fire is None else max(now, record.previous_fire))
    if spec.after is not None and record.next_fire is not None:
        # its delay goes on; when the calendar had put it off, how much of it is left is not known
        kept = schedule.first_from(record.next_fire)
        next_fire = min((at for at in (kept, next_fire) if at is not None), default=None)
    if next_fire == record.next_fire and not record.error:
        return record
    return replace(record, next_fire=next_fire, error="")


def _calendars(spec: TriggerSpec, namespace: str) -> frozenset[Name]:
    return frozenset(calendar_name(each, namespace) for each in spec.calendars)


def resumed(
    job: Job, record: TriggerRecord, schedule: Schedule | None, now: datetime, *, catch_up: bool
) -> TriggerRecord:
    """A trigger of a job that goes on: from now, or with what fell into the pause, which was missed."""
    spec = job.spec.trigger(record.name)
    if spec is None or schedule is None or record.error:
        return record
    next_fire = next_fire_of(spec, schedule, record, now, same=True)
    if not catch_up or job.paused_since is None or spec.after is not None or next_fire is None:
        return replace(record, next_fire=next_fire, missed_until=None)
    # not before its schedule came to be, nor what was decided already
    since = max(at for at in (job.paused_since, record.since, record.previous_fire) if at is not None)
    first = schedule.next_after(since)
    if first is None or first > now:
        return replace(record, next_fire=next_fire, missed_until=None)
    return replace(record, next_fire=first, missed_until=now)
