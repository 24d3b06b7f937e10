"""What the chart writes into config files and environments is what the programs read."""

from datetime import timedelta
from pathlib import Path

import pytest

from executor.config import ExecutorConfig
from scheduler.config import NodeSettings
from tests.chart.processes import Read, read_command
from tests.chart.rendering import VALUES, Object, Pod, environment, of_kind, one, pods, render

STORE = "postgresql://cronquorum:secret@db:5432/cronquorum"
OURS = ("scheduler", "executor", "migration", "test")


def read(name: str, pod: Pod, container: Object, folder: Path) -> Read:
    """As its program reads it, in a pod that has an address and a name."""
    address = "fd00::7" if name == "cnpg" else "10.0.0.7"
    environ = environment(container, address, "pod-1", lambda ref: STORE)
    words = [*container["command"], *container.get("args", [])]
    for volume in pod.spec["volumes"]:
        if volume["name"] == "config":
            for file, text in one(render(name), "ConfigMap", volume["configMap"]["name"])["data"].items():
                (folder / file).write_text(text)
    return read_command([word.replace("/etc/cronquorum/config", str(folder)) for word in words], environ)


def read_all(name: str, folder: Path) -> dict[str, Read]:
    found = {}
    for pod in pods(render(name)):
        if pod.component in OURS:
            for container in pod.containers:
                found[f"{pod.owner['metadata']['name']}/{container['name']}"] = read(name, pod, container, folder)
    return found


@pytest.mark.parametrize("name", VALUES)
def test_every_command_is_one_that_its_program_takes(name: str, tmp_path: Path) -> None:
    seen = {key.partition("/")[2] for key in read_all(name, tmp_path)}
    assert {"scheduler", "executor"} <= seen
    assert ("migrate" in seen) and ("status" in seen) == (name in ("dev", "everything"))


def test_a_node(tmp_path: Path) -> None:
    node = read_all("everything", tmp_path)["prod-jobs-scheduler/scheduler"]
    assert isinstance(node, NodeSettings)
    assert node.store == STORE
    assert node.zookeeper == "zk-0.zk:2281,zk-1.zk:2281/prod/cron"
    assert (node.listen, node.metrics_listen) == ("0.0.0.0:7400", "0.0.0.0:7401")
    assert (node.advertise, node.node_id) == ("10.0.0.7:7400", "pod-1")
    assert node.session_timeout == timedelta(seconds=6)
    assert node.defaults.max_attempts == 3
    assert node.limits.running == 500
    assert node.retention.namespaces["scratch"].succeeded == timedelta(days=1)
    assert not node.insecure
    assert node.wait_for_schema == timedelta(seconds=600)
    assert node.tls.cert == Path("/etc/cronquorum/tls/tls.crt")
    assert node.zookeeper_user == "cron"
    assert node.zookeeper_password_file == Path("/etc/cronquorum/zookeeper/password")
    assert node.zookeeper_tls.key == Path("/etc/cronquorum/zookeeper-tls/tls.key")


def test_a_group_of_executors(tmp_path: Path) -> None:
    found = read_all("everything", tmp_path)
    gpu = found["prod-jobs-executor-gpu/executor"]
    assert isinstance(gpu, ExecutorConfig)
    assert gpu.labels == {"gpu": "h100", "zone": "a.b"}
    assert (gpu.kinds, gpu.slots, gpu.tasks) == (("python",), 2, ("mycompany.tasks",))
    assert (gpu.executor_id, gpu.advertise) == ("pod-1", "10.0.0.7:7500")
    assert gpu.lease == timedelta(seconds=30)
    assert gpu.data == Path("/var/lib/cronquorum/executor")
    assert not gpu.insecure
    jobs = found["prod-jobs-executor-pods/executor"]
    assert isinstance(jobs, ExecutorConfig)
    assert (jobs.kinds, jobs.kubernetes_namespaces) == (("kubernetes",), ("batch", "reports"))
    default = found["prod-jobs-executor-default/executor"]
    assert isinstance(default, ExecutorConfig)
    assert (default.labels, default.slots) == ({}, 16)


def test_addresses_of_ipv6(tmp_path: Path) -> None:
    found = read_all("cnpg", tmp_path)
    node, executor = found["cron-scheduler/scheduler"], found["cron-executor-default/executor"]
    assert isinstance(node, NodeSettings) and isinstance(executor, ExecutorConfig)
    assert (node.listen, node.advertise) == ("[::]:7400", "[fd00::7]:7400")
    assert (executor.listen, executor.advertise) == ("[::]:7500", "[fd00::7]:7500")


def test_where_the_store_is() -> None:
    for name, secret in (
        ("dev", {"name": "prod-cronquorum-postgresql", "key": "url"}),
        ("external", {"name": "cronquorum-store", "key": "url"}),
        ("everything", {"name": "cronquorum-store", "key": "uri"}),
        ("cnpg", {"name": "jobs-app", "key": "uri"}),
    ):
        refs = [
            variable["valueFrom"]["secretKeyRef"]
            for pod in pods(render(name))
            for container in pod.containers
            for variable in container.get("env", [])
            if variable["name"] == "CRONQUORUM_STORE"
        ]
        assert refs == [secret, secret]  # a node and the migration, and nobody else


def test_another_config_file_is_another_pod() -> None:
    """Processes read it when they start."""

    def checksums(*words: str) -> dict[str, str]:
        rendered = render("external", *words)
        return {
            each["metadata"]["name"]: each["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
            for each in of_kind(rendered, "Deployment")
        }

    before, after = checksums(), checksums("--set", "scheduler.config.log_level=debug")
    assert before.keys() == after.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"prod-cronquorum-scheduler"}
