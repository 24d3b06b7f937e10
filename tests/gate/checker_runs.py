"""What ran against what is recorded: the world against the ledger."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.gate.checker_world import Fault, Run, World
from tests.gate.ledger import Attempt, Ledger, Record, rfc3339
from tests.gate.verdict import Findings, Kind

EARLY = 50.0
"""Milliseconds by which the store's time, as a leader knows it, may be ahead of the machine's clock."""
TOUCH = 1.0
"""Milliseconds that two intervals may share: their ends are read from a clock that is mapped."""
LATE_REPORT = 1000.0
"""Milliseconds by which a reported end may be dated earlier than it was: a report says its age, and travels."""
ENDS = ("ok", "stopped")
"""How a task that succeeded may have ended: one that was told to stop, and returned, did what it should."""
NO_WORLD = "liar"
"""An executor that says what it likes, and writes nothing down."""
JOURNALED = 1000.0
"""Milliseconds after its task's end by which an outcome is in the journal: what is killed then must not lose it."""


def check_runs(world: World, ledger: Ledger, faults: Sequence[Fault], findings: Findings) -> None:
    """All that concerns single executions, and executions of one job beside each other."""
    by_execution = world.by_execution()
    for execution, runs in by_execution.items():
        record = ledger.records.get(execution)
        if record is None:
            told = f"{runs[0].job}: execution {execution} ran, and has no record"
            findings.add(Kind.UNKNOWN, told, runs=[runs[0].shown()])
        else:
            _check_begins(record, runs, findings)
        _check_overlaps(execution, runs, findings)
    for record in ledger.records.values():
        _Ends(record, by_execution.get(record.id, []), ledger, faults, findings).check()
    _check_jobs(world, ledger, findings)


def _check_begins(record: Record, runs: Sequence[Run], findings: Findings) -> None:
    attempts = {attempt.attempt: attempt for attempt in record.attempts}
    for run in runs:
        attempt = attempts.get(run.attempt)
        if run.begin < record.scheduled - EARLY:
            told = f"{record.job}: began {record.scheduled - run.begin:.0f} ms before {rfc3339(record.scheduled)}"
            findings.add(Kind.EARLY, told, record=record.shown(), run=run.shown())
        if attempt is None:
            told = f"{record.job}: attempt {run.attempt} of {record.id} ran, and is not recorded"
            findings.add(Kind.UNKNOWN, told, record=record.shown(), run=run.shown())
        elif attempt.executor and attempt.executor != run.executor:
            told = f"{record.job}: attempt {run.attempt} of {record.id} ran on another executor than recorded"
            findings.add(Kind.UNKNOWN, told, record=record.shown(), run=run.shown())
    for attempt in record.attempts:
        for what, at in (("sent", attempt.dispatched), ("started", attempt.started)):
            if at is not None and at < record.scheduled - TOUCH:
                told = f"{record.job}: recorded as {what} at {rfc3339(at)}, before {rfc3339(record.scheduled)}"
                findings.add(Kind.EARLY, told, record=record.shown())


def _check_overlaps(execution: str, runs: Sequence[Run], findings: Findings) -> None:
    """Of one execution. A placement that is refused or never received begins nothing: one begin for each attempt."""
    seen: dict[tuple[int, int], Run] = {}
    longest: Run | None = None
    for run in runs:
        twin = seen.get((run.part, run.attempt))
        if twin is not None:
            told = f"{run.job}: attempt {run.attempt} of {execution} began twice"
            findings.add(Kind.RAN_TWICE, told, runs=[twin.shown(), run.shown()])
        elif longest is not None and longest.part == run.part and run.begin < longest.until - TOUCH:
            told = f"{run.job}: attempts {longest.attempt} and {run.attempt} of {execution} ran at a time"
            findings.add(Kind.OVERLAPPING, told, runs=[longest.shown(), run.shown()])
        seen[run.part, run.attempt] = run
        if longest is None or run.until > longest.until:
            longest = run


