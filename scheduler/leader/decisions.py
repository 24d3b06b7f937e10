"""What becomes of one due trigger: decided, recorded with its next fire, and sent."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cronquorum.logs import get_logger
from jobstore.changes import Change, MoveTrigger, VoidExecution
from jobstore.ids import fire_id
from jobstore.model import DueTrigger, Execution, Job, Missed, Origin, TriggerRecord
from jobstore.states import State
from jobstore.trigger_spec import TriggerSpec
from scheduler import settle
from scheduler.definitions import Definition
from scheduler.errors import InvalidJob, SetAside
from scheduler.jitter import jitter_of
from scheduler.leader.backlog import MOMENT, MOST
from scheduler.leader.chains import LATE
from scheduler.leader.shared import Shared
from scheduler.misfire import FirePlan, Standing, plan_fire
from scheduler.schedules import Schedule, is_due

CAUGHT_UP = timedelta(seconds=1)
"""A trigger that goes through missed fires has caught up when it is no later than this."""

NEVER = datetime.max.replace(tzinfo=UTC)
MISSED_ANYHOW = timedelta(milliseconds=-1)
"""The threshold of what was missed however late it is."""

_log = get_logger(__name__)


class Decisions:
    """Decides due triggers, one at a time."""

    def __init__(self, shared: Shared) -> None:
        self._term = shared.term
        self._timetable = shared.timetable
        self._ledger = shared.ledger
        self._catalog = shared.catalog
        self._admission = shared.admission
        self._chains = shared.chains
        self._writer = shared.writer
        self._outbox = shared.outbox
        self._hub = shared.hub
        self._metrics = shared.metrics
        self._delays = shared.delays
        self._backlog = shared.backlog
        self._placement = shared.placement
        self._paces: dict[UUID, datetime] = {}
        self._jittered: dict[UUID, datetime] = {}

    def decide(self, trigger: DueTrigger, now: datetime, *, edited: bool = False) -> FirePlan | None:
        """Decide one due trigger, record it, and go on to its next fire; or look at it again later: None.

        `edited`: its job is about to be written anew, so a fire that is due does not wait for its jitter.
        Whatever is wrong with the trigger concerns it alone: it is set aside with its error.
        """
        job = self._catalog.job(trigger.job_uid)
        record = job.trigger(trigger.uid) if job is not None else None
        if job is None or record is None:
            self.set_aside(trigger, "the job has no such trigger")
            return None
        try:
            definition = self._catalog.compile(job)
            spec = definition.spec.trigger(record.name)
            if spec is None:
                raise InvalidJob()
            if spec.after is not None and self._own_is_open(trigger):
                self._delays.expect(job, record, trigger.fires)
                return None
            schedule = self._catalog.schedule(job, record.name)
            if not is_due(schedule, trigger.next_fire):
                self._move_on(trigger, schedule)
                return None
            at = _moment(trigger, spec)
            if now < at and not edited:
                self._jittered[trigger.uid] = at
                self._timetable.hold(trigger, at)
                return None
            waited = self._backlog.leave(trigger)
            plan = self._standing(job, spec, trigger).one() if waited else self._plan(job, spec, trigger, now)
            until = min(at + MOMENT, plan.next_fire or NEVER)
            if now < until and not waited and self._waits_for_a_slot(plan, trigger, definition, job):
                self._backlog.wait(trigger, definition, job.namespace, until)
                return None
            if plan.catching_up and not self._may_go_on(trigger, spec, definition, now):
                return None
        except Exception as error:
            # anything at all: one poisoned trigger must not stop the loop that fires the others
            self.set_aside(trigger, str(error) or "its definition cannot be read")
            return None
        return self._record(job, definition, trigger, record, plan, now, waited=waited)

    def _waits_for_a_slot(self, plan: FirePlan, trigger: DueTrigger, definition: Definition, job: Job) -> bool:
        """Whether nobody can take it now, and nothing else decides it: its job has nothing open, and no edit waits."""
        return (
            plan.missed is None
            and not plan.catching_up
            and not self._ledger.open_count(job.uid)
            and not self._timetable.is_frozen(job.uid)
            and len(self._backlog) < MOST
            and self._placement.is_full(definition, job.namespace)
        )

    def _move_on(self, trigger: DueTrigger, schedule: Schedule) -> None:
        """What was stored is no due time: the search ended there, or the zone database has changed."""
        next_fire = schedule.next_after(trigger.next_fire)
        self._timetable.put(trigger.uid, trigger.job_uid, next_fire, trigger.fires, trigger.missed_until)
        self._writer.submit([MoveTrigger(trigger.uid, next_fire, trigger.next_fire, trigger.fires)])

    def _plan(self, job: Job, spec: TriggerSpec, trigger: DueTrigger, now: datetime) -> FirePlan:
        standing = self._standing(job, spec, trigger)
        plan = plan_fire(standing, now, spec.misfire, self._threshold(trigger, spec))
        if spec.after is not None and plan.next_fire is not None:
            plan = replace(plan, next_fire=standing.schedule.next_after(now))  # it begins now, however late
        return plan

    def _threshold(self, trigger: DueTrigger, spec: TriggerSpec) -> timedelta:
        """How long after its scheduled time a fire may be decided that is not missed."""
        if trigger.was_missed:
            return MISSED_ANYHOW
        threshold = spec.misfire.threshold
        if trigger.uid in self._paces:
            threshold = min(threshold, CAUGHT_UP)
        # nor could it be decided before the jitter of the one before it was over
        at = _moment(trigger, spec)
        return threshold + max(at, self._jittered.get(trigger.uid, at)) - trigger.next_fire

    def _standing(self, job: Job, spec: TriggerSpec, trigger: DueTrigger) -> Standing:
        return Standing(
            schedule=self._catalog.schedule(job, spec.name),
            due=trigger.next_fire,
            fires=trigger.fires,
            max_fires=spec.max_fires,
        )

    def _own_is_open(self, trigger: DueTrigger) -> bool:
        return any(execution.trigger_uid == trigger.uid for execution in self._ledger.of_job(trigger.job_uid))

    def _may_go_on(self, trigger: DueTrigger, spec: TriggerSpec, definition: Definition, now: datetime) -> bool:
        """Whether the next of many missed fires may be recorded: at its pace, and where executions must not
        overlap, when the one before has ended."""
        free = self._admission.is_free(definition, self._ledger.open_count(trigger.job_uid))
        pace = self._paces.get(trigger.uid, now)
        step = timedelta(seconds=1) / spec.misfire.rate
        if now < pace or not free:
            self._timetable.hold(trigger, pace if now < pace else now + step)
            return False
        self._paces[trigger.uid] = max(pace, now) + step
        return True

    def is_catching_up(self, job: Job, due: DueTrigger, now: datetime) -> bool:
        """Whether a trigger goes through missed fires, one after the other."""
        spec = _spec(job, due)
        if spec is None or spec.misfire.policy != "fireAll":
            return False
        try:
            return self._plan(job, spec, due, now).catching_up
        except InvalidJob:
            return False

    def waits_for_jitter(self, job: Job, due: DueTrigger, now: datetime) -> bool:
        """Whether a trigger's due time has come, and its moment has not."""
        spec = _spec(job, due)
        return spec is not None and due.next_fire <= now < _moment(due, spec)

    def give_up(self, job: Job, due: DueTrigger, now: datetime, why: str) -> FirePlan | None:
        """Record what is due of a trigger and will not run: one record for the range."""
        record, spec = job.trigger(due.uid), _spec(job, due)
        if record is None or spec is None:
            return None
        try:
            plan = self._standing(job, spec, due).all_until(now, why)
            return self._record(job, self._catalog.compile(job), due, record, plan, now)
        except InvalidJob as error:
            self.set_aside(due, str(error))
            return None

    def forget(self, trigger_uid: UUID) -> None:
        """A trigger is gone."""
        self._timetable.drop(trigger_uid)
        self._delays.forget(trigger_uid)
        self._paces.pop(trigger_uid, None)
        self._jittered.pop(trigger_uid, None)

    def _record(
        self,
        job: Job,
        definition: Definition,
        trigger: DueTrigger,
        record: TriggerRecord,
        plan: FirePlan,
        now: datetime,
        *,
        waited: bool = False,
    ) -> FirePlan:
        if not plan.catching_up:
            self._paces.pop(trigger.uid, None)
        voided = self._fold(trigger) if plan.missed is not None and not plan.skipped else []
        execution = Execution(
            id=fire_id(trigger.uid, plan.scheduled_time),
            origin=Origin.SCHEDULE,
            namespace=job.namespace,
            job=job.name,
            job_uid=job.uid,
            revision=job.revision,
            trigger_uid=trigger.uid,
            trigger=record.name,
            scheduled_time=plan.scheduled_time,
            state=State.PENDING,
            epoch=self._term.epoch,
            check_at=now + settle.CHECK_PENDING,
            recorded=now,
            missed=_together(voided, plan.missed),
        )
        spec = definition.spec.trigger(record.name)
        self._timetable.put(trigger.uid, job.uid, plan.next_fire, plan.fires, trigger.missed_until)
        if spec is None or spec.jitter is None:
            self._jittered.pop(trigger.uid, None)
        if spec is not None and spec.after is not None and plan.next_fire is not None:
            self._delays.expect(job, record, plan.fires)
        changes: list[Change] = [MoveTrigger(trigger.uid, plan.next_fire, plan.scheduled_time, plan.fires)]
        changes += (VoidExecution(each.id) for each in voided)
        late = spec is not None and not waited and now - _moment(trigger, spec) > LATE
        self._outbox.new(self._admission.admit(execution, definition, now, late=late, skipped=plan.skipped), *changes)
        return plan

    def _fold(self, trigger: DueTrigger) -> list[Execution]:
        """Take back what this trigger has waiting and was never sent: the new record stands for it, too."""
        voided = [
            execution
            for execution in self._ledger.of_job(trigger.job_uid)
            if execution.trigger_uid == trigger.uid
            and execution.state is State.PENDING
            and (execution.attempt, execution.placement) == (1, 0)
        ]
        for execution in voided:
            self._ledger.forget(execution.id)
            self._chains.forget(execution)
            self._hub.give_up(execution.id, SetAside(f"execution {execution.id} was folded into a later one"))
        return voided

    def set_aside(self, trigger: DueTrigger, error: str) -> None:
        """A trigger that cannot be decided: it does not fire until its job is applied again."""
        _log.error("a trigger is set aside", trigger=str(trigger.uid), error=error)
        self._metrics.set_aside.inc()
        self._timetable.drop(trigger.uid)
        self._writer.submit([MoveTrigger(trigger.uid, None, None, trigger.fires, error[:500])])


def _spec(job: Job, due: DueTrigger) -> TriggerSpec | None:
    record = job.trigger(due.uid)
    return job.spec.trigger(record.name) if record is not None else None


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
    )


def _moment(trigger: DueTrigger, spec: TriggerSpec) -> datetime:
    """When a fire is to be decided: at its scheduled time, or so much later as its jitter says."""
    jitter = None if trigger.was_missed else spec.jitter
    return trigger.next_fire + jitter_of(trigger.uid, trigger.next_fire, jitter)


def _together(voided: list[Execution], missed: Missed | None) -> Missed | None:
    """The due times of all of these, as one range."""
    if missed is None:
        return None
    ranges = [each.missed or Missed(count=1, first=each.scheduled_time, last=each.scheduled_time) for each in voided]
    return Missed(
        count=missed.count + sum(each.count for each in ranges),
        first=min((each.first for each in ranges), default=missed.first),
        last=missed.last,
    )
