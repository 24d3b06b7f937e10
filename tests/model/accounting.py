"""The oracle of due times: what each trigger owes, enumerated slowly, against what is committed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from jobstore.changes import (
    Change,
    DeleteJob,
    KeepAnswer,
    MoveExecution,
    MoveTrigger,
    NewExecution,
    PutJob,
    VoidExecution,
)
from jobstore.model import Execution, Job, TriggerRecord
from jobstore.states import State
from jobstore.trigger_spec import MisfireSpec
from scheduler.leader.ahead import AHEAD
from tests.model.loop import START
from tests.model.memory_store import MemoryStore
from tests.model.variants import PERIODS

LONGEST_JITTER = 4.0
LATEST = 6.0
"""Seconds until every due time is decided, when all is well."""
Report = Callable[[str], None]


def seconds(at: datetime) -> float:
    """Since the start."""
    return (at - START).total_seconds()


def due(period: int, after: float, until: float) -> list[int]:
    """The due times later than `after`, up to and including `until`."""
    return list(range(int(after // period + 1) * period, int(until) + 1, period))


@dataclass
class Account:
    """One trigger: what it owes since it was last made active, and what is recorded."""

    uid: UUID
    job: str
    name: str
    period: int = 0
    most: int | None = None
    since: float = 0.0
    active: bool = False
    covered: set[int] = field(default_factory=set)
    total: int = 0
    debts: set[int] = field(default_factory=set)
    threshold: float = 60.0
    patient: bool = False
    """Whether it catches up with one missed due time after the other; `was_patient`: before it was edited."""
    was_patient: bool = False

    def owed(self, until: float) -> list[int]:
        """Due times that have no record."""
        left = None if self.most is None else max(0, self.most - self.total)
        return [at for at in due(self.period, self.since, until) if at not in self.covered][:left]


class Accounts:
    """Sees each committed transaction, and reports what is wrong with it."""

    def __init__(self, store: MemoryStore, wrong: Report) -> None:
        self.accounts: dict[UUID, Account] = {}
        self.catching_up: set[str] = set()
        """Requests that resume a job and ask for what fell into its pause."""
        self._store = store
        self._wrong = wrong
        self._covers: dict[UUID, set[int]] = {}
        self._owners: dict[UUID, UUID] = {}
        self._jobs: dict[UUID, Job] = {}
        self._revised: dict[UUID, float] = {}

    def committed(self, changes: Sequence[Change], now: datetime) -> None:
        answers = [change.answer for change in changes if isinstance(change, KeepAnswer)]
        touched: set[UUID] = set()
        for index, change in enumerate(changes):
            match change:
                case NewExecution(execution) if execution.trigger_uid is not None:
                    self._new(execution, _voided(changes, index + 1), now)
                case VoidExecution(uid) if uid in self._covers:  # not in favour of another record
                    self._taken_back(self._owners.pop(uid), self._covers.pop(uid))
                case MoveTrigger(uid):
                    touched.add(uid)
                case PutJob(job):
                    catch_up = any(each.request_id in self.catching_up for each in answers)
                    self._put(job, catch_up)
                    touched.update(trigger.uid for trigger in job.triggers)
                case DeleteJob(uid):
                    at = max((seconds(each.answered) for each in answers), default=seconds(now))
                    for account in [each for each in self.accounts.values() if self._owner(each.uid) == uid]:
                        self._close(account, at, "a delete")
                        del self.accounts[account.uid]
                    self._jobs.pop(uid, None)
        for uid in touched:
            self._check(uid)

    def _owner(self, uid: UUID) -> UUID | None:
        return next((job.uid for job in self._jobs.values() if job.trigger(uid)), None)

    def _taken_back(self, trigger: UUID, due_times: set[int]) -> None:
        """Recorded ahead, and not to be: it is to come again."""
        account = self.accounts.get(trigger)
        if account is not None:
            account.covered -= due_times
            account.total -= len(due_times)

    def _new(self, execution: Execution, voided: list[UUID], now: datetime) -> None:
        assert execution.trigger_uid is not None
        account = self.accounts.get(execution.trigger_uid)
        at = seconds(execution.scheduled_time)
        if execution.scheduled_time > now + (AHEAD if execution.state is State.DISPATCHED else timedelta(0)):
            self._wrong(f"recorded early: {_shown(execution)} at {seconds(now):g}")
        job = self._jobs.get(execution.job_uid)
        if job is None or account is None:
            self._wrong(f"a fire of a job that is deleted: {_shown(execution)}")
            return
        until = seconds(job.updated)
        if (execution.revision != job.revision or job.paused) and at > until:
            state = "paused" if job.paused else f"of revision {job.revision}"
            self._wrong(
                f"a fire of revision {execution.revision} of a job {state} since {until:g}: {_shown(execution)}"
            )
        if not account.period:
            return
        took: set[int] = set()
        for uid in voided:
            took |= self._covers.pop(uid, set())
        own = set(account.owed(at)) if execution.missed else {int(at)}
        account.covered -= took
        doubled = own & account.covered
        if doubled or at not in own or (account.active and not execution.missed and at not in account.owed(at)):
            self._wrong(f"a due time is accounted for twice, or none: {_shown(execution)}, doubled {sorted(doubled)}")
        missed = execution.missed
        if missed and not own & account.debts and not self._is_late(execution, account, min(own, default=0)):
            self._wrong(
                f"missed, and within its threshold: {_shown(execution)}, recorded {seconds(execution.recorded):g}"
            )
        revised = self._revised.get(execution.job_uid, 0.0)
        if (
            not (account.patient or account.was_patient)
            and not missed
            and execution.revision == job.revision
            and at + LONGEST_JITTER < revised  # its moment is what counts
        ):
            self._wrong(f"revision {job.revision}, of {revised:g}, for an earlier due time: {_shown(execution)}")
        if missed and (missed.count != len(own | took) or seconds(missed.first) != min(own | took, default=-1)):
            expected = f"{len(own | took)} from {min(own | took, default=-1)}"
            self._wrong(f"a range is wrong: {_shown(execution)}: {expected} expected, of {sorted(own | took)}")
        account.covered |= own | took
        account.total += len(own)
        self._covers[execution.id] = own | took
        self._owners[execution.id] = account.uid

    @staticmethod
    def _is_late(execution: Execution, account: Account, first: float) -> bool:
        """Whether a range may be: its first due time is older than the trigger's threshold."""
        if account.patient or account.was_patient or execution.reason in ("paused", "jobDeleted"):
            return True
        return seconds(execution.recorded) - first > account.threshold

    def _put(self, job: Job, catch_up: bool) -> None:
        before = self._jobs.get(job.uid)
        self._jobs[job.uid] = job
        if before is None or before.revision != job.revision:
            self._revised[job.uid] = seconds(job.updated) if before else 0.0
        at = seconds(job.updated)
        for trigger in job.triggers:
            spec = job.spec.trigger(trigger.name)
            period = PERIODS.get(spec.cron or "", 0) if spec else 0
            most = spec.max_fires if spec else None
            misfire = spec.misfire if spec else MisfireSpec()
            active = bool(period) and not job.paused
            account = self.accounts.setdefault(trigger.uid, Account(trigger.uid, job.name, trigger.name))
            account.threshold = misfire.threshold.total_seconds()
            account.was_patient = account.patient
            account.patient = misfire.policy == "fireAll"
            over = account.most is not None and account.total >= account.most
            if account.active and active and account.period == period and not over:
                account.most = most
                continue
            self._close(account, at, "a pause" if job.paused else "an edit")
            account.period, account.most, account.active, account.since = period, most, active, at
            if active and catch_up and before is not None and before.paused_since is not None:
                made = seconds(trigger.since) if trigger.since is not None else 0.0
                account.since = max(seconds(before.paused_since), made)
                account.debts = set(account.owed(at))
        for uid in [uid for uid in self.accounts if before and before.trigger(uid) and not job.trigger(uid)]:
            self._close(self.accounts.pop(uid), at, "an edit")

    def _close(self, account: Account, until: float, why: str) -> None:
        if account.active:
            lost = [at for at in account.owed(until) if at not in account.debts]
            if lost:
                self._wrong(f"{account.job}/{account.name}: due times lost by {why} at {until:g}: {lost}")
        account.active = False

    def _check(self, uid: UUID) -> None:
        account, job = self.accounts.get(uid), self._store.job_of(uid)
        record = job.trigger(uid) if job else None
        if account is None or record is None or not account.period:
            return
        if record.error:
            self._wrong(f"{account.job}/{account.name} is set aside: {record.error}")
        if account.active:
            self._check_place(account, record)
        if record.fires != account.total:
            self._wrong(f"{account.job}/{account.name}: fires is {record.fires}, and {account.total} are recorded")
            account.total = record.fires  # told once: what follows from it is not another fault

    def _check_place(self, account: Account, record: TriggerRecord) -> None:
        if record.next_fire is None:
            if account.most is None or account.total < account.most:
                self._wrong(f"{account.job}/{account.name} is active, and has no next fire")
            return
        next_fire = seconds(record.next_fire)
        missing = account.owed(next_fire - 1)
        beyond = [at for at in account.covered if at >= next_fire]
        if missing or beyond:
            told = f"next fire {next_fire:g}: without a record {missing}, recorded already {beyond}"
            self._wrong(f"{account.job}/{account.name}: {told}")

    def settled(self, now: datetime) -> None:
        """All that is due has its record, or is being caught up with."""
        for account in self.accounts.values():
            owed = account.owed(seconds(now) - LATEST) if account.active else []
            if owed:
                debts = " (of its pause)" if set(owed) <= account.debts else ""
                self._wrong(f"{account.job}/{account.name}: due times without a record{debts}: {owed[:20]}")


def _voided(changes: Sequence[Change], start: int) -> list[UUID]:
    """What a new record takes the place of: the voids between it and what is next written of an execution."""
    found: list[UUID] = []
    for change in changes[start:]:
        if isinstance(change, NewExecution | MoveExecution):
            break
        if isinstance(change, VoidExecution):
            found.append(change.id)
    return found


def _shown(execution: Execution) -> str:
    missed = execution.missed
    span = f" for {missed.count} in {seconds(missed.first):g}-{seconds(missed.last):g}" if missed else ""
    at = seconds(execution.scheduled_time)
    return f"{execution.job}/{execution.trigger}@{at:g}{span} ({execution.state} {execution.reason})"
