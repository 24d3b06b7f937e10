"""A store in plain dictionaries: `JobStore` and `Records` at a tenth of the cost of a database.

`tests/model/test_memory_store.py` runs the contract suite over it.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from jobstore import changes as ch
from jobstore.errors import BadChange, ClaimRefused, StaleTerm, StoreUnavailable
from jobstore.model import Answer, Calendar, DueTrigger, EndedAttempt, Evidence, Execution, Job, Output, Term
from jobstore.protocols import CalendarQuery, ExecutionQuery, JobQuery
from jobstore.spec import JobSpec
from jobstore.states import BORN, State
from jobstore.trigger_spec import calendar_name

_BORN_WITH = (
    *("origin", "namespace", "job", "job_uid", "revision", "trigger_uid", "trigger", "scheduled_time"),
    *("recorded", "params", "missed", "request_id"),
)

Observer = Callable[[Term, Sequence[ch.Change]], None]


class MemoryStore:
    """One transaction at a time; what fails is undone. `observer` sees each transaction that was committed."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:  # noqa: TID251 - the store's
        self.observer: Observer = lambda term, changes: None
        self.term: Term | None = None
        self.rows: dict[UUID, Execution] = {}
        self.open: dict[UUID, Execution] = {}
        self.jobs_by_uid: dict[UUID, Job] = {}
        self.evidence: list[Evidence] = []
        self.ended: dict[tuple[UUID, int, int], EndedAttempt] = {}
        self.kept_answers: dict[tuple[str, str], Answer] = {}
        self._now = now
        self._names: dict[tuple[str, str], UUID] = {}
        self._owners: dict[UUID, UUID] = {}
        self._specs: dict[tuple[UUID, int], JobSpec] = {}
        self._calendars: dict[UUID, Calendar] = {}
        self._fires: dict[tuple[UUID, datetime], UUID] = {}
        self._outputs: dict[tuple[UUID, int, int, int], Output] = {}
        self._undo: list[tuple[dict[Any, Any], Any, Any]] = []
        self._lock = threading.RLock()
        self._closed = False

    # ------------------------------------------------------------------------------------------- JobStore

    def probe(self) -> datetime:
        self._require_open()
        return self._now()

    def begin_term(self, order: int, ensemble: str, node_id: str, at_least: int = 0) -> Term:
        with self._lock:
            self._require_open()
            last = self.term
            if last is not None and last.ensemble == ensemble:
                again = last.order == order and last.node_id == node_id
                if order < last.order or (order == last.order and not again):
                    raise ClaimRefused(order, last.order)
            known = last.epoch if last else 0
            held = last.held if last else ""
            if at_least > known:
                held = f"the store went back to an earlier time: {at_least} was seen, and the store only {known}"
            epoch = max(known, at_least) + 1
            self.term = Term(epoch=epoch, node_id=node_id, order=order, ensemble=ensemble, held=held)
            return self.term

    def commit(self, term: Term, changes: Sequence[ch.Change]) -> None:
        with self._lock:
            self._require_open()
            present = self.term.epoch if self.term else 0
            if present != term.epoch:
                raise StaleTerm(term.epoch, present)
            self._undo = []
            kept = len(self.evidence)
            try:
                for change in changes:
                    self._apply(change)
            except BaseException:
                for where, key, before in reversed(self._undo):
                    if before is None:
                        where.pop(key, None)
                    else:
                        where[key] = before
                del self.evidence[kept:]
                raise
            self.observer(term, changes)

    def due(self, before: datetime, after: tuple[datetime, UUID] | None, limit: int) -> list[DueTrigger]:
        with self._lock:
            self._require_open()
            found = [
                DueTrigger(
                    uid=each.uid,
                    job_uid=job.uid,
                    next_fire=each.next_fire,
                    fires=each.fires,
                    missed_until=each.missed_until,
                    previous_fire=each.previous_fire,
                )
                for job in self.jobs_by_uid.values()
                for each in job.triggers
                if each.next_fire is not None and each.next_fire < before
                if after is None or (each.next_fire, each.uid) > after
            ]
        return sorted(found, key=lambda trigger: (trigger.next_fire, trigger.uid))[:limit]

    def open_executions(self, after: UUID | None, limit: int) -> list[Execution]:
        with self._lock:
            self._require_open()
            ids = sorted(uid for uid in self.open if after is None or uid > after)[:limit]
            return [self.open[uid] for uid in ids]

    def close(self) -> None:
        self._closed = True

    def job_of(self, trigger_uid: UUID) -> Job | None:
        """The job that has a trigger."""
        owner = self._owners.get(trigger_uid)
        return None if owner is None else self.jobs_by_uid.get(owner)

    # -------------------------------------------------------------------------------------------- Records

    def jobs(self, query: JobQuery) -> list[Job]:
        with self._lock:
            self._require_open()
            found = [job for job in self.jobs_by_uid.values() if _matches(job, query)]
        found.sort(key=lambda job: (job.namespace, job.name))
        return found[: query.limit]

    def calendars(self, query: CalendarQuery) -> list[Calendar]:
        with self._lock:
            self._require_open()
            found = [
                each
                for each in self._calendars.values()
                if (not query.namespace or each.namespace == query.namespace)
                and (query.names is None or (each.namespace, each.name) in query.names)
                and (query.after is None or (each.namespace, each.name) > query.after)
            ]
        found.sort(key=lambda each: (each.namespace, each.name))
        return found[: query.limit]

    def spec(self, job_uid: UUID, revision: int) -> JobSpec | None:
        self._require_open()
        return self._specs.get((job_uid, revision))

    def execution(self, execution_id: UUID) -> Execution | None:
        self._require_open()
        return self.rows.get(execution_id)

    def executions(self, query: ExecutionQuery) -> list[Execution]:
        with self._lock:
            self._require_open()
            found = [row for row in self.rows.values() if _asked_for(row, query)]
        found.sort(key=_newest_first)
        if query.after is not None:
            last = (-query.after[0].timestamp(), query.after[1])
            found = [row for row in found if _newest_first(row) > last]
        return found[: query.limit]

    def latest(self, job_uids: Sequence[UUID]) -> Mapping[UUID, Execution]:
        found: dict[UUID, Execution] = {}
        for row in self.executions(ExecutionQuery(limit=len(self.rows))):
            if row.job_uid in job_uids:
                found.setdefault(row.job_uid, row)
        return found

    def attempts(self, execution_id: UUID) -> list[EndedAttempt]:
        self._require_open()
        found = [ended for key, ended in self.ended.items() if key[0] == execution_id]
        return sorted(found, key=lambda ended: (ended.attempt, ended.part))

    def output(self, execution_id: UUID, attempt: int, after: int, limit: int) -> list[Output]:
        self._require_open()
        found = [each for each in self._outputs.values() if each.execution_id == execution_id]
        found = [each for each in found if each.attempt == attempt and each.seq > after]
        return sorted(found, key=lambda each: (each.seq, each.part))[:limit]

    def answers(self, keys: Sequence[tuple[str, str]]) -> list[Answer]:
        self._require_open()
        return [self.kept_answers[key] for key in keys if key in self.kept_answers]

    # -------------------------------------------------------------------------------------------- changes

    def _require_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store in memory: the store was closed")

    def _set(self, where: dict[Any, Any], key: Any, value: Any) -> None:
        self._undo.append((where, key, where.get(key)))
        if value is None:
            where.pop(key, None)
        else:
            where[key] = value

    def _apply(self, change: ch.Change) -> None:
        match change:
            case ch.PutJob(job):
                self._put_job(job)
            case ch.DeleteJob(uid):
                if uid in self.jobs_by_uid:
                    self._drop_job(self.jobs_by_uid[uid])
            case ch.MoveTrigger():
                self._move_trigger(change)
            case ch.PutCalendar(calendar):
                for other in self._calendars.values():
                    if (other.namespace, other.name) == (calendar.namespace, calendar.name):
                        _require(other.uid == calendar.uid, "the name of a calendar is in use", calendar.name)
                self._set(self._calendars, calendar.uid, calendar)
            case ch.DeleteCalendar(uid):
                self._set(self._calendars, uid, None)
            case ch.NewExecution(execution):
                self._new(execution)
            case ch.MoveExecution(execution):
                self._move(execution)
            case ch.VoidExecution(uid):
                self._void(uid)
            case ch.EndAttempt(attempt):
                key = (attempt.execution_id, attempt.part, attempt.attempt)
                _require(key not in self.ended, "an attempt is kept already", str(key))
                self._set(self.ended, key, attempt)
            case ch.AddOutput(output):
                place = (output.execution_id, output.part, output.attempt, output.seq)
                if place not in self._outputs:
                    self._set(self._outputs, place, output)
            case ch.AddEvidence(evidence):
                self.evidence.append(evidence)
            case ch.KeepAnswer(answer):
                request = answer.scope, answer.request_id
                _require(request not in self.kept_answers, "a second answer", answer.request_id)
                self._set(self.kept_answers, request, answer)
            case _:
                raise TypeError(f"no step of a script makes this change: {change}")

    def _put_job(self, job: Job) -> None:
        name = (job.namespace, job.name)
        _require(self._names.get(name) in (None, job.uid), "the name of a job is in use", job.name)
        if job.uid in self.jobs_by_uid:
            self._drop_job(self.jobs_by_uid[job.uid])
        self._set(self.jobs_by_uid, job.uid, job)
        self._set(self._names, name, job.uid)
        self._set(self._specs, (job.uid, job.revision), job.spec)
        for trigger in job.triggers:
            self._set(self._owners, trigger.uid, job.uid)

    def _drop_job(self, job: Job) -> None:
        self._set(self.jobs_by_uid, job.uid, None)
        self._set(self._names, (job.namespace, job.name), None)
        for trigger in job.triggers:
            self._set(self._owners, trigger.uid, None)

    def _move_trigger(self, move: ch.MoveTrigger) -> None:
        job = self.jobs_by_uid.get(self._owners.get(move.uid, UUID(int=0)))
        if job is not None:
            moved = {
                "next_fire": move.next_fire,
                "previous_fire": move.previous_fire,
                "fires": move.fires,
                "error": move.error,
            }
            triggers = tuple(replace(t, **moved) if t.uid == move.uid else t for t in job.triggers)  # type: ignore[arg-type]  # the fields of a TriggerRecord
            self._set(self.jobs_by_uid, job.uid, replace(job, triggers=triggers))

    def _new(self, execution: Execution) -> None:
        _require(execution.state in BORN, "an execution cannot be new in this state", execution.state)
        _require(execution.id not in self.rows, "a second execution of this id", str(execution.id))
        if execution.trigger_uid is not None:
            fire = (execution.trigger_uid, execution.scheduled_time)
            _require(fire not in self._fires, "a second execution of a fire", str(execution.id))
            self._set(self._fires, fire, execution.id)
        self._write(execution)

    def _move(self, execution: Execution) -> None:
        before = self.rows.get(execution.id)
        if before is None:
            raise BadChange("a move of an execution that is not there", str(execution.id))
        _require(not before.state.final, "a move of an execution that is final", str(execution.id))
        self._write(replace(execution, **{name: getattr(before, name) for name in _BORN_WITH}))

    def _write(self, execution: Execution) -> None:
        final = execution.state.final
        _require(not final or execution.ended is not None, "a final execution without its end", str(execution.id))
        self._set(self.rows, execution.id, execution)
        self._set(self.open, execution.id, None if final else execution)

    def _void(self, uid: UUID) -> None:
        row = self.rows.get(uid)
        if row is None:
            raise BadChange("a void of an execution that is not there", str(uid))
        unsent = row.state is State.PENDING and (row.attempt, row.placement) == (1, 0)
        _require(unsent, "a void of an execution that was sent, or waits no more", str(uid))
        self._set(self.rows, uid, None)
        self._set(self.open, uid, None)
        if row.trigger_uid is not None:
            self._set(self._fires, (row.trigger_uid, row.scheduled_time), None)


def _require(holds: bool, told: str, which: str) -> None:
    if not holds:
        raise BadChange(told, which)


def _matches(job: Job, query: JobQuery) -> bool:
    name = (job.namespace, job.name)
    uses = {calendar_name(each, job.namespace) for t in job.spec.triggers for each in t.calendars}
    return (
        (not query.namespace or job.namespace == query.namespace)
        and (query.names is None or name in query.names)
        and (query.uids is None or job.uid in query.uids)
        and (query.calendars is None or bool(uses & set(query.calendars)))
        and (query.after is None or name > query.after)
    )


def _asked_for(row: Execution, query: ExecutionQuery) -> bool:
    return (
        (not query.namespace or row.namespace == query.namespace)
        and (not query.job or row.job == query.job)
        and (query.job_uid is None or row.job_uid == query.job_uid)
        and (not query.states or row.state in query.states)
        and (query.scheduled_from is None or row.scheduled_time >= query.scheduled_from)
        and (query.scheduled_before is None or row.scheduled_time < query.scheduled_before)
    )


def _newest_first(row: Execution) -> tuple[float, UUID]:
    return -row.scheduled_time.timestamp(), row.id
