"""A cluster that runs for all tests of this folder, and what its parts tell."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.cluster.cluster import Cluster, Part
from tests.conftest import Spawn, database_of, new_chroot
from tests.rig.postgres import PostgresServer
from tests.rig.process import ManagedProcess
from tests.rig.waiting import eventually
from tests.rig.zookeeper import ZooKeeperServer

JOBS = """
apiVersion: sched/v1
kind: Job
metadata: {name: well, namespace: shop}
spec:
  triggers: [{name: often, cron: "* * * * * ?"}]
  task: {shell: {command: "true"}}
---
apiVersion: sched/v1
kind: Job
metadata: {name: badly, namespace: shop}
spec:
  triggers: [{name: often, cron: "* * * * * ?"}]
  task: {shell: {command: "exit 3"}}
  retry: {maxAttempts: 2, delay: 1s}
  concurrency: {policy: skip}
"""


@dataclass(kw_only=True)
class Watched:
    """A cluster of two nodes and an executor. `addresses` are those of /metrics, by id."""

    cluster: Cluster
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def leader(self) -> str:
        return self.cluster.leader()

    @property
    def follower(self) -> str:
        leader = self.leader
        return next(id_ for id_ in self.cluster.nodes if id_ != leader)

    def started(self, part: Part) -> None:
        """Take down where a part that has started serves /metrics."""
        lines = (json.loads(line) for line in part.process.output().splitlines() if line.startswith("{"))
        self.addresses[part.id] = next(line["metrics"] for line in lines if line["event"].endswith(" started"))

    def get(self, id_: str, path: str = "/metrics") -> tuple[int, str]:
        """Status and body."""
        return get(self.addresses[id_], path)

    def values(self, id_: str) -> Mapping[str, float]:
        """All samples of a part."""
        return samples(self.get(id_)[1])


def get(address: str, path: str, timeout: float = 30) -> tuple[int, str]:
    """Ask over HTTP; the status and the body."""
    try:
        with urlopen(f"http://{address}{path}", timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


async def get_beside(address: str, path: str) -> tuple[int, str]:
    """The same for a test on an event loop, which may be the one that answers."""
    return await asyncio.to_thread(get, address, path)


def samples(text: str) -> dict[str, float]:
    """Samples by name and labels, as they are written."""
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.fixture(scope="package")
def watched(
    postgres: PostgresServer, zookeeper: ZooKeeperServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    """The cluster, at work: some of its executions succeed, some fail, and some are skipped."""
    folder = tmp_path_factory.mktemp("watched")
    started: list[ManagedProcess] = []

    def spawn(name: str, command: Any, env: Mapping[str, str] | None = None) -> ManagedProcess:
        process = ManagedProcess(name, command, log=folder / f"{name}.log", env=env).start()
        started.append(process)
        return process

    with database_of(postgres) as store:
        try:
            cluster = Cluster(spawn=spawn, store=store, zookeeper=new_chroot(zookeeper), folder=folder)
            cluster.upgrade()
            made = Watched(cluster=cluster)
            for part in (
                cluster.start_node("node-1"),
                cluster.start_node("node-2"),
                cluster.start_executor("executor-1", "--slots", "4"),
            ):
                made.started(part)
            cluster.attached(1)
            (Path(folder) / "jobs.yaml").write_text(JOBS)
            cluster.schedctl("apply", "-f", str(folder / "jobs.yaml"))
            leader = made.leader

            def worked() -> bool:
                told = made.values(leader)
                return all(
                    told[f"cronquorum_{name}"] > 0
                    for name in (
                        'executions_total{state="succeeded"}',
                        'executions_total{state="failed"}',
                        'skips_total{reason="overlap"}',
                        'retries_total{reason="retry"}',
                    )
                )

            eventually(worked, 60, "executions have succeeded, failed, been skipped and tried again")
            yield made
        finally:
            for process in reversed(started):
                process.close()


@pytest.fixture
def cluster(spawn: Spawn, pg_url: str, zk_chroot: str, tmp_path: Path) -> Cluster:
    """An empty cluster of a test's own, with its schema in place."""
    made = Cluster(spawn=spawn, store=pg_url, zookeeper=zk_chroot, folder=tmp_path)
    made.upgrade()
    return made
