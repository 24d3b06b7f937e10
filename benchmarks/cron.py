"""The speed of `next_after`: over the conformance cases, on rare expressions, and beside cronsim and croniter.

All times are microseconds for one fire, the best of several rounds: what else the machine does can only add to them.
The rounds of the three libraries take turns, so that none has a quieter machine, and those over the conformance cases
are spread over the run.
"""

from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from statistics import median
from time import perf_counter
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim

from scheduler.cron import CronExpression, parse
from tests.cron.cases import Case, quartz_cases

_START = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)
_ROUNDS = 7
_FIRES = 40  # of an expression in one round; that many 29ths of February are left
_LONGEST_MEAN = 5.0  # over the conformance cases
_LONGEST_RARE = 50.0

# In unix's fields, which all three read; croniter is told of cron's rule for the day fields.
_SHARED = (
    "* * * * *",
    "*/5 * * * *",
    "7 * * * *",
    "0 */2 * * *",
    "30 2 * * *",
    "15,45 9-17 * * 1-5",
    "0 0 * * 0",
    "0 12 * * MON,WED,FRI",
    "0 0 1 * *",
    "0 0 L * *",
    "0 0 1,15 * *",
    "0 6 13 * 5",
    "0 0 */2 * 1",
    "0 9 * * 1#1",
    "0 0 1 1 *",
    "59 23 31 12 *",
    "0 0 29 2 *",
)
_ZONES = (ZoneInfo("UTC"), ZoneInfo("America/New_York"))
_RARE = (
    "0 0 0 29 2 ?",
    "0 0 0 ? 2 6#5",
    "0 0 0 1 1 ? 2199",
    "59 59 23 31 12 ? 2199",
    "0 0 0 29 2 ? 2196",
    "DAYS=and 0 0 0 29 2 MON",
    "0 0 0 31W * ?",
    "0 0 0 L-30W 7 ? */10",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One expression in one zone: the time of one fire."""

    text: str
    zone: str
    ours: float
    cronsim: float
    croniter: float

    @property
    def ratios(self) -> tuple[float, float]:
        """How many times as long cronsim and croniter take."""
        return self.cronsim / self.ours, self.croniter / self.ours


def run(_: Namespace) -> dict[str, object]:
    """The figures, after a table for people."""
    cases = [(parse(case.text), case) for case in quartz_cases()]
    passes = [_timed(partial(_pass, cases)) for _ in range(_ROUNDS)]
    rare = {text: _rare(text) for text in _RARE}
    rows = []
    for text in _SHARED:
        rows += [_compare(text, zone) for zone in _ZONES]
        passes.append(_timed(partial(_pass, cases)))
    mean = min(passes)
    least = [min(row.ratios[other] for row in rows) for other in (0, 1)]
    figures: dict[str, object] = {
        "unit": "us per fire",
        "quartz_tsv": {"mean": round(mean, 2), "first_pass": round(passes[0], 2), "target": _LONGEST_MEAN},
        "rare": {"each": {text: round(time, 1) for text, time in rare.items()}, "target": _LONGEST_RARE},
        "times_as_fast_as": {
            name: {"least": round(least[other], 1), "median": round(median(row.ratios[other] for row in rows), 1)}
            for other, name in enumerate(("cronsim", "croniter"))
        },
        "targets_met": mean <= _LONGEST_MEAN and max(rare.values()) <= _LONGEST_RARE and min(least) > 1,
    }
    print("\n".join(_table(passes[0], mean, rare, rows)))
    return figures


def _pass(cases: list[tuple[CronExpression, Case]]) -> int:
    """All fires of all cases; how many calls that were."""
    calls = 0
    for expression, case in cases:
        at: datetime | None = case.start
        for _ in case.fires:
            assert at is not None
            at = expression.next_after(at, case.zone)
            calls += 1
    return calls


def _rare(text: str) -> float:
    """One call from today, whatever it has to pass over."""
    expression, zone = parse(text), ZoneInfo("Europe/Berlin")

    def calls() -> int:
        for _ in range(_FIRES):
            expression.next_after(_START, zone)
        return _FIRES

    return min(_timed(calls) for _ in range(_ROUNDS))


def _compare(text: str, zone: ZoneInfo) -> Row:
    start = _START.astimezone(zone)
    makers: dict[str, Callable[[], Iterator[datetime]]] = {
        "ours": lambda: _chain(parse(text), start, zone),
        "cronsim": lambda: CronSim(text, start),
        "croniter": lambda: croniter(text, start, ret_type=datetime, implement_cron_bug=True),
    }
    answers = {name: [fire.astimezone(UTC) for fire in islice(make(), 10)] for name, make in makers.items()}
    assert answers["ours"] == answers["cronsim"] == answers["croniter"], (text, answers)
    best = dict.fromkeys(makers, float("inf"))
    for _ in range(_ROUNDS):
        for name, make in makers.items():
            fires = make()
            best[name] = min(best[name], _timed(partial(_draw, fires)))
    return Row(text=text, zone=zone.key, **best)


def _chain(expression: CronExpression, start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """By single calls, as a scheduler makes them."""
    at: datetime | None = start
    while at is not None and (at := expression.next_after(at, zone)):
        yield at


def _draw(fires: Iterator[datetime]) -> int:
    return sum(1 for _ in islice(fires, _FIRES))


def _timed(calls: Callable[[], int]) -> float:
    """Microseconds for one of the calls, of which there are as many as it returns."""
    start = perf_counter()
    count = calls()
    return (perf_counter() - start) / count * 1e6


def _table(first_pass: float, mean: float, rare: dict[str, float], rows: list[Row]) -> Iterator[str]:
    yield f"over quartz.tsv, us per call (at most {_LONGEST_MEAN}): {mean:.2f}, in the first pass {first_pass:.2f}"
    yield ""
    yield f"{'rare, from 2026 (at most ' + str(_LONGEST_RARE) + ')':32} {'us':>8}"
    for text, time in rare.items():
        yield f"{text:32} {time:8.1f}"
    yield ""
    yield f"{'shared, us per fire':24} {'zone':18} {'ours':>8} {'cronsim':>16} {'croniter':>16}"
    for row in rows:
        cronsim, croniter = (
            f"{time:8.1f} {ratio:6.1f}x" for time, ratio in zip((row.cronsim, row.croniter), row.ratios, strict=True)
        )
        yield f"{row.text:24} {row.zone:18} {row.ours:8.1f} {cronsim:>16} {croniter:>16}"
