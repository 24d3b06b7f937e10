"""Counters and histograms that cost little to add to: those of prometheus-client take a lock for each value.

For one thread: the event loop's.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class Tally(Collector):
    """Counts of values up to each of some bounds, as a Prometheus histogram."""

    def __init__(self, name: str, documentation: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        registry.register(self)

    def add(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterable[Metric]:
        """The histogram as it stands, for the registry."""
        buckets: list[tuple[str, float]] = []
        total = 0
        for bound, count in zip((*map(repr_of, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, total))
        family = HistogramMetricFamily(self._name, self._documentation)
        family.add_metric([], buckets=buckets, sum_value=self._sum)
        return [family]


class Counts(Collector):
    """A Prometheus counter, with a label or without. `words` are values of the label that stand there from the
    beginning, at 0: so that the first event of a kind is an increase, and not a new series."""

    def __init__(
        self,
        name: str,
        documentation: str,
        registry: CollectorRegistry,
        label: str = "",
        words: Iterable[str] = (),
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = [label] if label else []
        self._counts: dict[str, int] = dict.fromkeys(words if label else ("",), 0)
        registry.register(self)

    def add(self, word: str = "", count: int = 1) -> None:
        """So many more, of this word."""
        self._counts[word] = self._counts.get(word, 0) + count

    def __getitem__(self, word: str) -> int:
        """How many there were."""
        return self._counts.get(word, 0)

    def __contains__(self, word: str) -> bool:
        return word in self._counts

    def __len__(self) -> int:
        return len(self._counts)

    def collect(self) -> Iterable[Metric]:
        """The counter as it stands, for the registry."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for word, count in self._counts.items():
            family.add_metric([word] if self._labels else [], count)
        return [family]


def repr_of(bound: float) -> str:
    """A bound as prometheus-client writes it."""
    return repr(float(bound))
