"""The store is restored from a backup: executors have seen later epochs, so all waits for the operator."""

from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.rig import PostgresServer
from tests.rig.waiting import eventually

DIARY = """
apiVersion: sched/v1
kind: Job
metadata: {name: diary}
spec:
  triggers: [{name: every-second, cron: "* * * * * ?", misfire: {threshold: 1s}}]
  task: {shell: {command: 'echo "$SCHED_EPOCH" >> "$DIARY"'}}
"""


@pytest.mark.timeout(240)
def test_a_restored_store_is_held_until_released(cluster: Cluster, postgres: PostgresServer, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"
    database = cluster.store.rpartition("/")[2]
    backup = f"{database}_backup"

    def written() -> int:
        return len(diary.read_text().split()) if diary.exists() else 0

    def one_term() -> None:
        """A node leads for some fires, and goes."""
        node, before = cluster.start_node("node-1"), written()
        cluster.attached(1)
        if not before:
            (tmp_path / "diary.yaml").write_text(DIARY)
            cluster.schedctl("apply", "-f", str(tmp_path / "diary.yaml"))
        eventually(lambda: written() >= before + 2, 60, "it runs")
        assert node.process.terminate() == 0
        node.process.close()

    cluster.start_executor("executor-1", env={"DIARY": str(diary)})
    one_term()
    postgres.create_database(backup, template=database)
    one_term()
    one_term()
    postgres.drop_database(database)
    postgres.create_database(database, template=backup)
    postgres.drop_database(backup)
    before = written()

    for number in (1, 2):
        cluster.start_node(f"node-{number}")
    first = cluster.leader()

    def overdue(times: int) -> bool:
        held = cluster.ask("cluster", "status")["held"]
        return held is not None and held["overdueTimes"] >= times

    eventually(lambda: overdue(1), 60, "it is held")
    cluster.nodes.pop(first).process.kill()
    second = cluster.leader(other_than=first)
    status = cluster.ask("cluster", "status")
    assert "an executor has seen epoch 3, and the store only 2" in status["held"]["reason"]
    assert status["held"]["overdueTriggers"] == 1
    assert (status["leader"]["nodeId"], status["epoch"]) == (second, 5)
    assert [each["state"] for each in cluster.ask("executor", "list")["items"]] == ["waiting"]
    passed = status["held"]["overdueTimes"] + 3
    eventually(lambda: overdue(passed), 60, "three more due times pass")
    assert written() == before

    cluster.schedctl("job", "run", "diary", code=5)
    cluster.schedctl("job", "pause", "diary", code=5)
    # one that has run through it all would take what the store has forgotten for duplicates
    assert cluster.executors["executor-1"].process.terminate() == 0
    cluster.start_executor("executor-1", env={"DIARY": str(diary)})
    cluster.schedctl("cluster", "release", code=2)
    assert cluster.schedctl("cluster", "release", "--yes") == "cluster released\n"
    eventually(lambda: written() >= before + 3, 60, "it goes on")
    assert cluster.ask("cluster", "status")["held"] is None
    cluster.schedctl("job", "pause", "diary")
    epochs = [int(line) for line in diary.read_text().split()]
    assert epochs == sorted(epochs)
    assert set(epochs) == {1, 2, 3, 6}
    folded = [each for each in cluster.executions() if each["missed"]]
    assert folded[-1]["missed"]["count"] >= passed
