"""A stretch of time whose fires are looked at, and what is said of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from benchmarks.figures import percentiles
from benchmarks.record import Row

PARTS = 6
"""In which the window is told, too: so that it shows whether lateness grows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """From `begin` until before `end`, both full seconds."""

    begin: datetime
    end: datetime

    def seconds(self) -> Iterator[float]:
        """Each full second in it, since 1970."""
        return map(float, range(round(self.begin.timestamp()), round(self.end.timestamp())))


def measured(rows: Sequence[Row], window: Window) -> dict[str, Any]:
    """Rate and lateness of the fires of a window: recorded, as the tasks saw it, and the recorded p99 of its parts."""
    length = (window.end - window.begin).total_seconds()
    started = [row for row in rows if row.started is not None]
    parts: list[list[float]] = [[] for _ in range(PARTS)]
    for row in started:
        share = (row.scheduled - window.begin.timestamp()) / length
        parts[min(PARTS - 1, max(0, int(share * PARTS)))].append(row.lateness)
    told = [(row.word - row.scheduled) * 1000 for row in started if isinstance(row.word, float)]
    return {
        "rate": round(len(rows) / length, 1),
        "lateness_ms": percentiles([row.lateness for row in started]),
        "lateness_told_by_tasks_ms": percentiles(told),
        "p99_over_time_ms": [percentiles(part)["p99"] for part in parts if part],
    }
