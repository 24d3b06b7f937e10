"""What becomes of one due trigger: decided, recorded with its next fire, and sent."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from cronquorum.logs import get_logger
from jobstore.changes import Change, MoveTrigger, VoidExecution
from jobstore.ids import fire_id
from jobstore.model import DueTrigger, Execution, Job, Missed, Origin
from jobstore.states import State
from scheduler import settle
from scheduler.errors import InvalidJob, SetAside, Violation
from scheduler.leader.ahead import SECOND_LOOK
from scheduler.leader.backlog import MOMENT, MOST, Waiting
from scheduler.leader.chains import LATE
from scheduler.leader.due import Due, find, moment_of
from scheduler.leader.shared import Shared
from scheduler.misfire import FirePlan, plan_fire
from scheduler.schedules import is_due

CAUGHT_UP = timedelta(seconds=1)
"""A trigger that goes through missed fires has caught up when it is no later than this."""

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
        self._ahead = shared.ahead
        self._placement = shared.placement
        self._paces: dict[UUID, datetime] = {}
        self._jittered: dict[UUID, datetime] = {}

    def decide(self, trigger: DueTrigger, now: datetime, *, edited: bool = False) -> FirePlan | None:
        """Decide one due trigger, record it, and go on to its next fire; or look at it again later: None.

        `edited`: its job is about to be written anew, so a fire that is due does not wait for its jitter.
        Whatever is wrong with the trigger concerns it alone: it is set aside with its error.
        """
        job = self._catalog.job(trigger.job_uid)
        try:
            if job is None:
                raise InvalidJob(Violation("", "its job cannot be read"))
            due = find(self._catalog, job, trigger)
            if due.spec.after is not None and self._own_is_open(trigger):
                self._delays.expect(job, due.record, trigger.fires)
                return None
            if not is_due(due.schedule, trigger.next_fire):
                self._move_on(due)
                return None
            if now < due.moment and not edited:
                return self._before_its_time(due, now)
            since = self._backlog.leave(trigger)
            plan = self._plan(due, now) if since is None else due.standing.one()
            if since is None and self._waits_for_a_slot(plan, due, now):
                return None
            if plan.catching_up and not self._may_go_on(due, now):
                return None
        except Exception as error:
            # anything at all: one poisoned trigger must not stop the loop that fires the others
            self.set_aside(trigger, str(error) or "its definition cannot be read")
            return None
        return self._record(due, plan, now, since or now)

    def _before_its_time(self, due: Due, now: datetime) -> FirePlan | None:
        """Record it ahead, if nothing can decide it otherwise until then; or look at it again later: None."""
        trigger = due.trigger
        if trigger.next_fire <= now:
            self._jittered[trigger.uid] = due.moment
            self._timetable.hold(trigger, due.moment)
            return None
        open_count = self._ledger.open_count(due.job.uid)
        if self._may_be_recorded_ahead(due, open_count):
            plan = self._record(due, due.standing.one(), now, now)
            self._ahead.remember(fire_id(trigger.uid, trigger.next_fire), trigger)
            return plan
        again = trigger.next_fire - SECOND_LOOK
        self._timetable.hold(trigger, again if open_count and now < again else trigger.next_fire)
        return None

    def _may_be_recorded_ahead(self, due: Due, open_count: int) -> bool:
        trigger, definition, namespace = due.trigger, due.definition, due.job.namespace
        overlaps = self._admission.is_free(definition, 1)
        return (
            self._admission.is_free(definition, open_count)
            and (overlaps or len(due.job.triggers) == 1)
            and due.spec.jitter is None
            and due.spec.after is None
            and not trigger.was_missed
            and trigger.uid not in self._paces
            and not self._timetable.is_frozen(due.job.uid)
            and not self._backlog.has_line(definition, namespace)
            and self._placement.has_room_early(definition, namespace)
        )

    def has_slot(self, waiting: Waiting, now: datetime) -> None:
        """Record what has waited for a slot, now that there is one."""
        self._record(waiting.due, waiting.plan, now, waiting.since)

    def _waits_for_a_slot(self, plan: FirePlan, due: Due, now: datetime) -> bool:
        """Whether nobody can take it now, and nothing else decides it: its job has nothing open, and no edit waits.
        Then it waits for a moment, at most until the next due time."""
        until = due.moment + MOMENT if plan.next_fire is None else min(due.moment + MOMENT, plan.next_fire)
        waits = (
            now < until
            and plan.missed is None
            and not plan.catching_up
            and not self._ledger.open_count(due.job.uid)
            and not self._timetable.is_frozen(due.job.uid)
            and len(self._backlog) < MOST
            and self._placement.is_full(due.definition, due.job.namespace)
        )
        if waits:
            self._backlog.wait(Waiting(due, plan, now), until)
        return waits

    def _move_on(self, due: Due) -> None:
        """What was stored is no due time: the search ended there, or the zone database has changed."""
        trigger = due.trigger
        next_fire = due.schedule.next_after(trigger.next_fire)
        self._timetable.put(trigger.uid, trigger.job_uid, next_fire, trigger.fires, trigger.missed_until)
        self._writer.submit([MoveTrigger(trigger.uid, next_fire, trigger.next_fire, trigger.fires)])

    def _plan(self, due: Due, now: datetime) -> FirePlan:
        plan = plan_fire(due.standing, now, due.spec.misfire, self._threshold(due))
        if due.spec.after is not None and plan.next_fire is not None:
            plan = replace(plan, next_fire=due.schedule.next_after(now))  # it begins now, however late
        return plan

    def _threshold(self, due: Due) -> timedelta:
        """How long after its scheduled time a fire may be decided that is not missed."""
        trigger = due.trigger
        if trigger.was_missed:
            return MISSED_ANYHOW
        threshold = due.spec.misfire.threshold
        if trigger.uid in self._paces:
            threshold = min(threshold, CAUGHT_UP)
        if due.spec.jitter is None:
            return threshold
        # nor could it be decided before the jitter of the one before it was over
        return threshold + max(due.moment, self._jittered.get(trigger.uid, due.moment)) - trigger.next_fire

    def _own_is_open(self, trigger: DueTrigger) -> bool:
        return any(execution.trigger_uid == trigger.uid for execution in self._ledger.of_job(trigger.job_uid))

    def _may_go_on(self, due: Due, now: datetime) -> bool:
        """Whether the next of many missed fires may be recorded: at its pace, and where executions must not
        overlap, when the one before has ended."""
        free = self._admission.is_free(due.definition, self._ledger.open_count(due.job.uid))
        uid = due.trigger.uid
        pace = self._paces.get(uid, now)
        step = timedelta(seconds=1) / due.spec.misfire.rate
        if now < pace or not free:
            self._timetable.hold(due.trigger, pace if now < pace else now + step)
            return False
        self._paces[uid] = max(pace, now) + step
        return True

    def is_catching_up(self, job: Job, trigger: DueTrigger, now: datetime) -> bool:
        """Whether a trigger goes through missed fires, one after the other."""
        try:
            due = find(self._catalog, job, trigger)
            waits = self._backlog.has(trigger)  # so it was looked at in time
            return due.spec.misfire.policy == "fireAll" and not waits and self._plan(due, now).catching_up
        except InvalidJob:
            return False

    def waits_for_jitter(self, job: Job, trigger: DueTrigger, now: datetime) -> bool:
        """Whether a trigger's due time has come, and its moment has not."""
        record = job.trigger(trigger.uid)
        spec = job.spec.trigger(record.name) if record is not None else None
        return spec is not None and trigger.next_fire <= now < moment_of(trigger, spec)

    def give_up(self, job: Job, trigger: DueTrigger, now: datetime, why: str) -> FirePlan | None:
        """Record what is due of a trigger and will not run: one record for the range."""
        try:
            due = find(self._catalog, job, trigger)
            return self._record(due, due.standing.all_until(now, why), now, now)
        except InvalidJob as error:
            self.set_aside(trigger, str(error))
            return None

    def forget(self, trigger_uid: UUID) -> None:
        """A trigger is gone."""
        self._timetable.drop(trigger_uid)
        self._delays.forget(trigger_uid)
        self._backlog.forget(trigger_uid)
        self._paces.pop(trigger_uid, None)
        self._jittered.pop(trigger_uid, None)

    def _record(self, due: Due, plan: FirePlan, now: datetime, since: datetime) -> FirePlan:
        """Record a plan that was made at `since`: whether it is late is told by that, however long it then waited for a
        slot; and so it is by its record, for the next leader."""
        trigger, job, spec = due.trigger, due.job, due.spec
        self._backlog.leave(trigger)
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
            trigger=spec.name,
            scheduled_time=plan.scheduled_time,
            state=State.PENDING,
            epoch=self._term.epoch,
            check_at=now + settle.CHECK_PENDING,
            recorded=since,
            missed=_together(voided, plan.missed),
        )
        self._timetable.put(trigger.uid, job.uid, plan.next_fire, plan.fires, trigger.missed_until, plan.scheduled_time)
        if spec.jitter is None:
            self._jittered.pop(trigger.uid, None)
        if spec.after is not None and plan.next_fire is not None:
            self._delays.expect(job, due.record, plan.fires)
        changes: list[Change] = [MoveTrigger(trigger.uid, plan.next_fire, plan.scheduled_time, plan.fires)]
        changes += (VoidExecution(each.id) for each in voided)
        late = since - due.moment > LATE
        admitted = self._admission.admit(execution, due.definition, now, late=late, skipped=plan.skipped)
        self._outbox.new(admitted, *changes)
        self._metrics.fired(admitted, plan)
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
        job = self._catalog.job(trigger.job_uid)
        known = {} if job is None else {"namespace": job.namespace, "job": job.name}
        _log.error("a trigger is set aside", **known, trigger=str(trigger.uid), error=error)
        self._metrics.set_aside.add()
        self._timetable.drop(trigger.uid)
        self._backlog.forget(trigger.uid)
        self._writer.submit([MoveTrigger(trigger.uid, None, None, trigger.fires, error[:500])])


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
