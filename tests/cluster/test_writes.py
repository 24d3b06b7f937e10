"""Writes on any node reach the leader, and runs answer when they have ended."""

from pathlib import Path

from tests.cluster.cluster import Cluster

JOB = """
apiVersion: sched/v1
kind: Job
metadata: {name: hello}
spec:
  task: {shell: {command: 'echo "hello $SCHED_PARAM_WHO"; exit "${SCHED_PARAM_CODE:-0}"'}}
  params: {who: world}
"""


def test_every_node_takes_writes_and_reads(cluster: Cluster, tmp_path: Path) -> None:
    cluster.start_node("node-1")
    cluster.start_node("node-2")
    leader = cluster.leader()
    cluster.start_executor("executor-1")
    cluster.attached(1)
    follower = next(part for id_, part in cluster.nodes.items() if id_ != leader)
    cluster.nodes = {follower.id: follower}
    manifest = tmp_path / "hello.yaml"
    manifest.write_text(JOB)
    assert cluster.schedctl("apply", "-f", str(manifest)) == "job default/hello created\n"
    assert cluster.schedctl("apply", "-f", str(manifest)) == "job default/hello unchanged\n"
    ran = cluster.ask("job", "run", "hello", "--wait", "--param", "who=you")
    assert ran["state"] == "succeeded"
    assert cluster.schedctl("exec", "logs", ran["id"]) == "hello you\n"
    cluster.schedctl("job", "run", "hello", "--wait", "--param", "code=3", code=8)
    failed = cluster.executions("--state", "failed")[0]
    assert (failed["exitCode"], failed["error"]["type"]) == (3, "exitCode")
    assert cluster.ask("cluster", "status")["leader"]["nodeId"] == leader
    cluster.schedctl("job", "delete", "hello", "--yes")
    cluster.schedctl("job", "get", "hello", code=3)


def test_sigterm_ends_nodes_and_executors_with_code_0(cluster: Cluster) -> None:
    node = cluster.start_node("node-1")
    executor = cluster.start_executor("executor-1")
    cluster.attached(1)
    assert executor.process.terminate() == 0
    assert node.process.terminate() == 0
