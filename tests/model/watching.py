"""What must be true of records, and of what really runs: checked at each commit, message and start."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from jobstore.changes import Change, MoveExecution, NewExecution
from jobstore.model import EndedAttempt, Execution
from jobstore.states import PLACED, State, may_move
from schedapi.v1 import executor_service_pb2 as pb
from tests.model.accounting import Report, seconds
from tests.model.executors import Executor, Key, flat
from tests.model.loop import ModelClock
from tests.model.memory_store import MemoryStore


def _legal(source: State, target: State) -> bool:
    """A move of the table, or two by way of pending: what is retried may be placed in the same breath."""
    return may_move(source, target) or (may_move(source, State.PENDING) and may_move(State.PENDING, target))


@dataclass
class Run:
    """An attempt that really ran."""

    key: Key
    begun: float
    ended: float | None = None
    how: str = ""


@dataclass
class Watcher:
    """Reports what must not be."""

    store: MemoryStore
    clock: ModelClock
    wrong: Report
    sendable: set[Key] = field(default_factory=set)
    """Every placement that was ever committed."""
    runs: dict[str, list[Run]] = field(default_factory=dict)
    seen: dict[UUID, Execution] = field(default_factory=dict)

    # --------------------------------------------------------------------------------------------- records

    def committed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, NewExecution | MoveExecution):
                self._written(change.execution)

    def _written(self, row: Execution) -> None:
        before = self.seen.get(row.id)
        if before is not None and before.state is not row.state and not _legal(before.state, row.state):
            self.wrong(f"{row.job} {row.id} moved from {before.state} to {row.state}")
        if not row.state.final and row.check_at is None:
            self.wrong(f"{row.job} {row.id} is {row.state}, and nothing looks at it again")
        if row.state in PLACED:
            if not row.incarnation:
                self.wrong(f"{row.job} {row.id} is {row.state}, and nobody has it")
            self.sendable.add((str(row.id), row.attempt, row.placement, row.incarnation))
        self.seen[row.id] = row

    # -------------------------------------------------------------------------------------------- messages

    def leaves(self, message: pb.LeaderMessage, may_act: bool) -> None:
        """A leader writes this to a stream."""
        for dispatch in message.dispatches:
            if flat(dispatch.key) not in self.sendable:
                self.wrong(f"sent before its record is committed: {flat(dispatch.key)}")
            if dispatch.scheduled_time_ms > self.clock.now().timestamp() * 1000:
                self.wrong(f"sent early: {flat(dispatch.key)}")
        # an answer for a lease may leave, if the store vouches for the term; nothing else
        only_lease = message.HasField("lease") and not (message.dispatches or message.cancels or message.acknowledged)
        if not may_act and not message.HasField("hello") and not only_lease:
            self.wrong(f"a leader that may not act says {message}")

    def acknowledged(self, report: pb.Report) -> None:
        """An executor lets go of a last word."""
        key = flat(report.key)
        row = self.store.rows.get(UUID(key[0]))
        if row is None:
            return
        present = (row.attempt, row.placement, row.incarnation) == key[1:]
        if present and row.state in PLACED:
            self.wrong(f"acknowledged while its row is {row.state}: {key}")
        if report.WhichOneof("what") == "outcome" and not self._is_kept(report, row):
            self.wrong(f"an outcome was acknowledged, and is nowhere: {key} {report.outcome.state}; {row}")

    def _is_kept(self, report: pb.Report, row: Execution) -> bool:
        key = flat(report.key)
        pasts: list[Execution | EndedAttempt] = [row, *self.store.attempts(row.id)]
        for past in pasts:
            state = past.outcome if isinstance(past, EndedAttempt) else past.state
            same = (past.attempt, past.placement, past.incarnation) == key[1:]
            if same and state in (State(report.outcome.state), State.CANCELLED):
                return True
        return any(each.execution_id == row.id for each in self.store.evidence)

    # ----------------------------------------------------------------------------------------------- world

    def begins(self, executor: Executor, dispatch: pb.Dispatch, now: float) -> None:
        """An attempt really begins."""
        key = flat(dispatch.key)
        past = self.runs.setdefault(key[0], [])
        row = self.store.rows.get(UUID(key[0]))
        if key not in self.sendable or row is None:
            self.wrong(f"begun without a record: {key}")
            past.append(Run(key, now))
            return
        if self.clock.now() < row.scheduled_time:
            self.wrong(f"begun early: {key}")
        running = [run.key for run in past if run.ended is None]
        if running:
            self.wrong(f"{key} begins while {running} run")
        spec = self.store.spec(row.job_uid, row.revision)
        self._runs_alone(row, key)
        for run in past:
            unknown = run.how in ("killed", "lost", "succeeded")
            if spec is not None and not spec.idempotent and (unknown or not spec.retry.max_attempts):
                self.wrong(f"{key} runs again, and must not: {run.key} was {run.how} at {run.ended}")
        past.append(Run(key, now))

    def _runs_alone(self, row: Execution, key: Key) -> None:
        """Where executions of a job must not overlap, none other runs."""
        if not self._is_alone(row):
            return
        for id_, past in self.runs.items():
            other = self.store.rows.get(UUID(id_))
            overlaps = past and past[-1].ended is None and id_ != key[0]
            if other is not None and overlaps and other.job_uid == row.job_uid and self._is_alone(other):
                self.wrong(f"{row.job}: {key} begins while another execution runs: {past[-1].key}")

    def _is_alone(self, row: Execution) -> bool:
        spec = self.store.spec(row.job_uid, row.revision)
        return spec is not None and spec.concurrency.policy in (None, "skip")

    def ends(self, key: Key, how: str, now: float) -> None:
        run = self.runs[key[0]][-1]
        run.ended, run.how = now, how

    # ------------------------------------------------------------------------------------------- at the end

    def settled(self, late: float) -> None:
        """What is open was recorded not long ago, or waits for something that it names."""
        now = self.clock.now()
        for row in self.store.open.values():
            age = (now - row.recorded).total_seconds()
            overdue = row.check_at is None or (now - row.check_at).total_seconds() > 3
            waits = row.state is State.RETRYING and not overdue
            queued = row.state is State.PENDING and row.reason.startswith("no free slot") and not overdue
            if overdue or (age > late and not waits and not queued):
                at = seconds(row.scheduled_time)
                self.wrong(f"{row.job}@{at:g} {row.id} is still {row.state} ({row.reason or row.incarnation}) at {now}")
