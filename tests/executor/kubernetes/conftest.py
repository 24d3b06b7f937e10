"""An API server, and an executor whose tasks are Jobs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from executor.service import Executor
from tests.executor.conftest import StartExecutor
from tests.rig.kubernetes_api import KubernetesApi
from tests.rig.proxy import TcpProxy


@pytest.fixture(autouse=True)
def api() -> Iterator[KubernetesApi]:
    with KubernetesApi() as api:
        yield api
        assert api.overlaps == []


@pytest.fixture(autouse=True)
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
