"""Takes back what was recorded ahead of its time: its job is about to be edited, or run, or nobody will lead."""

from collections.abc import Callable
from uuid import UUID

from jobstore.changes import Change, MoveExecution, MoveTrigger, VoidExecution
from jobstore.model import DueTrigger, Execution, Job
from scheduler import settle
from scheduler.errors import SetAside
from scheduler.leader.ahead import Ahead
from scheduler.leader.hub import Hub
from scheduler.leader.ledger import Ledger
from scheduler.leader.timetable import Timetable
from scheduler.leader.writer import Writer


class Recall:
    """Undoes such records, so that it is as if they had never been: their due times are to come again.

    `wake` is called when there are triggers to be looked at again.
    """

    def __init__(
        self,
        ahead: Ahead,
        ledger: Ledger,
        timetable: Timetable,
        writer: Writer,
        hub: Hub,
        wake: Callable[[], None],
    ) -> None:
        self._ahead = ahead
        self._ledger = ledger
        self._timetable = timetable
        self._writer = writer
        self._hub = hub
        self._wake = wake

    def of_job(self, job_uid: UUID, job: Job | None = None) -> bool:
        """Take back what was recorded ahead of a job; whether there was anything.

        What an earlier leader recorded can only be taken back with the `job` as it stands in the store.
        """
        return self._take_back(self._ahead.of_job(self._ledger.of_job(job_uid)), job)

    def everything(self) -> None:
        """Of all jobs, as far as this leader recorded it."""
        self._take_back(self._ahead.of_job(list(self._ledger.all())), None)

    def _take_back(self, early: list[Execution], job: Job | None) -> bool:
        back: dict[int, DueTrigger] = {}
        moves: list[Change] = []
        voids: list[Change] = []
        for number, execution in enumerate(early):
            trigger = self._ahead.trigger_of(execution) or _as_before(execution, job, len(early) - number)
            if trigger is None or execution.cancelling:
                continue
            back.setdefault(trigger.uid.int, trigger)
            self._ahead.withdraw(execution)
            self._ledger.forget(execution.id)
            self._hub.give_up(execution.id, SetAside(f"execution {execution.id} was taken back before its time"))
            moves.append(MoveExecution(settle.unplace(execution)))
            voids.append(VoidExecution(execution.id))
        for each in back.values():
            voids.append(MoveTrigger(each.uid, each.next_fire, each.previous_fire, each.fires))
            self._timetable.put(
                each.uid, each.job_uid, each.next_fire, each.fires, each.missed_until, each.previous_fire
            )
        if moves:
            # a void behind a move of the same one is a statement of its own: all moves stand before all voids
            self._writer.submit([*moves, *voids])
            self._wake()
        return bool(moves)


def _as_before(execution: Execution, job: Job | None, count: int) -> DueTrigger | None:
    """A trigger of a job as it was before so many executions, the first of them this one, were recorded ahead."""
    record = job.trigger(execution.trigger_uid) if job is not None and execution.trigger_uid is not None else None
    if record is None or job is None:
        return None
    return DueTrigger(
        uid=record.uid, job_uid=job.uid, next_fire=execution.scheduled_time, fires=max(0, record.fires - count)
    )
