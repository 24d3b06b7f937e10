"""What `dev.enabled` renders is a cluster that works: its containers run here, against real servers."""

from pathlib import Path

import pytest

from tests.chart.containers import Machine, ready
from tests.chart.rendering import Pod, pods, render
from tests.conftest import Spawn
from tests.rig.waiting import eventually
from tests.rig.zookeeper import ZooKeeperServer

JOB = """
apiVersion: sched/v1
kind: Job
metadata: {name: hello}
spec:
  task: {shell: {command: "echo hello from $SCHED_JOB"}}
"""


@pytest.mark.timeout(300)  # a dozen processes, on a machine that others may use as well
def test_a_cluster(postgres: object, pg_url: str, zookeeper: ZooKeeperServer, spawn: Spawn, tmp_path: Path) -> None:
    rendered = render("dev", "--set", "zookeeper.chroot=/chart-try-out")
    made = {pod.component: pod for pod in pods(rendered)}
    url = next(
        each["stringData"]["url"]
        for each in rendered
        if each["kind"] == "Secret" and "url" in each.get("stringData", {})
    )
    elsewhere = {"prod-cronquorum-zookeeper:2181": zookeeper.hosts, url: pg_url}
    machine = Machine(rendered=rendered, folder=tmp_path, spawn=spawn, elsewhere=elsewhere)

    # the node comes first, and waits for the schema
    node = machine.run(made["scheduler"], "node-0")
    eventually(lambda: node.get("/livez", 7401) == 200, 60)
    assert node.get("/readyz", 7401) == 503
    assert machine.run(made["migration"], "migrate").process.wait(60) == 0
    ready(node, 7401)
    executor = machine.run(made["executor"], "worker-0")
    ready(executor, 7501)

    endpoint = {"prod-cronquorum:7400": f"127.0.0.1:{node.ports[7400]}"}
    client = made["test"]

    def schedctl(name: str, *words: str) -> str:
        """As the pod of `helm test`, with other words than its `cluster status`."""
        done = machine.run(with_words(client, *words), name, elsewhere=endpoint).process
        assert done.wait(60) == 0, done.tail()
        return done.output()

    assert "node-0" in schedctl("status", "cluster", "status")
    (tmp_path / "hello.yaml").write_text(JOB)
    schedctl("apply", "apply", "-f", str(tmp_path / "hello.yaml"))
    schedctl("run", "job", "run", "hello", "--wait")

    assert executor.stop() == 0
    assert node.stop() == 0


def with_words(pod: Pod, *words: str) -> Pod:
    (container,) = pod.spec["containers"]
    flags = [word for word in container["args"] if word not in ("cluster", "status")]
    return Pod(
        owner=pod.owner,
        metadata=pod.metadata,
        spec={**pod.spec, "containers": [{**container, "args": [*flags, *words]}]},
    )
