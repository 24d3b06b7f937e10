"""What really ran: the begins and ends that the tasks wrote down, put on the wall clock by the boot clock.

How long an attempt lived that wrote no end is told by the first of these facts that is there, and said in the witness:

    deaths.jsonl        its pid was seen dead then, and alive a look before: until that one
    faults.jsonl        `dead` of its incarnation; or its executor was killed, and its guardian had `GUARDIAN` to follow
    the ledger          its own executor reported its end (which it does when nothing of the attempt still runs)
    world               the first line of the executor's next life
    run.json            the end of the run

Whatever it wrote later than that (a beat, an end) proves that it lived on.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low
from typing import Any

from tests.gate.ledger import Ledger, rfc3339
from tests.gate.oracle_history import job_name

LOOK = 250_000_000
"""Nanoseconds between two looks at a pid: until the one before, it may have lived, and no proof says longer."""
GUARDIAN = 2000.0
"""Milliseconds that a guardian may take to end what a killed executor left."""

Line = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault, in milliseconds on the wall. `executor` is empty when it hit none."""

    number: int
    kind: str
    target: str
    begin: float
    healed: float | None
    facts: Mapping[str, Any]
    executor: str

    @property
    def made(self) -> bool:
        return "notMade" not in self.facts


@dataclass(frozen=True, kw_only=True)
class Run:
    """One begin of one attempt. `life` tells one process of an executor from the next."""

    execution: str
    part: int
    attempt: int
    job: str
    executor: str
    life: str
    incarnation: str | None
    pid: int
    epoch: int
    begin: float
    end: float | None = None
    how: str = ""
    until: float = 0.0
    until_by: str = ""
    beat: float = 0.0

    def shown(self) -> dict[str, Any]:
        """What a witness says of it."""
        found = {"attempt": self.attempt, "executor": self.executor, "life": self.life, "begin": rfc3339(self.begin)}
        return found | {"until": rfc3339(self.until), "known by": self.until_by, "how": self.how}


@dataclass(frozen=True, kw_only=True)
class World:
    """All runs, in the order of their begins."""

    runs: tuple[Run, ...]

    def by_execution(self) -> dict[str, list[Run]]:
        found: dict[str, list[Run]] = {}
        for run in self.runs:
            found.setdefault(run.execution, []).append(run)
        return found


def read_lines(path: Path) -> list[Line]:
    """The lines of a file that may not be there; a last one that is cut off (its writer was killed) is left out."""
    if not path.exists():
        return []
    texts = path.read_text(errors="replace").split("\n")
    found: list[Line] = []
    for place, text in enumerate(texts):
        try:
            found += [json.loads(text)] if text.strip() else []
        except json.JSONDecodeError:
            # two writers of one file may be killed at any byte; a line in the middle is cut off then, too
            if place < len(texts) - 2 and '{"event"' not in text:
                raise
    return found


def read_faults(lines: Iterable[Line], executors: Iterable[str]) -> list[Fault]:
    """The faults; of several lines of one, the last one counts."""
    last: dict[int, Line] = {}
    for line in lines:
        last[line["fault"]] = {**last.get(line["fault"], {}), **line}
    known = set(executors)
    found = []
    for number, line in sorted(last.items()):
        facts = line.get("facts") or {}
        target = str(line.get("target") or "")
        found.append(
            Fault(
                number=number,
                kind=line["kind"],
                target=target,
                begin=line["begin"] / 1e6,
                healed=None if line.get("healed") is None else line["healed"] / 1e6,
                facts=facts,
                executor=str(facts.get("executor") or (target if target in known else "")),
            )
        )
    return found


def boot_to_wall(run: Mapping[str, Any], lines: Sequence[Line]) -> float:
    """Milliseconds to add to the boot clock. Without the run's own reading, what most lines say: some may be bumped."""
    clock = run.get("clock")
    if clock:
        return float(clock["wall"] - clock["boot"]) / 1e6
    return median_low(line["wall"] - line["boot"] for line in lines) / 1e6 if lines else 0.0


def read_world(
    lines: Sequence[Line], ledger: Ledger, faults: Sequence[Fault], deaths: Iterable[Line], offset: float, end: float
) -> World:
    """Pair begins with ends, and say how long each attempt lived."""
    runs: list[Run] = []
    open_runs: dict[tuple[Any, ...], int] = {}
    last_sign: dict[int, float] = {}
    lives: dict[str, dict[str, float]] = {}
    for line in sorted(lines, key=lambda line: line["boot"]):
        at = line["boot"] / 1e6 + offset
        life = str(line.get("life") or line.get("incarnation") or "")
        lives.setdefault(line["executor"], {}).setdefault(life, at)
        key = (line["execution"], line["part"], line["attempt"], line["executor"], life)
        if line["event"] == "begin":
            open_runs[key] = len(runs)
            runs.append(_begun(line, life, at))
        elif key in open_runs:
            number = open_runs[key]
            last_sign[number] = at
            if line["event"] == "end":
                runs[number] = replace(runs[number], end=at, how=line.get("how", "ok"))
    dead: dict[int, list[float]] = {}
    for line in deaths:
        dead.setdefault(line["pid"], []).append(line.get("alive", line["boot"] - LOOK) / 1e6 + offset)
    facts = _Facts(ledger, faults, dead, lives, offset, end)
    return World(runs=tuple(_lived(run, facts, last_sign.get(number, 0.0)) for number, run in enumerate(runs)))


@dataclass(frozen=True)
class _Facts:
    ledger: Ledger
    faults: Sequence[Fault]
    dead: Mapping[int, Sequence[float]]
    lives: Mapping[str, Mapping[str, float]]
    offset: float
    end: float


def _begun(line: Line, life: str, at: float) -> Run:
    return Run(
        execution=line["execution"],
        part=line["part"],
        attempt=line["attempt"],
        job=job_name(line["job"]),
        executor=line["executor"],
        life=life,
        incarnation=line.get("incarnation"),
        pid=line["pid"],
        epoch=line["epoch"],
        begin=at,
    )


def _lived(run: Run, facts: _Facts, last_sign: float) -> Run:
    until, known_by = (run.end, "its end") if run.end is not None else _death(run, facts)
    if last_sign > until:
        until, known_by = last_sign, "its last sign of life"
    return replace(run, until=until, until_by=known_by, beat=last_sign)


def _death(run: Run, facts: _Facts) -> tuple[float, str]:
    died = [at for at in facts.dead.get(run.pid, ()) if at + LOOK / 1e6 >= run.begin]
    if died:
        return max(run.begin, min(died)), "its pid was seen dead"
    hits = [fault for fault in facts.faults if fault.executor == run.executor and fault.made]
    for fault in hits:
        same = fault.facts.get("incarnation", run.incarnation) in (None, run.incarnation)
        if same and "dead" in fault.facts and (at := fault.facts["dead"] / 1e6 + facts.offset) >= run.begin:
            return at, f"fault {fault.number}: nothing was left"
    for fault in hits:
        if "kill" in fault.kind.lower() and fault.begin + GUARDIAN >= run.begin:
            return fault.begin + GUARDIAN, f"fault {fault.number}: its executor was killed"
    record = facts.ledger.records.get(run.execution)
    for attempt in record.attempts if record else ():
        if attempt.attempt == run.attempt and attempt.ended is not None and attempt.state not in ("lost", "retrying"):
            return attempt.ended, "its end as its executor reported it"
    later = [at for life, at in facts.lives[run.executor].items() if life != run.life and at > run.begin]
    if later:
        return min(later), "the next life of its executor"
    return facts.end, "the end of the run"
