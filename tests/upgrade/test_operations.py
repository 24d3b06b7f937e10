"""The operator's page: its commands are run, and what it says of failures is tried."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.cluster import Cluster
from tests.conftest import Spawn
from tests.docs.pages import command_lines, spans
from tests.rig import PostgresServer, ZooKeeperServer
from tests.rig.postgres import find_binaries
from tests.rig.waiting import eventually
from tests.upgrade.next_release import ROOT

PAGE = ROOT / "docs" / "operations.md"
JOBS = """
apiVersion: sched/v1
kind: Job
metadata: {name: often}
spec:
  triggers: [{name: every-second, cron: "* * * * * ?"}]
  task: {shell: {command: echo done}}
  concurrency: {policy: allow}
---
apiVersion: sched/v1
kind: Job
metadata: {name: long}
spec:
  task: {shell: {argv: [sleep, "600"]}}
"""


def commands() -> list[tuple[str, ...]]:
    """Every `schedctl` line of the page, in its indented code and within its sentences."""
    lines = [line.words for line in command_lines() if line.page == PAGE]
    lines += [tuple(re.findall(r'"[^"]*"|\S+', span)) for span in spans(PAGE) if span.startswith("schedctl ")]
    return list(dict.fromkeys(tuple(word.strip('"') for word in line) for line in lines if line[0] == "schedctl"))


def test_every_alert_has_a_section() -> None:
    sections = set(re.findall(r"^### (Cronquorum\w+)$", PAGE.read_text(), re.MULTILINE))
    for rules in ROOT.glob("helm/cronquorum/rules/*.yaml"):
        for group in yaml.safe_load(rules.read_text())["groups"]:
            assert {rule["alert"] for rule in group["rules"]} <= sections


@pytest.mark.timeout(240)
def test_every_schedctl_line_runs(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = cluster.start_node("node-1")
    cluster.start_executor("executor-1", "--drain", "0s")
    cluster.attached(1)
    jobs = tmp_path / "jobs.yaml"
    jobs.write_text(JOBS)
    cluster.schedctl("apply", "-f", str(jobs))
    done = cluster.ask("job", "run", "often", "--wait")["id"]
    told = {"NODE": node.address, "NAME": "often", "NAMESPACE": "default", "jobs.yaml": str(jobs), "EXECUTION": done}
    found = commands()
    assert len(found) >= 15
    for words in found:
        if words[1:3] == ("cluster", "release"):  # see below, where the cluster is held
            continue
        running = {"EXECUTION": cluster.ask("job", "run", "long")["id"]} if "cancel" in words else {}
        cluster.schedctl(*({**told, **running}.get(word, word) for word in words[1:]))


def run(program: str, *words: str) -> None:
    """Run one of PostgreSQL's programs."""
    done = subprocess.run([find_binaries() / program, *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(240)
def test_a_dump_is_restored_held_looked_at_and_released(
    cluster: Cluster, postgres: PostgresServer, tmp_path: Path
) -> None:
    database = cluster.store.rpartition("/")[2]
    dump = str(tmp_path / "sched.dump")
    node = cluster.start_node("node-1")
    cluster.start_executor("executor-1")
    cluster.attached(1)
    (tmp_path / "jobs.yaml").write_text(JOBS)
    cluster.schedctl("apply", "-f", str(tmp_path / "jobs.yaml"))
    run("pg_dump", "--format=custom", f"--file={dump}", cluster.store)  # while it runs
    assert cluster.nodes.pop("node-1").process.terminate() == 0
    postgres.drop_database(database)
    postgres.create_database(database)
    run("pg_restore", f"--dbname={cluster.store}", dump)
    cluster.upgrade()
    cluster.jobstore("hold")
    assert node.process.returncode == 0
    cluster.start_node("node-2")
    held = eventually(lambda: cluster.ask("cluster", "status").get("held"), 60, "it is held")
    assert "an operator held it" in held["reason"]
    cluster.schedctl("job", "pause", "often", code=5)
    assert cluster.executors.pop("executor-1").process.terminate() == 0
    cluster.start_executor("executor-1")
    cluster.schedctl("cluster", "release", "--yes")
    before = len(cluster.executions("--job", "often"))
    eventually(lambda: len(cluster.executions("--job", "often")) > before, 60, "it fires again")


@pytest.fixture
def own_zookeeper() -> Iterator[ZooKeeperServer]:
    with ZooKeeperServer() as server:
        yield server


@pytest.mark.timeout(240)
def test_an_empty_zookeeper_in_the_place_of_a_lost_one_is_enough(
    spawn: Spawn, pg_url: str, own_zookeeper: ZooKeeperServer, tmp_path: Path
) -> None:
    cluster = Cluster(spawn=spawn, store=pg_url, zookeeper=f"{own_zookeeper.hosts}/cronquorum", folder=tmp_path)
    cluster.upgrade()
    for number in (1, 2):
        cluster.start_node(f"node-{number}")
    cluster.start_executor("executor-1")
    cluster.attached(1)
    epoch = cluster.ask("cluster", "status")["epoch"]
    own_zookeeper.kill()
    shutil.rmtree(own_zookeeper.data)
    own_zookeeper.data.mkdir()
    own_zookeeper.start()
    eventually(lambda: cluster.ask("cluster", "status")["epoch"] > epoch, 60, "a later term")
    cluster.leader()
    cluster.attached(1)
    (tmp_path / "jobs.yaml").write_text(JOBS)
    cluster.schedctl("apply", "-f", str(tmp_path / "jobs.yaml"))
    assert cluster.ask("job", "run", "often", "--wait")["state"] == "succeeded"
