"""A whole cluster, each part a process, over mutual TLS, with the certificates of `schedctl pki`."""

import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from cronquorum.roles import Role
from tests.cluster.cluster import ROOT, Cluster, Part
from tests.conftest import Spawn
from tests.rig.ports import free_port
from tests.rig.waiting import eventually

JOB = """
apiVersion: sched/v1
kind: Job
metadata: {name: hello}
spec:
  task: {shell: {command: 'echo "hello $SCHED_PARAM_WHO"'}}
  params: {who: world}
"""


class Issuer:
    """An authority, and folders as they go to hosts, made by the command line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pki = folder / "pki"
        ctl("pki", "init", "--out", str(self._pki))

    def issue(self, role: Role, name: str, *words: str) -> list[str]:
        """A certificate in a folder of its own, as flags."""
        out = str(self._folder / name)
        ctl("pki", "issue", "--role", role.word, "--name", name, "--ca", str(self._pki), "--out", out, *words)
        return self.flags(name)

    def flags(self, name: str) -> list[str]:
        folder = self._folder / name
        cert, key, ca = folder / f"{name}.crt", folder / f"{name}.key", folder / "ca.crt"
        return ["--tls-cert", str(cert), "--tls-key", str(key), "--tls-ca", str(ca)]


class Secured:
    """A cluster whose parts each have certificates of their own."""

    def __init__(self, cluster: Cluster, issuer: Issuer) -> None:
        self.cluster = cluster
        self.issuer = issuer

    def start(self, nodes: int, executors: int) -> None:
        for number in range(1, nodes + 1):
            name = f"node-{number}"
            self.cluster.start_node(name, *self.issuer.issue(Role.SCHEDULER, name))
        for number in range(1, executors + 1):
            name = f"executor-{number}"
            self.cluster.start_executor(name, *self.issuer.issue(Role.EXECUTOR, name))

    def ctl(self, name: str, *words: str, code: int = 0, endpoint: Part | None = None) -> str:
        """`schedctl` with somebody's certificate; what it prints, on stderr when it is to fail."""
        at = endpoint.address if endpoint else self.cluster.endpoint
        return ctl(*self.issuer.flags(name), "--endpoint", at, *words, code=code)


