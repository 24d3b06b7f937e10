"""Jobs of Kubernetes run by a whole cluster: what a client sees, and what becomes of them when executors go."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster, Part
from tests.rig.kubernetes_api import KubernetesApi
from tests.rig.waiting import eventually

JOBS = """
apiVersion: sched/v1
kind: Job
metadata: {name: report}
spec:
  task:
    kubernetes:
      template:
        metadata: {labels: {team: data}}
        spec:
          terminationGracePeriodSeconds: 1
          containers:
            - name: main
              image: busybox
              command: [/bin/sh, -c]
              args: ['echo "begin $SCHED_ATTEMPT"; until [ -e "$(GO)" ]; do sleep 0.05; done; echo end; exit $(CODE)']
              env: [{name: GO, value: %s}, {name: CODE, value: "%d"}]
  idempotent: true
  timeout: 5m
"""


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as api:
        yield api
        assert api.overlaps == []


@pytest.fixture
def flags(api: KubernetesApi, tmp_path: Path) -> list[str]:
    kubeconfig = api.kubeconfig(tmp_path / "kubeconfig")
    return ["--kind", "kubernetes", "--kubernetes-config", str(kubeconfig), "--lease", "12s"]


class Report:
    """One execution of the job."""

    def __init__(self, cluster: Cluster, folder: Path, code: int = 0) -> None:
        self._cluster = cluster
        self.go = folder / "go"
        (folder / "jobs.yaml").write_text(JOBS % (self.go, code))
        cluster.schedctl("apply", "-f", str(folder / "jobs.yaml"))
        self.id = cluster.ask("job", "run", "report")["id"]

    def get(self) -> dict[str, Any]:
        found: dict[str, Any] = self._cluster.ask("exec", "get", self.id)
        return found

    def becomes(self, state: str) -> dict[str, Any]:
        found: dict[str, Any] = eventually(lambda: (e := self.get())["state"] == state and e, 60, state)
        return found

    def logs(self) -> str:
        return self._cluster.schedctl("exec", "logs", self.id)


def executor_process(guardian: Part) -> int:
    """The executor below a guardian."""
    (child,) = Path(f"/proc/{guardian.process.pid}/task/{guardian.process.pid}/children").read_text().split()
    return int(child)


@pytest.mark.timeout(120)
def test_status_exit_code_and_log_come_back_to_the_record(
    cluster: Cluster, api: KubernetesApi, flags: list[str], tmp_path: Path
) -> None:
    cluster.start_node("node-1")
    cluster.start_executor("pods", *flags)
    cluster.attached(1)
    report = Report(cluster, tmp_path, code=3)
    report.becomes("running")
    eventually(lambda: report.logs() == "begin 1\n", 30, "output while it runs")
    report.go.touch()
    done = report.becomes("failed")
    assert (done["exitCode"], done["error"]["type"], done["attempt"]) == (3, "exitCode", 1)
    assert done["error"]["tail"] == "begin 1\nend" and report.logs() == "begin 1\nend\n"
    eventually(lambda: not api.jobs() and not api.pods(), 30, "nothing is left")
    described = json.loads(cluster.schedctl("-o", "json", "job", "describe", "report"))
    template = described["spec"]["task"]["kubernetes"]["template"]
    assert template["metadata"] == {"labels": {"team": "data"}}
    assert "unchanged" in cluster.schedctl("apply", "-f", str(tmp_path / "jobs.yaml"))


@pytest.mark.timeout(120)
def test_a_job_goes_on_when_its_executor_is_killed_or_upgraded(
    cluster: Cluster, api: KubernetesApi, flags: list[str], tmp_path: Path
) -> None:
    cluster.start_node("node-1")
    executor = cluster.start_executor("pods", *flags)
    cluster.attached(1)
    report = Report(cluster, tmp_path)
    before = report.becomes("running")
    uid = api.jobs()[0]["metadata"]["uid"]

    os.kill(executor_process(executor), signal.SIGKILL)  # its guardian starts it again, and vouches
    incarnations = {before["incarnation"]}
    eventually(lambda: report.get()["incarnation"] not in incarnations, 30, "it goes on")
    incarnations.add(report.get()["incarnation"])

    executor.process.kill()  # with its guardian
    executor = cluster.start_executor("pods", *flags)
    eventually(lambda: report.get()["incarnation"] not in incarnations, 30, "it goes on")
    incarnations.add(report.get()["incarnation"])

    assert executor.process.terminate() == 0  # as in an upgrade
    assert api.processes() == 1
    cluster.start_executor("pods", *flags)
    eventually(lambda: report.get()["incarnation"] not in incarnations, 30, "it goes on")

    assert report.get()["state"] == "running"
    report.go.touch()
    done = report.becomes("succeeded")
    assert (done["attempt"], done["placement"], done["executorId"]) == (1, 1, "pods")
    assert report.logs() == "begin 1\nend\n"
    assert [job["metadata"]["uid"] for job in api.jobs()] in ([uid], []) and len(api.created) == 1
    eventually(lambda: not api.jobs(), 30, "nothing is left")


@pytest.mark.timeout(120)
def test_the_job_of_an_executor_that_does_not_come_back_ends_before_it_runs_elsewhere(
    cluster: Cluster, api: KubernetesApi, flags: list[str], tmp_path: Path
) -> None:
    cluster.start_node("node-1")
    first = cluster.start_executor("first", *flags)
    cluster.attached(1)
    report = Report(cluster, tmp_path)
    report.becomes("running")
    first.process.kill()
    cluster.start_executor("second", *flags)
    eventually(lambda: len(api.created) == 2, 60, "it runs again")
    report.go.touch()
    done = report.becomes("succeeded")
    assert (done["attempt"], done["executorId"]) == (2, "second")
    assert [(each["outcome"], each["executorId"]) for each in done["attempts"]] == [("lost", "first")]
    assert len({job["metadata"]["name"] for job in api.created}) == 1


@pytest.mark.timeout(120)
def test_a_cancel_deletes_the_job(cluster: Cluster, api: KubernetesApi, flags: list[str], tmp_path: Path) -> None:
    cluster.start_node("node-1")
    cluster.start_executor("pods", *flags)
    cluster.attached(1)
    report = Report(cluster, tmp_path)
    report.becomes("running")
    cluster.schedctl("exec", "cancel", report.id)
    report.becomes("cancelled")
    assert not api.jobs() and not api.processes()


def test_without_a_cluster_it_does_not_start(cluster: Cluster, tmp_path: Path) -> None:
    process = cluster.spawn(
        "executor", [sys.executable, "-m", "executor", "--zookeeper", cluster.zookeeper, "--kind", "kubernetes"], None
    )
    assert process.wait(30) == 1
    assert "executor: kind kubernetes: this is no pod with a service account" in process.tail()
    assert "Traceback" not in process.tail()
