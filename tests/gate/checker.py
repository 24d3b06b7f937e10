"""The judge: pure over the files of a run. `python -m tests.gate.checker FOLDER` judges one again."""

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.gate.checker_after import check_after
from tests.gate.checker_figures import check_figures, lateness
from tests.gate.checker_ledger import GRACE, check_ledger
from tests.gate.checker_records import account, check_records
from tests.gate.checker_runs import check_runs
from tests.gate.checker_world import Fault, Line, boot_to_wall, read_faults, read_lines, read_world
from tests.gate.ledger import Ledger, parse_ledger
from tests.gate.oracle import expect
from tests.gate.report import write_report
from tests.gate.verdict import Findings, Verdict

AHEAD = 1100
"""Milliseconds by which a fire may be recorded ahead of its time, and a little."""


@dataclass(frozen=True, kw_only=True)
class Logs:
    """All that a run wrote down. `ledgers`: as they were read, the last one at the end."""

    history: Sequence[Line]
    ledgers: Sequence[Mapping[str, Any]]
    world: Sequence[Line]
    faults: Sequence[Line] = ()
    deaths: Sequence[Line] = ()
    machine: Sequence[Line] = ()
    run: Mapping[str, Any] = field(default_factory=dict)


def read_logs(folder: Path, ledgers: Sequence[Mapping[str, Any]] | None = None) -> Logs:
    """The files of a run; `ledgers`: instead of those that lie there."""
    facts = folder / "run.json"
    return Logs(
        history=read_lines(folder / "history.jsonl"),
        ledgers=_read_ledgers(folder) if ledgers is None else ledgers,
        world=[line for path in sorted((folder / "world").glob("*.jsonl")) for line in read_lines(path)],
        faults=read_lines(folder / "faults.jsonl"),
        deaths=read_lines(folder / "deaths.jsonl"),
        machine=read_lines(folder / "machine.jsonl"),
        run=json.loads(facts.read_text()) if facts.exists() else {},
    )


def _read_ledgers(folder: Path) -> list[Mapping[str, Any]]:
    earlier = sorted(folder.glob("ledger-*.json"), key=lambda path: int(path.stem.partition("-")[2]))
    return [json.loads(path.read_text()) for path in (*earlier, folder / "ledger.json")]


def check_folder(folder: Path) -> Verdict:
    """Judge a run."""
    return check(read_logs(folder))


def check(logs: Logs) -> Verdict:
    """Compare the three logs."""
    findings = Findings()
    ledgers = [parse_ledger(each) for each in logs.ledgers]
    last = ledgers[-1]
    sure_until = int(last.read - GRACE)
    executors = {line["executor"] for line in logs.world} | {
        attempt.executor for record in last.records.values() for attempt in record.attempts
    }
    faults = read_faults(logs.faults, executors)
    end = logs.run["end"] / 1e6 if logs.run.get("end") else last.read
    world = read_world(logs.world, last, faults, logs.deaths, boot_to_wall(logs.run, logs.world), end)
    expected = expect(logs.history, sure_until, int(last.read) + AHEAD)
    check_records(expected, last, findings)
    check_after(expected, last, sure_until, findings)
    check_runs(world, last, faults, findings)
    check_ledger(ledgers, sure_until, findings)
    failovers = check_figures(faults, last, logs.machine, findings)
    vague = sum(1 for dues in expected.dues.values() if not dues.exact)
    counts = account(expected, last) | {"runs in the world": len(world.runs), "triggers that may be anything": vague}
    return Verdict(
        failures=tuple(findings.failures),
        counts=counts | _calls(expected.runs, last),
        lateness=lateness(world, last),
        failovers=failovers,
        faults=dict(Counter(fault.kind for fault in faults if fault.made)),
        not_made=tuple((fault.kind, str(fault.facts["notMade"])) for fault in faults if not fault.made),
        run=dict(logs.run),
        remarks=_remarks(logs, faults),
    )


def _calls(runs: Sequence[object], ledger: Ledger) -> dict[str, int]:
    return {"runs asked for": len(runs), "reports refused": ledger.evidence}


def _remarks(logs: Logs, faults: Sequence[Fault]) -> tuple[str, ...]:
    """What is no failure of the cluster, and yet to be known by who reads the verdict."""
    broke = [fault for fault in faults if fault.facts.get("broke")]
    found = [f"fault {fault.number} ({fault.kind}): the nemesis broke: {fault.facts['broke']}" for fault in broke]
    found += [f"a thread of the load broke: {text.strip().splitlines()[-1]}" for text in logs.run.get("broken") or ()]
    if logs.run.get("interrupted"):
        found.append(f"the run was interrupted: {logs.run['interrupted']}")
    if logs.run.get("paused") is False:
        found.append("not every pause at the end is known to have happened")
    if not logs.run.get("clock"):
        found.append("run.json has no clock: the world's times are put on the wall by what most of its lines say")
    late = [line["late"] for line in logs.machine]
    if late:
        found.append(f"the machine stalled {len(late)} times, {max(late):.1f} s at the longest")
    return tuple(found)


def main(argv: Sequence[str]) -> int:
    folder = Path(argv[0])
    verdict = check_folder(folder)
    write_report(folder, verdict)
    print((folder / "report.md").read_text())
    return 0 if verdict.clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
