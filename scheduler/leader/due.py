"""A trigger that is due, with all that deciding it needs, looked up once."""

from datetime import datetime

from jobstore.model import DueTrigger, Job, TriggerRecord
from jobstore.trigger_spec import TriggerSpec
from jobstore.values import value
from scheduler.definitions import Definition
from scheduler.errors import InvalidJob, Violation
from scheduler.jitter import jitter_of
from scheduler.leader.catalog import Catalog
from scheduler.misfire import Standing
from scheduler.schedules import Schedule


@value(frozen=True, kw_only=True, slots=True)
class Due:
    """`moment` is when it is to be decided: at its scheduled time, or so much later as its jitter says."""

    trigger: DueTrigger
    job: Job
    record: TriggerRecord
    definition: Definition
    spec: TriggerSpec
    schedule: Schedule
    moment: datetime

    @property
    def standing(self) -> Standing:
        """At which of its due times it is."""
        return Standing(
            schedule=self.schedule,
            due=self.trigger.next_fire,
            fires=self.trigger.fires,
            max_fires=self.spec.max_fires,
        )


def find(catalog: Catalog, job: Job, trigger: DueTrigger) -> Due:
    """What belongs to a due trigger. Raises `InvalidJob` when its job has no such one, or cannot be read any more."""
    record = job.trigger(trigger.uid)
    spec = job.spec.trigger(record.name) if record is not None else None
    if record is None or spec is None:
        raise InvalidJob(Violation("", "the job has no such trigger"))
    return Due(
        trigger=trigger,
        job=job,
        record=record,
        definition=catalog.compile(job),
        spec=spec,
        schedule=catalog.schedule(job, spec.name),
        moment=moment_of(trigger, spec),
    )


def moment_of(trigger: DueTrigger, spec: TriggerSpec) -> datetime:
    """When a fire is to be decided."""
    if spec.jitter is None or trigger.was_missed:
        return trigger.next_fire
    return trigger.next_fire + jitter_of(trigger.uid, trigger.next_fire, spec.jitter)


def due_trigger(job: Job, record: TriggerRecord) -> DueTrigger | None:
    """A trigger as the timetable has it; None when it is not due again."""
    if record.next_fire is None:
        return None
    return DueTrigger(
        uid=record.uid,
        job_uid=job.uid,
        next_fire=record.next_fire,
        fires=record.fires,
        missed_until=record.missed_until,
        previous_fire=record.previous_fire,
    )