@dataclass(frozen=True)
class _Ends:
    """One record's states against what of it ran."""

    record: Record
    runs: Sequence[Run]
    ledger: Ledger
    faults: Sequence[Fault]
    findings: Findings

    def check(self) -> None:
        record = self.record
        if record.current.executor == NO_WORLD:
            return
        current = [run for run in self.runs if run.attempt == record.attempt]
        shown = [run.shown() for run in self.runs]
        if record.state == "skipped" and self.runs:
            told = f"{record.job}: {record.id} is recorded as skipped ({record.reason}), and ran"
            self.findings.add(Kind.RAN_THOUGH_NOT, told, record=record.shown(), runs=shown)
        elif record.state == "cancelled" and record.current.started is None and current:
            if not self._hit(record.current, current):
                told = f"{record.job}: {record.id} is recorded as cancelled before it started, and ran"
                self.findings.add(Kind.RAN_THOUGH_NOT, told, record=record.shown(), runs=shown)
        elif record.state == "succeeded" and not any(run.how in ENDS for run in current):
            told = f"{record.job}: {record.id} is recorded as succeeded, and did not come to its end"
            self.findings.add(Kind.NO_END, told, record=record.shown(), runs=shown)
        for attempt in record.attempts:
            own = [run for run in self.runs if run.attempt == attempt.attempt]
            if attempt.state == "lost" and attempt.executor != NO_WORLD:
                self._check_lost(attempt, own)
            elif attempt.reason != "executorLost":
                self._check_lived_on(attempt, own)

    def _check_lived_on(self, attempt: Attempt, runs: Sequence[Run]) -> None:
        for run in runs:
            if attempt.ended is not None and max(run.beat, run.end or 0.0) > attempt.ended + LATE_REPORT:
                told = f"{self.record.job}: something of attempt {run.attempt} of {run.execution} ran on after its end"
                facts = {"record": self.record.shown(), "ended": rfc3339(attempt.ended), "run": run.shown()}
                self.findings.add(Kind.LIVED_ON, told, **facts)

    def _check_lost(self, attempt: Attempt, runs: Sequence[Run]) -> None:
        record = self.record
        facts = {"record": record.shown(), "attempt": attempt.attempt, "runs": [run.shown() for run in runs]}
        which = f"attempt {attempt.attempt} of {record.id}"
        ended = next((run for run in runs if run.end is not None and run.how != "stopped"), None)
        hits = self._hit(attempt, runs)
        if not hits:
            told = f"{record.job}: {which} is recorded as lost, and no fault hit its executor {attempt.executor}"
            self.findings.add(Kind.WRONGLY_LOST, told, **facts)
        elif ended is not None and all(_only_killed(fault, after=ended.until + JOURNALED) for fault in hits):
            told = f"{record.job}: {which} is recorded as lost, and had ended long before its executor was killed"
            self.findings.add(Kind.WRONGLY_LOST, told, **facts)
        spec = self.ledger.spec(record)
        may = spec.get("idempotent") or spec.get("failover", {}).get("strategy") == "rerun"
        again = [run for run in self.runs if run.attempt > attempt.attempt]
        if runs and again and not may:
            told = f"{record.job}: {which} had begun and was lost, and another began, though it is not idempotent"
            self.findings.add(Kind.RERUN, told, **facts, again=again[0].shown())

    def _hit(self, attempt: Attempt, runs: Sequence[Run]) -> list[Fault]:
        """The faults of its executor that lay in the time of an attempt."""
        low = min([run.begin for run in runs], default=attempt.dispatched or 0.0)
        high = attempt.ended or self.ledger.read
        return [
            fault
            for fault in self.faults
            if fault.made
            and fault.executor == attempt.executor
            and fault.begin <= high
            and (fault.healed is None or fault.healed + AFTERMATH >= low)
        ]


AFTERMATH = 25_000.0
"""Milliseconds after a fault of an executor in which attempts may still be lost: T and 1.1 leases, and a little."""


def _only_killed(fault: Fault, after: float) -> bool:
    """Whether a fault killed an executor's process later than that, and left its guardian and disk as they were."""
    return fault.kind.startswith("executor-kill") and bool(fault.facts.get("guardian")) and fault.begin > after


def _check_jobs(world: World, ledger: Ledger, findings: Findings) -> None:
    """No execution of a job whose policy is `skip` begins while another of its job runs."""
    longest: dict[str, Run] = {}
    for run in world.runs:
        record = ledger.records.get(run.execution)
        if record is None:
            continue
        before = longest.get(record.job_uid)
        policy = ledger.spec(record).get("concurrency", {}).get("policy") or "skip"
        beside = before is not None and before.execution != run.execution and run.begin < before.until - TOUCH
        if before is not None and beside and policy == "skip":
            told = f"{run.job}: {before.execution} and {run.execution} ran at a time, and its policy is skip"
            findings.add(Kind.CONCURRENT, told, runs=_with_execution((before, run)))
        if before is None or run.until > before.until:
            longest[record.job_uid] = run


def _with_execution(runs: Iterable[Run]) -> list[dict[str, object]]:
    return [{"execution": run.execution, **run.shown()} for run in runs]
