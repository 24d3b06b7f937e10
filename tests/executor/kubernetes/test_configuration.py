"""How an executor finds its cluster."""

from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import incluster_config

from executor.errors import StartError
from executor.kinds.kubernetes import cluster, kind
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.kubernetes.orders import begin
from tests.rig.certificates import Authority
from tests.rig.kubernetes_api import TOKEN, KubernetesApi
from tests.rig.proxy import TcpProxy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("{", "kubernetes config"),
        ("apiVersion: v1\nkind: Config\n", "kubernetes config"),
    ],
)
async def test_a_kubeconfig_that_is_none(
    start_executor: StartExecutor, tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "config"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StartError) as caught:
        await start_executor(kinds=("kubernetes",), kubernetes_config=path)
    assert message in str(caught.value) and str(path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


async def test_in_a_pod_its_service_account_is_used(
    start_executor: StartExecutor, lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Authority(tmp_path).issue("api", "127.0.0.1")
    for name, text in (("token", TOKEN), ("namespace", "mine\n"), ("ca.crt", certificate.ca.read_text())):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(cluster, "ACCOUNT", tmp_path)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    with KubernetesApi(certificate) as api:
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(api.port))
        executor = await start_executor(kinds=("kubernetes",))
        stream = await (await lead(executor)).attach()
        key = await begin(stream, "echo inside")
        assert (await stream.outcome(key)).state == "succeeded"
        assert stream.output(key) == b"inside\n"
        assert [job["metadata"]["namespace"] for job in api.jobs()] == ["mine"]
        await executor.stop(0)


async def test_outside_of_a_pod_a_kubeconfig_is_needed(start_executor: StartExecutor) -> None:
    with pytest.raises(StartError, match="give a kubeconfig file"):
        await start_executor(kinds=("kubernetes",))


async def test_an_api_server_that_is_away_does_not_keep_an_executor_from_its_other_kinds(
    start_executor: StartExecutor,
    told: dict[str, Any],
    lead: Lead,
    proxy: TcpProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kind, "FIND_SECONDS", 0.1)
    proxy.cut()
    stream = await (await lead(await start_executor(**(told | {"kinds": ("shell", "kubernetes")})))).attach()
    assert (await stream.outcome(await stream.shell("true"))).state == "succeeded"
