"""What a node counts, in a registry of its own. Never a label per job or execution."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from cronquorum.certificates import Certificates
from jobstore.model import Execution
from jobstore.states import FINAL, OPEN, State
from scheduler.tally import Tally

_LATENESS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_DURATION = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_COMMIT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)


class NodeMetrics:
    """The metrics of one node."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        self.leader = Gauge("cronquorum_leader", "1 while this node leads", registry=registry)
        self.held = Gauge(
            "cronquorum_held", "1 while this node leads and waits for `schedctl cluster release`", registry=registry
        )
        self.epoch = Gauge("cronquorum_epoch", "Epoch of this node's last term", registry=registry)
        self.clock_offset = Gauge(
            "cronquorum_clock_offset_seconds",
            "The store's clock minus the host's; beyond 2 either way this node does not lead",
            registry=registry,
        )
        self.open = Gauge("cronquorum_open_executions", "Executions that are not final", ["state"], registry=registry)
        self.overdue = Gauge(
            "cronquorum_overdue_executions",
            "Open executions that nothing has looked at by their time: 0, or a mistake of the scheduler's",
            registry=registry,
        )
        self.executors = Gauge("cronquorum_executors", "Attached executors", registry=registry)
        ended = Counter("cronquorum_executions", "Executions that became final", ["state"], registry=registry)
        # one for each state, so that none is looked up by its name for each execution
        self.ended = {state: ended.labels(state.value) for state in FINAL}
        self.terms = Counter("cronquorum_terms", "Terms that this node began", registry=registry)
        self.refused = Counter("cronquorum_reports_refused", "Reports kept as evidence", registry=registry)
        self.stale_writes = Counter(
            "cronquorum_stale_writes_refused", "Writes of an ended term that the store refused", registry=registry
        )
        self.set_aside = Counter(
            "cronquorum_triggers_set_aside", "Triggers that could not be decided", registry=registry
        )
        self.lateness = Tally(
            "cronquorum_lateness_seconds", "Scheduled time to start of first attempts", _LATENESS, registry
        )
        self.duration = Tally("cronquorum_duration_seconds", "Start to end of attempts", _DURATION, registry)
        self.commit_seconds = Tally("cronquorum_commit_seconds", "One transaction of the writer", _COMMIT, registry)
        self.changes = Counter("cronquorum_changes", "Changes written", registry=registry)

    def expose_certificate(self, certificates: Certificates) -> None:
        """Tell when this node's certificate ends, as its file says at each look."""
        ends = Gauge(
            "cronquorum_certificate_expiry_timestamp_seconds",
            "When this node's certificate ends, in seconds since 1970",
            registry=self.registry,
        )
        ends.set_function(lambda: certificates.current().ends.timestamp())

    def committed(self, changes: int, seconds: float) -> None:
        """A transaction of the writer went through."""
        self.changes.inc(changes)
        self.commit_seconds.add(seconds)

    def started(self, execution: Execution) -> None:
        """An execution's first attempt began to run."""
        if execution.attempt == 1 and execution.started is not None:
            late = (execution.started - execution.scheduled_time).total_seconds()
            self.lateness.add(late)

    def finished(self, execution: Execution) -> None:
        """An execution became final."""
        self.ended[execution.state].inc()
        if execution.started is not None and execution.ended is not None:
            self.duration.add((execution.ended - execution.started).total_seconds())

    def standing(self, counts: Mapping[State, int], attached: int) -> None:
        """What is so at the moment."""
        for state in OPEN:
            self.open.labels(state.value).set(counts.get(state, 0))
        self.executors.set(attached)