def ctl(*words: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "schedctl", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done
    return done.stderr if code else done.stdout


@pytest.fixture
def secured(spawn: Spawn, pg_url: str, zk_chroot: str, tmp_path: Path) -> Secured:
    cluster = Cluster(spawn=spawn, store=pg_url, zookeeper=zk_chroot, folder=tmp_path)
    cluster.upgrade()
    return Secured(cluster, Issuer(tmp_path / "hosts"))


def test_a_cluster_runs_a_job_over_tls(secured: Secured, tmp_path: Path) -> None:
    secured.start(nodes=2, executors=2)
    secured.issuer.issue(Role.CLIENT, "alice")
    secured.issuer.issue(Role.VIEWER, "victor")

    def leading() -> str:
        found = json.loads(secured.ctl("victor", "-o", "json", "cluster", "status"))
        attached = [each for each in found.get("executors", ()) if each["state"] == "attached"]
        return found["leader"]["nodeId"] if found.get("leader") and len(attached) == 2 else ""

    leader = eventually(leading, 60, "a node leads and has both executors")
    follower = next(part for id_, part in secured.cluster.nodes.items() if id_ != leader)
    manifest = tmp_path / "hello.yaml"
    manifest.write_text(JOB)
    # by way of the node that does not lead, so that one node calls the other
    assert secured.ctl("alice", "apply", "-f", str(manifest), endpoint=follower) == "job default/hello created\n"
    said = secured.ctl("alice", "-o", "json", "job", "run", "hello", "--wait", "--param", "who=you", endpoint=follower)
    execution = json.loads(said)
    assert execution["state"] == "succeeded"
    # who may only look sees it, and changes nothing
    assert secured.ctl("victor", "exec", "logs", execution["id"]) == "hello you\n"
    for words in (["job", "pause", "hello"], ["job", "delete", "hello", "--yes"], ["apply", "-f", str(manifest)]):
        refused = secured.ctl("victor", *words, code=4, endpoint=follower)
        assert "needs the role client or scheduler, and the certificate says viewer" in refused
    follower.process.wait_for_line('"method": "/schedapi.v1.JobService/Delete"')
    assert json.loads(secured.ctl("victor", "-o", "json", "job", "list"))["items"][0]["status"]["state"] == "active"


def test_a_task_that_calls_a_node_shows_a_certificate_of_its_own(secured: Secured) -> None:
    secured.start(nodes=1, executors=0)
    secured.issuer.issue(Role.CLIENT, "alice")
    own = secured.issuer.issue(Role.EXECUTOR, "worker")
    node = {"CRONQUORUM_ENDPOINT": secured.cluster.endpoint}
    for name, theirs in (("with", secured.issuer.issue(Role.VIEWER, "victor")), ("without", own)):
        shown = dict(zip(("VIEWER_TLS_CERT", "VIEWER_TLS_KEY", "VIEWER_TLS_CA"), theirs[1::2], strict=True))
        labels = ("--label", f"viewer={name}", "--tasks", "examples.tasks")
        secured.cluster.start_executor(name, *own, *labels, env={**node, **shown})
    manifest = yaml.safe_load((ROOT / "examples" / "execution-summary.yaml").read_text())
    for name, code in (("with", 0), ("without", 8)):
        manifest["metadata"]["name"] = name
        manifest["spec"] |= {"triggers": [], "routing": {"selector": f"viewer={name}"}}
        (file := secured.cluster.folder / f"{name}.yaml").write_text(yaml.safe_dump(manifest))
        secured.ctl("alice", "apply", "-f", str(file))
        said = secured.ctl("alice", "-n", "demo", "job", "run", name, "--wait", code=code)
    assert "needs the role client or viewer, and the certificate says executor" in said


def test_schedctl_is_told_why_it_is_not_let_in(secured: Secured, tmp_path: Path) -> None:
    secured.start(nodes=1, executors=0)
    (node,) = secured.cluster.nodes.values()
    theirs = Issuer(tmp_path / "stranger").issue(Role.CLIENT, "mallory")
    ours = secured.issuer.issue(Role.CLIENT, "alice")
    secured.issuer.issue(Role.EXECUTOR, "worker")
    for flags, why in (
        (theirs, "no TLS connection: unable to get local issuer certificate"),
        ([*theirs[:4], *ours[4:]], f"no TLS connection: the certificate in {theirs[1]} is not taken"),
    ):
        said = ctl(*flags, "--endpoint", node.address, "cluster", "status", code=4)
        assert said.startswith(f"schedctl: {node.address}: {why}"), said
        assert said.count("\n") == 1
    assert "ClusterService/Status needs the role client or scheduler or viewer" in secured.ctl(
        "worker", "cluster", "status", code=4
    )
    assert "set --tls-cert" in ctl("--endpoint", node.address, "cluster", "status", code=6)
    missing = ctl("--tls-cert", "/no/c", *ours[2:], "--endpoint", node.address, "cluster", "status", code=1)
    assert missing == "schedctl: tls.cert: /no/c: cannot be read: no such file or directory\n"


def test_a_running_cluster_takes_new_certificates(secured: Secured) -> None:
    secured.start(nodes=1, executors=1)
    secured.issuer.issue(Role.CLIENT, "alice")
    node, executor = secured.cluster.nodes["node-1"], secured.cluster.executors["executor-1"]

    def attached() -> bool:
        return "attached" in secured.ctl("alice", "executor", "list")

    eventually(attached, 60, "the executor is attached")
    first = serial(node)
    for role, name in ((Role.SCHEDULER, "node-1"), (Role.EXECUTOR, "executor-1"), (Role.CLIENT, "alice")):
        secured.issuer.issue(role, name, "--replace")
    assert secured.ctl("alice", "job", "list") is not None
    assert serial(node) != first
    node.process.wait_for_line("certificate files were read again")
    # a new stream, with the new certificates at both its ends
    executor.process.kill()
    secured.cluster.start_executor("executor-1", *secured.issuer.flags("executor-1"))
    eventually(attached, 60, "the executor is attached again")


def serial(node: Part) -> bytes:
    """Something that is another one with each certificate: its signature, as anybody sees it who connects."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    host, _, port = node.address.rpartition(":")
    with context.wrap_socket(socket.create_connection((host, int(port)), 20)) as secure:
        shown = secure.getpeercert(binary_form=True)
    assert shown is not None
    return shown


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.EXECUTOR])
def test_a_process_tells_when_its_certificate_ends(secured: Secured, role: Role) -> None:
    metrics = free_port()
    flags = [*secured.issuer.issue(role, "it", "--days", "3"), "--metrics-listen", f"127.0.0.1:{metrics}"]
    start = secured.cluster.start_node if role is Role.SCHEDULER else secured.cluster.start_executor
    start("it", *flags).process.wait_for_line("certificate ends soon: renew it")

    def expiry() -> float:
        with urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        (line,) = [each for each in lines if each.startswith("cronquorum_certificate_expiry_timestamp_seconds ")]
        return float(line.split()[1])

    first = expiry()
    secured.issuer.issue(role, "it", "--days", "30", "--replace")
    assert abs(expiry() - first - 27 * 86400) < 600
