"""A cluster whose ZooKeeper speaks TLS, and is for its user alone."""

import itertools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from kazoo.client import KazooClient
from kazoo.security import ACL, OPEN_ACL_UNSAFE, make_digest_acl

from tests.cluster.cluster import Cluster
from tests.conftest import Spawn
from tests.rig import Authority, ZooKeeperServer, eventually

JOB = """
apiVersion: sched/v1
kind: Job
metadata: {name: often}
spec:
  triggers: [{name: every-second, cron: "* * * * * ?"}]
  task: {shell: {command: "true"}}
"""
OURS = {make_digest_acl("cluster", "secret", all=True)}

_numbers = itertools.count(1)


@pytest.fixture
def closed(tmp_path: Path, authority: Authority) -> Mapping[str, str]:
    """What a process is told, so that it is let in."""
    password, certificate = tmp_path / "password", authority.issue("member", "member")
    password.touch(mode=0o600)
    password.write_text("secret\n")
    return {
        "CRONQUORUM_ZOOKEEPER_USER": "cluster",
        "CRONQUORUM_ZOOKEEPER_PASSWORD_FILE": str(password),
        "CRONQUORUM_ZOOKEEPER_TLS_CA": str(certificate.ca),
        "CRONQUORUM_ZOOKEEPER_TLS_CERT": str(certificate.cert),
        "CRONQUORUM_ZOOKEEPER_TLS_KEY": str(certificate.key),
    }


@pytest.fixture
def hosts(tls_zookeeper: ZooKeeperServer) -> str:
    """The TLS port, and a chroot that nobody has made."""
    return f"localhost:{tls_zookeeper.secure_port}/cluster-{next(_numbers)}"


@pytest.fixture
def make_cluster(spawn: Spawn, pg_url: str, tmp_path: Path) -> Callable[[str], Cluster]:
    def make(zookeeper: str) -> Cluster:
        cluster = Cluster(spawn=spawn, store=pg_url, zookeeper=zookeeper, folder=tmp_path)
        cluster.upgrade()
        (tmp_path / "job.yaml").write_text(JOB)
        return cluster

    return make


def acls(server: ZooKeeperServer, hosts: str) -> dict[str, set[ACL]]:
    """The ACL of every znode under a chroot, by its path in there."""
    client = KazooClient(server.hosts, auth_data=[("digest", "cluster:secret")])
    client.start(30)
    try:
        chroot = hosts[hosts.index("/") :]
        paths = [chroot]
        for path in paths:
            paths += [f"{path}/{name}" for name in client.get_children(path)]
        return {path.removeprefix(chroot): set(client.get_acls(path)[0]) for path in paths}
    finally:
        client.stop()
        client.close()


def succeeded(cluster: Cluster, more_than: int = 0) -> int:
    def look() -> int | None:
        count = [each["state"] for each in cluster.executions()].count("succeeded")
        return count if count > more_than else None

    return eventually(look, 30, "executions succeed")


@pytest.mark.timeout(300)
def test_a_closed_cluster_runs_jobs_and_lets_nobody_in(
    make_cluster: Callable[[str], Cluster],
    closed: Mapping[str, str],
    hosts: str,
    tls_zookeeper: ZooKeeperServer,
    spawn: Spawn,
    tmp_path: Path,
) -> None:
    cluster = make_cluster(hosts)
    for name in ("node-1", "node-2"):
        cluster.start_node(name, env=closed)
    cluster.start_executor("executor-1", env=closed)
    first = cluster.leader()
    cluster.attached(1)
    cluster.schedctl("apply", "-f", str(tmp_path / "job.yaml"))
    before = succeeded(cluster)

    found = acls(tls_zookeeper, hosts)
    assert {*found} > {"", "/ensemble", "/nodes/node-1", "/nodes/node-2", "/executors/executor-1"}
    assert len([path for path in found if path.startswith("/election/")]) == 2
    assert set(map(frozenset, found.values())) == {frozenset(OURS)}

    ports = ["--listen", "127.0.0.1:0"]
    node = ["scheduler", "--store", cluster.store, *ports, "--metrics-listen", "127.0.0.1:0"]
    plain = f"{tls_zookeeper.hosts}{hosts[hosts.index('/') :]}"
    for name, command in (("stray-node", node), ("stray-executor", ["executor", *ports])):
        stray = spawn(name, [sys.executable, "-m", *command, "--zookeeper", plain])
        assert stray.wait() == 1
        assert "its ACL is for a user: set zookeeper_user and zookeeper_password_file (NoAuth)" in stray.tail()
        assert "Traceback" not in stray.tail()

    assert cluster.nodes.pop(first).process.terminate() == 0
    cluster.leader(other_than=first)
    succeeded(cluster, more_than=before)


@pytest.mark.timeout(300)  # a dozen starts of processes
def test_an_open_cluster_is_closed_one_process_after_the_other(
    make_cluster: Callable[[str], Cluster],
    closed: Mapping[str, str],
    hosts: str,
    tls_zookeeper: ZooKeeperServer,
    tmp_path: Path,
) -> None:
    plain = f"{tls_zookeeper.hosts}{hosts[hosts.index('/') :]}"
    digest = {name: value for name, value in closed.items() if "TLS" not in name}
    cluster = make_cluster(plain)
    for name in ("node-1", "node-2", "node-3"):
        cluster.start_node(name)
    cluster.start_executor("executor-1")
    cluster.leader()
    cluster.attached(1)
    cluster.schedctl("apply", "-f", str(tmp_path / "job.yaml"))
    count = succeeded(cluster)
    assert set(map(frozenset, acls(tls_zookeeper, plain).values())) == {frozenset(OPEN_ACL_UNSAFE)}

    def restart(parts: str, name: str) -> None:
        assert getattr(cluster, parts)[name].process.terminate() == 0
        again = cluster.start_node if parts == "nodes" else cluster.start_executor
        again(name, env=digest)

    for parts, name in (("nodes", "node-1"), ("nodes", "node-2"), ("nodes", "node-3"), ("executors", "executor-1")):
        restart(parts, name)
        cluster.leader()
        count = succeeded(cluster, more_than=count)
    assert set(map(frozenset, acls(tls_zookeeper, plain).values())) == {frozenset(OURS)}
    assert "is for zookeeper_user alone now" in cluster.nodes["node-1"].process.log.read_text()
