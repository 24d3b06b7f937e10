"""What the log of an executor says of Jobs of Kubernetes: which execution it is about."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from executor.service import Executor
from tests.executor.conftest import StartExecutor
from tests.executor.leader import Stream
from tests.rig.kubernetes_api import KubernetesApi


@pytest.fixture(autouse=True)
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as api:
        yield api


@pytest.fixture
async def executor(start_executor: StartExecutor, api: KubernetesApi, tmp_path: Path) -> Executor:
    kubeconfig = api.kubeconfig(tmp_path / "kubeconfig")
    return await start_executor(kinds=("kubernetes",), kubernetes_config=kubeconfig, executor_id="pods-1")


async def test_a_job_that_cannot_be_deleted_is_told_of_with_its_execution(
    stream: Stream, api: KubernetesApi, caplog: pytest.LogCaptureFixture
) -> None:
    container = {"name": "main", "image": "busybox", "command": ["/bin/sh", "-c", "echo up; exec sleep 600"]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    key = await stream.dispatch({"kubernetes": {"template": {"spec": spec}}}, job="report")
    await stream.wait_output(key, b"up\n")
    api.fail("delete", "jobs", 500, message="not now")
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).state == "cancelled"
    (told,) = [each.msg for each in caplog.records if "Kubernetes does not do what a Job needs" in each.getMessage()]
    assert isinstance(told, dict)
    assert (told["job"], told["execution"], told["attempt"]) == ("report", key.execution_id, 1)
    assert told["kubernetes_job"].startswith("jobs/report-")
    assert "not now" in told["error"]
