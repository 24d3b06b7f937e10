"""SIGTERM to an executor: it says that it drains, takes nothing new, and hands back what does not end in time."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.rig.waiting import eventually

JOBS = """
apiVersion: sched/v1
kind: Job
metadata: {name: again}
spec:
  task: {shell: {command: '[ "$SCHED_ATTEMPT" = 2 ] || exec sleep 600'}}
  idempotent: true
---
apiVersion: sched/v1
kind: Job
metadata: {name: once}
spec:
  task: {shell: {argv: [sleep, "600"]}}
---
apiVersion: sched/v1
kind: Job
metadata: {name: short}
spec:
  task: {shell: {command: 'until [ -e "$GO" ]; do sleep 0.1; done'}}
---
apiVersion: sched/v1
kind: Job
metadata: {name: new}
spec:
  task: {shell: {command: 'true'}}
"""


class Runs:
    """Executions of the jobs on a cluster."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        (folder / "jobs.yaml").write_text(JOBS)
        cluster.schedctl("apply", "-f", str(folder / "jobs.yaml"))

    def start(self, name: str) -> str:
        id_: str = self._cluster.ask("job", "run", name)["id"]
        return id_

    def get(self, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = self._cluster.ask("exec", "get", id_)
        return found

    def becomes(self, id_: str, state: str) -> dict[str, Any]:
        found = eventually(lambda: (e := self.get(id_))["state"] == state and e, 60, f"{id_} is {state}")
        assert isinstance(found, dict)
        return found


def states(cluster: Cluster) -> dict[str, str]:
    return {each["executorId"]: each["state"] for each in cluster.ask("executor", "list")["items"]}


@pytest.mark.timeout(240)
def test_it_takes_nothing_new_and_finishes_what_runs(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start_node("node-1")
    go = tmp_path / "go"
    old = cluster.start_executor("old", "--drain", "1h", env={"GO": str(go)})
    cluster.attached(1)
    runs = Runs(cluster, tmp_path)
    short = runs.start("short")
    runs.becomes(short, "running")
    cluster.start_executor("new")
    cluster.attached(2)

    old.process.send_signal(signal.SIGTERM)
    eventually(lambda: states(cluster) == {"old": "draining", "new": "attached"}, 30, "the cluster knows")
    taken = [runs.becomes(runs.start("new"), "succeeded") for _ in range(3)]
    assert {each["executorId"] for each in taken} == {"new"}
    go.touch()
    assert runs.becomes(short, "succeeded")["executorId"] == "old"
    assert old.process.wait(60) == 0


@pytest.mark.timeout(240)
def test_what_does_not_end_in_time_is_handed_back_with_the_reason(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start_node("node-1")
    old = cluster.start_executor("old", "--drain", "1s")
    cluster.attached(1)
    runs = Runs(cluster, tmp_path)
    again, once = (runs.start(name) for name in ("again", "once"))
    for id_ in (again, once):
        runs.becomes(id_, "running")
    cluster.start_executor("new")
    cluster.attached(2)
    assert old.process.terminate(60) == 0
    lost = runs.becomes(once, "lost")
    assert (lost["reason"], lost["attempt"], lost["executorId"]) == ("drained", 1, "old")
    done = runs.becomes(again, "succeeded")
    assert (done["attempt"], done["executorId"]) == (2, "new")
    assert [(a["outcome"], a["reason"], a["executorId"]) for a in done["attempts"]] == [("lost", "drained", "old")]


@pytest.mark.timeout(240)
def test_a_second_signal_hands_back_at_once(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start_node("node-1")
    old = cluster.start_executor("old", "--drain", "1h")
    cluster.attached(1)
    runs = Runs(cluster, tmp_path)
    once = runs.start("once")
    runs.becomes(once, "running")
    old.process.send_signal(signal.SIGTERM)
    eventually(lambda: states(cluster) == {"old": "draining"}, 30, "it drains")
    old.process.send_signal(signal.SIGINT)
    assert old.process.wait(60) == 0
    # by the executor's own word: nobody had to wait for its lease
    assert runs.becomes(once, "lost")["reason"] == "drained"
