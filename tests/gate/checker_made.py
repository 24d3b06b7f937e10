"""Logs made by hand, for tests of the checker: jobs, calls, records and what ran of them."""

from dataclasses import dataclass, field
from typing import Any

from tests.gate.checker import Logs
from tests.gate.ledger import rfc3339

START = 1_790_000_000_000
"""Milliseconds since 1970; 20 s after a full minute, UTC."""
OFFSET = 1_700_000_000_000
"""The wall clock at the begin of the boot clock, in milliseconds."""
EXECUTORS = ("executor-1", "executor-2")

Row = dict[str, Any]


@dataclass
class Book:
    """Logs while they are made. Times are milliseconds after START."""

    history: list[Row] = field(default_factory=list)
    executions: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    triggers: list[Row] = field(default_factory=list)
    revisions: list[Row] = field(default_factory=list)
    world: list[Row] = field(default_factory=list)
    faults: list[Row] = field(default_factory=list)
    deaths: list[Row] = field(default_factory=list)
    read: int = 60_000

    def call(self, what: str, job: str, begin: int, end: int | None, outcome: str = "ok", **facts: Any) -> Row:
        """A call with both of its lines; one that never ends has the first alone."""
        number = len({line["call"] for line in self.history}) + 1
        line = {"call": number, "what": what, "job": job, "request_id": f"request-{number}", "begin": _ns(begin)}
        line |= {"end": None, "outcome": None, **facts}
        self.history.append(line)
        if end is not None:
            self.history.append({**line, "end": _ns(end), "outcome": outcome})
        return line

    def apply(self, job: str, at: int, trigger: Row, revision: int = 1, **spec: Any) -> Row:
        """An apply that took 10 ms, and its revision."""
        whole = {"triggers": [{"name": "main", **trigger}], **spec}
        self.revisions.append({"job_uid": f"uid {job}", "revision": revision, "spec": whole})
        return self.call("apply", job, at, at + 10, manifest={"spec": whole})

    def fire(self, job: str, at: int, *, ran: bool = True, state: str = "succeeded", **changes: Any) -> Row:
        """A record of a fire that was sent 5 ms late; when it `ran`, it began 10 ms late and took 100 ms."""
        row: Row = {
            "id": f"{job} {at}" if not changes.get("missed_count") else f"{job} .. {at}",
            "origin": "schedule",
            "namespace": "default",
            "job": job,
            "job_uid": f"uid {job}",
            "revision": 1,
            "trigger": "main",
            "trigger_uid": f"uid {job} main",
            "scheduled_time": _at(at),
            "state": state,
            "final": state not in ("pending", "dispatched", "running", "retrying"),
            "recorded": _at(at + 5),
            "missed_count": None,
            "missed_first": None,
            "missed_last": None,
            "check_at": None,
            "request_id": "",
            **self.placed(at, skipped=state == "skipped"),
            **changes,
        }
        self.executions.append(row)
        if ran and state != "skipped":
            self.run(row, at + 10, at + 110)
        return row

    def placed(self, at: int, *, skipped: bool = False) -> Row:
        """The columns of an attempt that was sent at 5 ms after a time."""
        return {
            "part": 0,
            "attempt": 1,
            "placement": 0 if skipped else 1,
            "executor_id": "" if skipped else EXECUTORS[0],
            "incarnation": "" if skipped else "life",
            "epoch": 1,
            "reason": "overlap" if skipped else "",
            "dispatched": None if skipped else _at(at + 5),
            "started": None if skipped else _at(at + 10),
            "ended": _at(at + 120),
        }

    def run(self, row: Row, begin: int, end: int | None, how: str = "ok", **changes: Any) -> None:
        """A begin and an end of the record's current attempt."""
        facts = {
            "execution": row["id"],
            "part": 0,
            "attempt": row["attempt"],
            "placement": row["placement"],
            "job": row["job"],
            "trigger": row["trigger"],
            "scheduled": row["scheduled_time"],
            "epoch": row["epoch"],
            "executor": row["executor_id"],
            "incarnation": row["incarnation"],
            "life": f"{row['executor_id']}/1",
            "pid": 1000 + len(self.world),
            **changes,
        }
        self.line("begin", begin, facts)
        if end is not None:
            self.line("end", end, {**facts, "how": how})

    def line(self, event: str, at: int, facts: Row) -> None:
        """One line of the world."""
        self.world.append({**facts, "event": event, "boot": _boot(at), "wall": _ns(at)})

    def again(self, row: Row, outcome: str, begin: int, **changes: Any) -> None:
        """Keep the record's attempt as an earlier one that ended so, and begin the next."""
        kept = {name: row[name] for name in self.placed(0)} | {"execution_id": row["id"], "outcome": outcome}
        self.attempts.append(kept)
        row |= {**self.placed(begin), "attempt": row["attempt"] + 1, **changes}

    def fault(self, kind: str, target: str, begin: int, healed: int | None, **facts: Any) -> None:
        """A fault, both lines."""
        line = {"fault": len(self.faults) + 1, "kind": kind, "target": target, "begin": _ns(begin), "facts": facts}
        self.faults.append({**line, "healed": None if healed is None else _ns(healed)})

    def ledger(self) -> Row:
        """What the store would say."""
        return {
            "read": _at(self.read),
            "terms": [],
            "jobs": [],
            "revisions": self.revisions,
            "triggers": self.triggers,
            "executions": [dict(row) for row in self.executions],
            "attempts": [dict(row) for row in self.attempts],
            "evidence": [],
        }

    def logs(self, *earlier: Row) -> Logs:
        """All of it."""
        return Logs(
            history=self.history,
            ledgers=[*earlier, self.ledger()],
            world=self.world,
            faults=self.faults,
            deaths=self.deaths,
            run={"clock": {"wall": _ns(0), "boot": _boot(0)}, "end": _ns(self.read)},
        )


def _ns(at: int) -> int:
    return (START + at) * 1_000_000


def _boot(at: int) -> int:
    return (START + at - OFFSET) * 1_000_000


def _at(at: int) -> str:
    return rfc3339(START + at)


def at(milliseconds: int) -> str:
    """A time after START, as the ledger has it."""
    return _at(milliseconds)


def boot(milliseconds: int) -> int:
    """A time after START, on the boot clock."""
    return _boot(milliseconds)
