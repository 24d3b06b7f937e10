"""What is so at the moment in a term, as metrics: read from the leader when somebody asks, and by nobody else.

A node that does not lead has none of these series, rather than zeros that nobody can tell from an empty cluster.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jobstore.states import OPEN, State
from scheduler.failing import FailingJobs


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """A leader's. `waiting` is what waits for a slot, recorded or not; `executors` are by state: attached, draining
    or attaching; `slots` those that may be filled now, and `used` all that are taken."""

    open: Mapping[State, int]
    overdue: int
    waiting: int
    pending_writes: int
    executors: Mapping[str, int]
    slots: int
    used: int


class TermCollector(Collector):
    """The figures of whoever leads: `figures` returns None while this node does not."""

    def __init__(
        self, figures: Callable[[], Figures | None], failing: FailingJobs, registry: CollectorRegistry
    ) -> None:
        self._figures = figures
        self._failing = failing
        registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """All of them, for the registry."""
        now = self._figures()
        if now is None:
            return
        states = {state.value: now.open.get(state, 0) for state in sorted(OPEN)}
        yield _family("open_executions", "Executions that are not final", states, "state")
        yield _family("executors", "Registered executors, by their stream", now.executors, "state")
        failing = self._failing.by_namespace()
        told = "Jobs whose last execution failed, timed out or was lost, by their namespace"
        yield _family("failing_jobs", told, failing, "job_namespace")
        told = "Open executions that nothing has looked at by their time: 0, or a mistake of the scheduler's"
        yield _gauge("overdue_executions", told, now.overdue)
        yield _gauge("queue_depth", "Fires and executions that wait for a free slot", now.waiting)
        yield _gauge("pending_writes", "Decisions that wait for the next transaction", now.pending_writes)
        yield _gauge("slots", "Slots of attached executors that take new work", now.slots)
        yield _gauge("slots_used", "Slots that executions hold", now.used)


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cronquorum_{name}", told, value)


def _family(name: str, told: str, values: Mapping[str, float], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"cronquorum_{name}", told, labels=[label])
    for word, value in values.items():
        family.add_metric([word], value)
    return family
