"""What a node counts, in a registry of its own. Never a label per job or execution.

What is so at the moment is read from the leader when somebody asks: see `scheduler.figures`.
"""

from prometheus_client import Gauge

from cronquorum.observation import new_registry
from cronquorum.tally import Counts, Tally
from jobstore.model import Execution
from jobstore.states import FINAL, State
from scheduler.failing import BAD, MOST_NAMESPACES, OTHERS, FailingJobs
from scheduler.misfire import FirePlan
from scheduler.spans import ExecutionSpans

_LATENESS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_DURATION = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_COMMIT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
_BATCH = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)
_TAKE_OVER = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

SKIP_REASONS = ("overlap", "misfire", "startDeadline", "paused", "jobDeleted", "definitionUnreadable")
OTHER = "other"


class NodeMetrics:
    """The metrics of one node."""

    def __init__(self) -> None:
        self.registry = registry = new_registry()
        self.failing = FailingJobs()
        self.spans: ExecutionSpans | None = None
        """Where traces are made: who counts an execution's states tells of them, too."""
        self.leader = Gauge("cronquorum_leader", "1 while this node leads", registry=registry)
        self.held = Gauge(
            "cronquorum_held", "1 while this node leads and waits for `schedctl cluster release`", registry=registry
        )
        self.epoch = Gauge("cronquorum_epoch", "Epoch of this node's last term", registry=registry)
        self.store_up = Gauge("cronquorum_store_up", "1 while the store answers this node", registry=registry)
        self.clock_offset = Gauge(
            "cronquorum_clock_offset_seconds",
            "The store's clock minus the host's; beyond 2 either way this node does not lead",
            registry=registry,
        )
        self.terms = Counts("cronquorum_terms", "Terms that this node began", registry)
        self.election = Tally(
            "cronquorum_election_duration_seconds", "First in line to a term begun in the store", _TAKE_OVER, registry
        )
        self.failover = Tally(
            "cronquorum_failover_duration_seconds", "First in line to firing and serving writes", _TAKE_OVER, registry
        )
        self.fencing = Counts(
            "cronquorum_fencing_refusals",
            "What was refused to this node for being of the past: a write, the claim to a term, or its epoch",
            registry,
            "what",
            ("write", "claim", "epoch"),
        )
        self._fires = Counts(
            "cronquorum_fires",
            "Fires by what was decided: sent to an executor, waiting, or recorded as skipped",
            registry,
            "outcome",
            (State.DISPATCHED, State.PENDING, State.SKIPPED),
        )
        self._misfires = Counts(
            "cronquorum_misfires",
            "Due times that were missed: run late, folded into one run, or skipped",
            registry,
            "outcome",
            ("run", "folded", "skipped"),
        )
        self._skips = Counts(
            "cronquorum_skips", "Executions that were skipped", registry, "reason", (*SKIP_REASONS, OTHER)
        )
        self._retries = Counts(
            "cronquorum_retries", "Attempts after which another follows", registry, "reason", ("retry", "executorLost")
        )
        self._ended = Counts("cronquorum_executions", "Executions that became final", registry, "state", sorted(FINAL))
        self._failed = Counts(
            "cronquorum_failed_executions",
            "Executions that failed, timed out or were lost, by the job's namespace",
            registry,
            "job_namespace",
        )
        self.lateness = Tally(
            "cronquorum_lateness_seconds", "Scheduled time to start of first attempts", _LATENESS, registry
        )
        self.duration = Tally("cronquorum_duration_seconds", "Start to end of last attempts", _DURATION, registry)
        self.commit_seconds = Tally("cronquorum_commit_seconds", "One transaction of the writer", _COMMIT, registry)
        self.commit_changes = Tally("cronquorum_commit_changes", "Changes in one transaction", _BATCH, registry)
        self.refused = Counts("cronquorum_reports_refused", "Reports kept as evidence", registry)
        self.set_aside = Counts("cronquorum_triggers_set_aside", "Triggers that could not be decided", registry)

    def committed(self, changes: int, seconds: float) -> None:
        """A transaction of the writer went through."""
        self.commit_changes.add(changes)
        self.commit_seconds.add(seconds)

    def fired(self, execution: Execution, plan: FirePlan) -> None:
        """A fire was decided, and this is its record."""
        self._fires.add(execution.state)
        if plan.catching_up:
            self._misfires.add("run")
        elif plan.missed is not None and (not plan.skipped or plan.skipped.startswith("misfire")):
            self._misfires.add("skipped" if plan.skipped else "folded", plan.missed.count)

    def started(self, execution: Execution) -> None:
        """An execution's first attempt began to run."""
        if execution.attempt == 1 and execution.started is not None:
            late = (execution.started - execution.scheduled_time).total_seconds()
            self.lateness.add(late)

    def retried(self, execution: Execution) -> None:
        """An attempt ended, and another one follows: the reason is on the record."""
        self._retries.add(execution.reason)

    def finished(self, execution: Execution) -> None:
        """An execution became final."""
        state = execution.state
        self._ended.add(state)
        self.failing.ended(execution)
        if execution.started is not None and execution.ended is not None:
            self.duration.add((execution.ended - execution.started).total_seconds())
        if state is State.SKIPPED:
            reason = execution.reason.partition(":")[0]
            self._skips.add(reason if reason in SKIP_REASONS else OTHER)
        elif state in BAD:
            known = len(self._failed) < MOST_NAMESPACES or execution.namespace in self._failed
            self._failed.add(execution.namespace if known else OTHERS)
