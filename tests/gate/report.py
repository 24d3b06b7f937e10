"""The report of a run, on one page: the verdict first."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.gate.pictures import Row, histogram, rows
from tests.gate.verdict import Failover, Failure, Kind, Verdict

SHOWN = 3
"""Failures of each kind that the page shows; `verdict.json` has all."""
_EDGES = (-1e9, 0.0, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
_LABELS = ("early", "0", "10 ms", "25 ms", "50 ms", "0.1 s", "0.25 s", "0.5 s", "1 s", "2 s", "5 s", "10 s", "60 s")
_COUNTS = ("due", "may be due", "records", "manual runs", "runs in the world", "reports refused")


def write_report(folder: Path, verdict: Verdict) -> None:
    """Write verdict.json, report.md, lateness.svg and failover.svg to a folder."""
    verdict.write(folder / "verdict.json")
    (folder / "lateness.svg").write_text(
        histogram("Lateness of fires: from a label to the next", verdict.lateness, _EDGES, _LABELS)
    )
    (folder / "failover.svg").write_text(rows("From a fault to the next dispatch", failover_rows(verdict.failovers)))
    (folder / "report.md").write_text("\n".join(page(verdict)) + "\n")


def failover_rows(failovers: Iterable[Failover]) -> list[Row]:
    """The faults by kind, for the picture."""
    by_kind: dict[str, list[Failover]] = {}
    for each in failovers:
        by_kind.setdefault(each.kind, []).append(each)
    return [
        Row(kind, [each.seconds for each in same if each.seconds is not None], same[0].most)
        for kind, same in sorted(by_kind.items())
    ]


def page(verdict: Verdict) -> list[str]:
    """The lines of report.md."""
    counts, run = verdict.counts, verdict.run
    failed = verdict.failed
    word = "Clean." if verdict.clean else f"**Not clean: {sum(failed.values())} failures.**"
    found = [f"# The gate: {'clean' if verdict.clean else 'NOT CLEAN'}", "", word, ""]
    found += ["| failure | how many |", "|---|---|"]
    found += [f"| {kind.value} | {failed[kind]} |" for kind in _order(failed)]
    found += ["", "| | |", "|---|---|"]
    found += [f"| {name} | {counts.get(name, 0):,} |" for name in _COUNTS]
    found += [f"| {name} | {count:,} |" for name, count in sorted(counts.items()) if name not in _COUNTS]
    found += ["", "## Faults", "", *_faults(verdict)]
    found += ["", "## Lateness", "", _percentiles(verdict.lateness), "", "![lateness](lateness.svg)"]
    found += ["", "## Failover", "", *_failovers(verdict.failovers), "", "![failover](failover.svg)"]
    if verdict.failures:
        found += ["", "## Witnesses", "", *_witnesses(verdict.failures)]
    if verdict.remarks:
        found += ["", "## Remarks", "", *(f"* {remark}" for remark in verdict.remarks)]
    found += ["", "## Again", "", f"Seed {run.get('seed', '?')}: `{run.get('command', '?')}`"]
    return found


def _order(failed: dict[Kind, int]) -> list[Kind]:
    """The five that the gate is about, always; the others when there are any."""
    main = [Kind.LOST, Kind.DOUBLED, Kind.EARLY, Kind.OVERLAPPING, Kind.UNKNOWN]
    return [*main, *(kind for kind in Kind if kind not in main and failed[kind])]


def _faults(verdict: Verdict) -> list[str]:
    found = ["| kind | made |", "|---|---|"]
    found += [f"| {kind} | {count} |" for kind, count in sorted(verdict.faults.items())]
    if not verdict.faults:
        found += ["| none | |"]
    if verdict.not_made:
        found += ["", "Could not be made:", ""]
        found += [f"* {kind}: {why}" for kind, why in sorted(set(verdict.not_made))]
    return found


def _percentiles(values: Sequence[float]) -> str:
    if not values:
        return "Nothing ran."
    told = ", ".join(f"{name} {_seconds(values[int(share * (len(values) - 1))])}" for name, share in _SHARES)
    return f"{len(values):,} fires: {told}."


_SHARES = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if abs(value) < 1 else f"{value:.1f} s"


def _failovers(failovers: Sequence[Failover]) -> list[str]:
    found = ["| fault | how often | p50 | max | at most | the machine was starved |", "|---|---|---|---|---|---|"]
    for row in failover_rows(failovers):
        same = [each for each in failovers if each.kind == row.name]
        seconds = sorted(row.seconds)
        middle = _seconds(seconds[len(seconds) // 2]) if seconds else "never"
        longest = _seconds(seconds[-1]) if seconds else "never"
        most = f"{row.most:g} s" if row.most is not None else "-"
        starved = sum(each.starved for each in same)
        found.append(f"| {row.name} | {len(same)} | {middle} | {longest} | {most} | {starved} times |")
    return found


def _witnesses(failures: Sequence[Failure]) -> list[str]:
    found: list[str] = []
    for kind in Kind:
        same = [failure for failure in failures if failure.kind is kind]
        if same:
            found += [f"* **{kind.value}** ({len(same)})"]
            found += [f"  * {failure.what}" for failure in same[:SHOWN]]
    return found
