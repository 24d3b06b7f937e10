"""The leader is killed while examples run: each due time is found exactly once, in the store and in the world."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import ROOT, Cluster
from tests.rig.waiting import eventually

DIARY = """
apiVersion: sched/v1
kind: Job
metadata: {name: diary, namespace: demo}
spec:
  triggers: [{name: every-second, cron: "* * * * * ?"}]
  task:
    shell:
      command: 'echo "$SCHED_SCHEDULED_TIME $SCHED_EXECUTION_ID $SCHED_ATTEMPT $SCHED_EPOCH" >> "$DIARY"'
  concurrency: {policy: allow}
"""

SECONDS = {
    ("disk-report", "often"): range(0, 60, 10),
    ("log-rotation", "often"): range(3, 60, 4),
    ("database-backup", "often"): range(5, 60, 10),
    ("certificate-check", "often"): range(1, 60, 10),
    ("execution-summary", "often"): range(7, 60, 10),
    ("diary", "every-second"): range(60),
}
"""The seconds of each minute at which each trigger is due: written down here, not asked of the project."""


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _due(seconds: range, after: datetime, until: datetime) -> Iterator[datetime]:
    at = after.replace(microsecond=0)
    while (at := at + timedelta(seconds=1)) <= until:
        if at.second in seconds:
            yield at


def _covered(execution: dict[str, Any], seconds: range) -> list[datetime]:
    """The due times that a record accounts for."""
    scheduled = _instant(execution["scheduledTime"])
    if execution["missed"] is None:
        return [scheduled]
    first = _instant(execution["missed"]["first"])
    return list(_due(seconds, first - timedelta(seconds=1), scheduled))


@pytest.mark.timeout(180)
def test_a_killed_leader_leaves_each_due_time_recorded_and_run_exactly_once(cluster: Cluster, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    for number in (1, 2, 3):
        cluster.start_node(f"node-{number}")
    for number in (1, 2):
        env = {"DIARY": str(diary), "TMPDIR": str(tmp_path), "CRONQUORUM_ENDPOINT": cluster.endpoint}
        cluster.start_executor(f"executor-{number}", "--tasks", "examples.tasks", env=env)
    first = cluster.leader()
    cluster.attached(2)
    (tmp_path / "diary.yaml").write_text(DIARY)
    cluster.schedctl("apply", "-f", str(ROOT / "examples"), "-f", str(tmp_path / "diary.yaml"))

    def jobs() -> dict[str, dict[str, Any]]:
        return {job["metadata"]["name"]: job for job in cluster.ask("-n", "demo", "job", "list")["items"]}

    begun = {name: _instant(job["status"]["created"]) for name, job in jobs().items()}
    eventually(lambda: len(_lines(diary)) >= 5, 60, "the diary has five lines")

    cluster.nodes[first].process.kill()
    del cluster.nodes[first]
    before = len(_lines(diary))
    second = cluster.leader(other_than=first)
    eventually(lambda: len(_lines(diary)) >= before + 8, 60, "the new leader fires")

    for name in begun:
        cluster.schedctl("-n", "demo", "job", "pause", name)
    paused = {name: _instant(job["status"]["updated"]) for name, job in jobs().items()}

    def settled() -> list[dict[str, Any]] | None:
        executions = cluster.executions("-n", "demo")
        final = {"succeeded", "failed", "timedOut", "lost", "skipped", "cancelled"}
        return executions if all(execution["state"] in final for execution in executions) else None

    executions = eventually(settled, 60, "everything is settled")

    for (job, trigger), seconds in SECONDS.items():
        mine = [e for e in executions if (e["job"], e["trigger"]) == (job, trigger)]
        found = Counter(at for execution in mine for at in _covered(execution, seconds))
        assert found == Counter(_due(seconds, begun[job], paused[job])), f"due times of {job}"
    assert {execution["state"] for execution in executions} <= {"succeeded", "skipped"}, [
        e for e in executions if e["state"] not in ("succeeded", "skipped")
    ]
    assert {e["state"] for e in executions if e["job"] == "diary"} == {"succeeded"}

    # the world: what ran, ran once, and is what the store says
    written = [line.split() for line in _lines(diary)]
    assert Counter(line[0] for line in written) == Counter(
        _instant(e["scheduledTime"]).strftime("%Y-%m-%dT%H:%M:%S.000Z") for e in executions if e["job"] == "diary"
    )
    assert len({line[3] for line in written}) == 2, "both terms fired"
    assert second != first
    for execution in executions:
        assert execution["state"] == "skipped" or _instant(execution["started"]) >= _instant(
            execution["scheduledTime"]
        ), f"never early: {json.dumps(execution)}"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
