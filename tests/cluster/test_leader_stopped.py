"""The leader is told to stop while it fires: it hands over, and each due time is run once."""

import itertools
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.rig.waiting import eventually

DIARY = """
apiVersion: sched/v1
kind: Job
metadata: {name: diary}
spec:
  triggers: [{name: every-second, cron: "* * * * * ?"}]
  task: {shell: {command: 'echo "$SCHED_SCHEDULED_TIME" >> "$DIARY"'}}
  concurrency: {policy: allow}
"""


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _late(execution: dict[str, Any]) -> float:
    return (_instant(execution["started"]) - _instant(execution["scheduledTime"])).total_seconds()


@pytest.mark.timeout(180)
def test_a_leader_that_is_told_to_stop_hands_over(cluster: Cluster, tmp_path: Path) -> None:
    diary = tmp_path / "diary.txt"

    def written() -> list[str]:
        return diary.read_text().split() if diary.exists() else []

    for number in (1, 2, 3):
        cluster.start_node(f"node-{number}")
    cluster.start_executor("executor-1", env={"DIARY": str(diary)})
    leader = cluster.leader()
    cluster.attached(1)
    (tmp_path / "diary.yaml").write_text(DIARY)
    cluster.schedctl("apply", "-f", str(tmp_path / "diary.yaml"))
    hand_overs = []
    for _ in range(2):
        before = len(written())
        eventually(lambda before=before: len(written()) >= before + 2, 60, "it fires")  # type: ignore[misc]  # mypy cannot infer a lambda with a default
        node = cluster.nodes.pop(leader)
        told = datetime.now(UTC)  # noqa: TID251 - compared with the times in the logs of processes of this host
        assert node.process.terminate() == 0
        leader = cluster.leader(other_than=leader)
        took_over = cluster.nodes[leader].process.wait_for_line(r'"event": "took over".*"timestamp": "([^"]+)"')[1]
        hand_overs.append((_instant(took_over) - told).total_seconds())
        assert '"reason": "stopping"' in node.process.output()
    before = len(written())
    eventually(lambda: len(written()) >= before + 2, 60, "the last one fires")
    cluster.schedctl("job", "pause", "diary")

    def settled() -> list[dict[str, Any]] | None:
        executions = cluster.executions()
        return executions if all(each["state"] == "succeeded" for each in executions) else None

    executions = eventually(settled, 60, "everything is settled")
    scheduled = sorted(_instant(each["scheduledTime"]) for each in executions)
    seconds = [round((later - earlier).total_seconds()) for earlier, later in itertools.pairwise(scheduled)]
    assert set(seconds) == {1}, "each second once"
    assert not any(each["missed"] for each in executions)
    assert sorted(written()) == [at.strftime("%Y-%m-%dT%H:%M:%S.000Z") for at in scheduled]
    latest = max(map(_late, executions))
    assert min(map(_late, executions)) >= 0
    # what is to be reached is 1 s; the bound here is that of a killed leader, whom a session timeout replaces
    assert max(hand_overs) < 10
    assert latest < 10
    print(f"handed over after {hand_overs} s; the latest fire was {latest:.3f} s late")
