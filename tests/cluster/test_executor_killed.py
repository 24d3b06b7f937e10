"""An executor is killed while it runs: what may be run again is, elsewhere; what may not is lost."""

from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.rig.waiting import eventually

WAIT = "while [ -d /proc/$PPID ]; do sleep 0.1; done"
"""Runs as long as the executor that started it: nobody else would end it after the test."""

JOBS = """
apiVersion: sched/v1
kind: Job
metadata: {name: again}
spec:
  task: {shell: {command: 'echo "$SCHED_ATTEMPT" >> "$DIARY"; if [ "$SCHED_ATTEMPT" = 1 ]; then eval "$WAIT"; fi'}}
  idempotent: true
  routing: {selector: "part=first"}
---
apiVersion: sched/v1
kind: Job
metadata: {name: once}
spec:
  task: {shell: {command: 'echo once >> "$DIARY"; eval "$WAIT"'}}
  routing: {selector: "part=first"}
"""


@pytest.mark.timeout(120)
def test_a_killed_executor_loses_what_it_ran_after_its_lease(cluster: Cluster, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    env = {"DIARY": str(diary), "WAIT": WAIT}
    cluster.start_node("node-1")
    first = cluster.start_executor("first", "--lease", "6s", "--label", "part=first", env=env)
    cluster.attached(1)
    (tmp_path / "jobs.yaml").write_text(JOBS)
    cluster.schedctl("apply", "-f", str(tmp_path / "jobs.yaml"))
    again, once = (cluster.ask("job", "run", name)["id"] for name in ("again", "once"))

    def get(id_: str) -> dict[str, Any]:
        found: dict[str, Any] = cluster.ask("exec", "get", id_)
        return found

    eventually(lambda: get(again)["state"] == get(once)["state"] == "running", 30, "both run")
    first.process.kill()
    second = cluster.start_executor("second", "--lease", "6s", "--label", "part=first", env=env)

    done = eventually(lambda: (e := get(again))["state"] == "succeeded" and e, 60, "it ran again")
    assert isinstance(done, dict)
    assert (done["executorId"], done["attempt"], done["retryCount"]) == (second.id, 2, 1)
    assert [(a["outcome"], a["executorId"]) for a in done["attempts"]] == [("lost", "first")]
    lost = get(once)
    assert (lost["state"], lost["reason"], lost["attempt"]) == ("lost", "executorLost", 1)
    assert sorted(diary.read_text().split()) == ["1", "2", "once"]


@pytest.mark.timeout(120)
def test_a_leader_that_is_killed_leaves_what_runs_running(cluster: Cluster, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    cluster.start_node("node-1")
    cluster.start_node("node-2")
    leader = cluster.leader()
    cluster.start_executor("first", env={"DIARY": str(diary)})
    cluster.attached(1)
    (tmp_path / "job.yaml").write_text(
        """
        apiVersion: sched/v1
        kind: Job
        metadata: {name: long}
        spec:
          task:
            shell: {command: 'echo begin >> "$DIARY"; until [ -e "$DIARY.go" ]; do sleep 0.1; done; echo end'}
        """
    )
    cluster.schedctl("apply", "-f", str(tmp_path / "job.yaml"))
    id_ = cluster.ask("job", "run", "long")["id"]
    eventually(lambda: diary.exists(), 30, "it runs")
    cluster.nodes.pop(leader).process.kill()
    (tmp_path / "diary.txt.go").touch()  # it ends while there is no leader
    cluster.leader(other_than=leader)

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = cluster.ask("exec", "get", id_)
        return found if found["state"] == "succeeded" else None

    done = eventually(ended, 60, "the outcome was kept for the next leader")
    assert (done["attempt"], done["placement"], done["epoch"]) == (1, 1, 1)
    assert diary.read_text() == "begin\n"
    assert cluster.schedctl("exec", "logs", id_) == "end\n"
