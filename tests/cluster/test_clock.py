"""The wall clock of the leader's host is stepped: another node leads, and nothing fires early or twice."""

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.gate.nodes_clock import ClockShim
from tests.rig.waiting import eventually

DIARY = """
apiVersion: sched/v1
kind: Job
metadata: {name: diary}
spec:
  triggers: [{name: every-second, cron: "* * * * * ?"}]
  task: {shell: {command: 'echo "$SCHED_SCHEDULED_TIME $(date +%s.%N)" >> "$DIARY"'}}
  concurrency: {policy: allow}
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("step", [288.0, -288.0])
def test_a_step_of_the_leaders_clock(cluster: Cluster, tmp_path: Path, step: float) -> None:
    diary = tmp_path / "diary.txt"
    clocks = ClockShim(tmp_path / "clocks")

    def written() -> list[list[str]]:
        return [line.split() for line in diary.read_text().splitlines()] if diary.exists() else []

    for name in ("node-1", "node-2"):
        cluster.start_node(name, env=clocks.environment(name))
    cluster.start_executor("executor-1", env={"DIARY": str(diary)})
    first = cluster.leader()
    cluster.attached(1)
    (tmp_path / "diary.yaml").write_text(DIARY)
    cluster.schedctl("apply", "-f", str(tmp_path / "diary.yaml"))
    eventually(lambda: len(written()) >= 2, 60, "it fires")
    clocks.bump(first, step)
    second = cluster.leader(other_than=first)
    before = len(written())
    eventually(lambda: len(written()) >= before + 3, 60, "the other one fires")
    assert "the host's clock is too far from the store's" in cluster.nodes[first].process.output()
    clocks.bump(first, 0.0)
    cluster.nodes.pop(second).process.kill()
    assert cluster.leader(other_than=second) == first
    before = len(written())
    eventually(lambda: len(written()) >= before + 3, 60, "the first one fires again")
    cluster.schedctl("job", "pause", "diary")
    eventually(lambda: all(each["state"] == "succeeded" for each in cluster.executions()), 60, "all is settled")
    runs = sorted((datetime.fromisoformat(at.replace("Z", "+00:00")), float(wall)) for at, wall in written())
    assert len(runs) == len(cluster.executions())
    assert {round((later - at).total_seconds()) for (at, _), (later, _) in pairwise(runs)} == {1}
    assert min(wall - at.astimezone(UTC).timestamp() for at, wall in runs) >= 0, "never early"
