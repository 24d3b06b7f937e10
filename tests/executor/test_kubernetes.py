"""Tasks that are Jobs, against an API server that speaks the real wire."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from executor.service import Executor
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.leader import Leader, Stream
from tests.rig.kubernetes_api import KubernetesApi
from tests.rig.proxy import TcpProxy
from tests.rig.waiting import eventually_async

JOB = "nightly"


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as api:
        yield api
        assert api.overlaps == []


@pytest.fixture
def proxy(api: KubernetesApi) -> Iterator[TcpProxy]:
    with TcpProxy(api.port) as proxy:
        yield proxy


@pytest.fixture
def kubeconfig(api: KubernetesApi, proxy: TcpProxy, tmp_path: Path) -> Path:
    return api.kubeconfig(tmp_path / "kubeconfig", port=proxy.port)


@pytest.fixture
def told(kubeconfig: Path) -> dict[str, Any]:
    return {"kinds": ("kubernetes",), "kubernetes_config": kubeconfig, "executor_id": "pods-1"}


@pytest.fixture
async def executor(start_executor: StartExecutor, told: dict[str, Any]) -> Executor:
    return await start_executor(**told)


def task(command: str, **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox", "command": ["/bin/sh", "-c", command], **more.pop("main", {})}
    spec = {
        "containers": [container, *more.pop("beside", [])],
        "terminationGracePeriodSeconds": 1,
        **more.pop("spec", {}),
    }
    return {"kubernetes": {"template": {"spec": spec}, **more}}


async def run(stream: Stream, command: str, options: dict[str, Any] | None = None, **more: Any) -> pb.AttemptKey:
    return await stream.dispatch(task(command, **more), job=JOB, **(options or {}))


async def test_a_job_succeeds_with_its_log_and_is_gone_when_that_is_on_the_record(
    stream: Stream, api: KubernetesApi
) -> None:
    key = await run(stream, "echo one; echo two")
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code) == ("succeeded", 0)
    assert outcome.HasField("ran") and not outcome.HasField("error")
    assert stream.output(key) == b"one\ntwo\n"
    assert len(api.jobs()) == 1
    await stream.acknowledge(key)
    await eventually_async(lambda: not api.jobs() and not api.pods())


async def test_an_exit_code_is_a_failure_with_the_last_lines(stream: Stream) -> None:
    key = await run(stream, "echo before; echo bad luck >&2; exit 3")
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.exit_code) == ("failed", 3)
    assert (outcome.error.type, outcome.error.message) == ("exitCode", "exit code 3")
    assert outcome.error.tail == "before\nbad luck"
