"""Triggers of kind `after`: due so long after their own last execution ended.

While that execution is open, the store says the earliest time at which such a trigger may be due: when it fired,
plus its delay. The end of the execution moves that on, in the same transaction. So a trigger whose wait is
forgotten comes due too early at worst, and waits again; it is never stuck.
"""

import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from jobstore.changes import MoveTrigger
from jobstore.model import Execution, Job, TriggerRecord
from scheduler.errors import InvalidJob
from scheduler.leader.catalog import Catalog
from scheduler.leader.timetable import Timetable
from scheduler.schedules import Schedule


@dataclass(frozen=True, slots=True)
class _Wait:
    job_uid: UUID
    schedule: Schedule
    fires: int


class Delays:
    """Which triggers wait for the end of their own execution. `wake` is called when one need wait no more."""

    def __init__(self, timetable: Timetable, catalog: Catalog, wake: Callable[[], None]) -> None:
        self._timetable = timetable
        self._catalog = catalog
        self._wake = wake
        self._waits: dict[UUID, _Wait] = {}
        self._ended: dict[UUID, Execution] = {}

    def expect(self, job: Job, trigger: TriggerRecord, fires: int) -> None:
        """A trigger's execution is open: its end says when the trigger is due next."""
        self._timetable.drop(trigger.uid)
        self._waits[trigger.uid] = _Wait(job.uid, self._catalog.schedule(job, trigger.name), fires)

    async def resume(
        self,
        open_executions: Iterable[Execution],
        read: Callable[[Callable[[], list[Job]]], Awaitable[list[Job]]],
    ) -> None:
        """At the begin of a term: triggers that wait for the end of their own execution wait on. `read` asks the store
        behind every edit."""
        waiting = [execution for execution in open_executions if self._is_of_delay(execution)]
        await self._catalog.fetch_jobs((execution.job_uid for execution in waiting), read)
        for execution in waiting:
            job = self._catalog.job(execution.job_uid)
            record = job.trigger(execution.trigger_uid) if job and execution.trigger_uid else None
            spec = job.spec.trigger(record.name) if job and record else None
            if job and record and record.next_fire and spec and spec.after:
                with contextlib.suppress(InvalidJob):  # it comes due, and is set aside then
                    self.expect(job, record, record.fires)

    def _is_of_delay(self, execution: Execution) -> bool:
        definition = self._catalog.definition(execution.job_uid, execution.revision)
        spec = definition.spec.trigger(execution.trigger) if definition and execution.trigger_uid else None
        return spec is not None and spec.after is not None

    def waits(self, trigger_uid: UUID) -> bool:
        """Whether a trigger's next fire is not known yet."""
        return trigger_uid in self._waits

    def forget(self, trigger_uid: UUID) -> None:
        """A trigger is gone."""
        self._waits.pop(trigger_uid, None)
        self._ended.pop(trigger_uid, None)

    def edited(self, job: Job) -> None:
        """A job is written anew: with other delays, or without."""
        for trigger in job.triggers:
            wait = self._waits.pop(trigger.uid, None)
            ended = self._ended.pop(trigger.uid, None)
            spec = job.spec.trigger(trigger.name)
            if wait is not None and trigger.next_fire is not None and spec is not None and spec.after is not None:
                self.expect(job, trigger, wait.fires)
                if ended is not None:
                    self._ended[trigger.uid] = ended

    def ended(self, execution: Execution) -> list[MoveTrigger]:
        """What the end of an execution moves. While its job is being edited, nothing: see `thawed`."""
        uid = execution.trigger_uid
        wait = self._waits.get(uid) if uid else None
        if wait is None or uid is None or execution.ended is None:
            return []
        if self._timetable.is_frozen(wait.job_uid):
            self._ended[uid] = execution
            return []
        del self._waits[uid]
        due = wait.schedule.next_after(execution.ended)
        self._timetable.put(uid, wait.job_uid, due, wait.fires)
        self._wake()
        return [MoveTrigger(uid, due, execution.scheduled_time, wait.fires)]

    def thawed(self) -> list[MoveTrigger]:
        """What the ends of executions move whose jobs were being edited until now."""
        ended = list(self._ended.values())
        self._ended.clear()
        return [move for execution in ended for move in self.ended(execution)]
