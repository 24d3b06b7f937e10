"""The store, read out: into `ledger.json`, and from there into values."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from jobstore.opening import open_store
from jobstore.sql import tables

TABLES = {
    "terms": tables.terms,
    "jobs": tables.jobs,
    "revisions": tables.job_revisions,
    "triggers": tables.triggers,
    "executions": tables.executions,
    "attempts": tables.attempts,
    "evidence": tables.evidence,
}
_LONG = ("result", "params", "error_tail", "progress_note", "labels")
"""Columns that no check looks at."""

Ms = float
"""Milliseconds since 1970."""


def read_ledger(url: str) -> dict[str, Any]:
    """All tables that the checker looks at, by name, as plain JSON; and when they were read."""
    store = open_store(url)
    try:
        return store.database.read(_read)
    finally:
        store.close()


def write_ledger(url: str, path: Path) -> None:
    """Read the store into a file."""
    path.write_text(json.dumps(read_ledger(url)) + "\n")


def _read(connection: Connection) -> dict[str, Any]:
    ledger: dict[str, Any] = {"read": datetime.now(UTC).isoformat()}  # noqa: TID251 - no clock is under test here
    for name, table in TABLES.items():
        columns = [column for column in table.columns if column.name not in _LONG]
        rows = connection.execute(select(*columns)).mappings()
        ledger[name] = [{str(key): _plain(value) for key, value in row.items()} for row in rows]
    return ledger


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, bool | int | float | str | dict | list) else str(value)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt, the current one or an earlier one; times are milliseconds since 1970."""

    execution: str
    part: int
    attempt: int
    placement: int
    executor: str
    incarnation: str
    epoch: int
    state: str
    reason: str
    dispatched: Ms | None
    started: Ms | None
    ended: Ms | None


@dataclass(frozen=True, kw_only=True)
class Record:
    """An execution's row with its attempts, the current one last."""

    id: str
    origin: str
    job: str
    job_uid: str
    revision: int
    trigger: str
    trigger_uid: str | None
    scheduled: int
    state: str
    final: bool
    reason: str
    attempt: int
    epoch: int
    check_at: Ms | None
    recorded: Ms
    missed: tuple[int, int, int] | None
    request_id: str
    attempts: tuple[Attempt, ...]

    @property
    def current(self) -> Attempt:
        return self.attempts[-1]

    def shown(self) -> dict[str, Any]:
        """What a witness says of it."""
        return {
            "id": self.id,
            "job": self.job,
            "trigger": self.trigger,
            "scheduled": rfc3339(self.scheduled),
            "state": self.state,
            "reason": self.reason,
            "attempt": self.attempt,
            "epoch": self.epoch,
            "executor": self.current.executor,
        }


@dataclass(frozen=True, kw_only=True)
class TriggerRow:
    """A trigger's place in time."""

    job: str
    name: str
    next_fire: Ms | None
    error: str


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The store at one time."""

    read: Ms
    records: Mapping[str, Record]
    triggers: tuple[TriggerRow, ...]
    specs: Mapping[tuple[str, int], Mapping[str, Any]]
    evidence: int

    def spec(self, record: Record) -> Mapping[str, Any]:
        """The definition that a record was made under."""
        return self.specs.get((record.job_uid, record.revision), {})

    def trigger_spec(self, record: Record) -> Mapping[str, Any]:
        """The trigger that a record is of, as its definition has it."""
        triggers = self.spec(record).get("triggers", ())
        return next((trigger for trigger in triggers if trigger["name"] == record.trigger), {})


def parse_ledger(ledger: Mapping[str, Any]) -> Ledger:
    """The values of a `ledger.json`."""
    attempts: dict[str, list[Attempt]] = {}
    for row in ledger["attempts"]:
        attempts.setdefault(row["execution_id"], []).append(_attempt(row, row["execution_id"], row["outcome"]))
    jobs = {row["uid"]: row["name"] for row in ledger["jobs"]}
    return Ledger(
        read=ms(ledger["read"]) or 0.0,
        records={row["id"]: _record(row, attempts.get(row["id"], ())) for row in ledger["executions"]},
        triggers=tuple(
            TriggerRow(
                job=jobs.get(row["job_uid"], row["job_uid"]),
                name=row["name"],
                next_fire=ms(row["next_fire"]),
                error=row["error"],
            )
            for row in ledger["triggers"]
        ),
        specs={(row["job_uid"], row["revision"]): _object(row["spec"]) for row in ledger["revisions"]},
        evidence=len(ledger["evidence"]),
    )


def _record(row: Mapping[str, Any], earlier: Iterable[Attempt]) -> Record:
    count = row["missed_count"]
    missed = None if count is None else (count, _whole(row["missed_first"]), _whole(row["missed_last"]))
    attempts = sorted(earlier, key=lambda attempt: attempt.attempt)
    same = {field.name for field in fields(Record)} & set(row)
    values = {name: row[name] for name in same} | {
        "scheduled": _whole(row["scheduled_time"]),
        "check_at": ms(row["check_at"]),
        "recorded": ms(row["recorded"]) or 0.0,
        "missed": missed,
        "attempts": (*attempts, _attempt(row, row["id"], row["state"])),
    }
    return Record(**values)


def _attempt(row: Mapping[str, Any], execution: str, state: str) -> Attempt:
    return Attempt(
        execution=execution,
        part=row["part"],
        attempt=row["attempt"],
        placement=row["placement"],
        executor=row["executor_id"],
        incarnation=row["incarnation"],
        epoch=row["epoch"],
        state=state,
        reason=row["reason"],
        dispatched=ms(row["dispatched"]),
        started=ms(row["started"]),
        ended=ms(row["ended"]),
    )


def _object(value: str | Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(value) if isinstance(value, str) else value
    return found


def ms(text: str | None) -> Ms | None:
    """Milliseconds since 1970 of an RFC 3339 text."""
    return None if text is None else datetime.fromisoformat(text).timestamp() * 1000


def _whole(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def rfc3339(at: float) -> str:
    """A time as people read it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


if __name__ == "__main__":
    write_ledger(sys.argv[1], Path(sys.argv[2]))
