"""What an executor counts, and what is so at the moment: in a registry of its own. Never a label per job or attempt."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cronquorum.observation import new_registry
from cronquorum.tally import Counts
from executor.report import OutcomeState

REFUSALS = (
    "noSlot",
    "draining",
    "unknownTask",
    "unknownKind",
    "leaseExpired",
    "wrongIncarnation",
    "badTask",
    "tooMuchHeld",
)
"""The words of the wire contract (`Refused.reason`)."""


class ExecutorMetrics:
    """The counters of one executor."""

    def __init__(self) -> None:
        self.registry = registry = new_registry()
        self.starts = Counts("cronquorum_executor_starts", "Attempts that were begun", registry)
        self.outcomes = Counts(
            "cronquorum_executor_outcomes",
            "Attempts that ended",
            registry,
            "state",
            [each.value for each in OutcomeState],
        )
        self.refusals = Counts(
            "cronquorum_executor_refusals", "Dispatches that were not taken", registry, "reason", REFUSALS
        )
        self.leases_lost = Counts(
            "cronquorum_executor_leases_lost",
            "Times that neither a leader nor ZooKeeper answered for a lease",
            registry,
        )
        self.stale_epochs = Counts(
            "cronquorum_executor_stale_epochs_refused", "Streams of superseded leaders that were refused", registry
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """An executor's. `oldest` is the age (seconds) of what has waited longest for an acknowledgement."""

    slots: int
    running: int
    draining: bool
    registered: bool
    attached: bool
    epoch: int
    unacknowledged: int
    oldest: float
    unwritten: int
    lease_remaining: float


class FiguresCollector(Collector):
    """What `figures` says whenever somebody asks; nothing while it returns None."""

    def __init__(self, figures: Callable[[], Figures | None], metrics: ExecutorMetrics) -> None:
        self._figures = figures
        metrics.registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """All of them, for the registry."""
        now = self._figures()
        if now is None:
            return
        yield _gauge("slots", "Attempts that may run at once", now.slots)
        yield _gauge("running", "Attempts that run", now.running)
        yield _gauge("draining", "1 while nothing new is taken", now.draining)
        yield _gauge("registered", "1 while ZooKeeper has this executor, as far as is known here", now.registered)
        yield _gauge("attached", "1 while a leader's stream is up", now.attached)
        yield _gauge("epoch", "Highest epoch that was seen here", now.epoch)
        yield _gauge("unacknowledged_outcomes", "Outcomes that no leader has acknowledged", now.unacknowledged)
        yield _gauge("oldest_outcome_age_seconds", "Age of the oldest unacknowledged outcome; 0: none", now.oldest)
        yield _gauge(
            "unwritten_outcomes", "Outcomes that the disk did not take, and that are in memory only", now.unwritten
        )
        yield _gauge(
            "lease_remaining_seconds", "Time until attempts are ended unless somebody answers", now.lease_remaining
        )


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cronquorum_executor_{name}", told, value)
