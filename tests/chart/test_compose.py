"""compose.yaml, as Compose itself reads it."""

import functools
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from executor.config import ExecutorConfig
from scheduler.config import NodeSettings
from tests.chart.processes import read_command
from tests.chart.rendering import CHART, ROOT, tool

NODES = ("node-1", "node-2", "node-3")
EXECUTORS = ("executor-1", "executor-2")


@functools.cache
def config() -> dict[str, Any]:
    command = [
        tool("docker-compose"),
        "--profile",
        "*",
        "--file",
        str(ROOT / "compose.yaml"),
        "config",
        "--format",
        "json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def ours() -> dict[str, dict[str, Any]]:
    return {name: each for name, each in config()["services"].items() if each["image"].startswith("cronquorum:")}


def test_what_is_there() -> None:
    assert set(config()["services"]) == {*NODES, *EXECUTORS, "postgres", "zookeeper", "pki", "migrate", "schedctl"}
    assert config()["services"].keys() - ours().keys() == {"postgres", "zookeeper"}


def test_images_are_those_of_the_dockerfile_and_of_the_chart() -> None:
    for service in ours().values():
        assert Path(service["build"]["context"]) == ROOT
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert config()["services"]["postgres"]["image"] == values["dev"]["postgresql"]["image"]
    assert config()["services"]["zookeeper"]["image"] == values["dev"]["zookeeper"]["image"]
    assert {each["image"].partition(":")[2] for each in ours().values()} == {
        yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    }


@pytest.mark.parametrize("name", ours())
def test_ours_are_closed(name: str) -> None:
    service = ours()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    assert ("user" in service) == (name == "pki")  # the image's own, but for who gives files to others


@pytest.mark.parametrize("name", [*NODES, *EXECUTORS, "migrate", "schedctl"])
def test_its_settings_are_read(name: str) -> None:
    service = config()["services"][name]
    words = [*(service.get("entrypoint") or []), *service["command"]]
    read = read_command(words, service["environment"])
    if name in NODES:
        assert isinstance(read, NodeSettings)
        assert (read.node_id, read.advertise) == (name, f"{name}:7400")
    if name in EXECUTORS:
        assert isinstance(read, ExecutorConfig)
        assert (read.executor_id, read.advertise) == (name, f"{name}:7500")


def test_the_authority_makes_what_the_others_mount() -> None:
    """Its own commands are read, and each role's files are where that role's processes look for them."""
    script = config()["services"]["pki"]["command"][-1].replace("$$", "$")
    lines = [line.partition("||")[2].split() for line in script.splitlines() if "||" in line]
    assert [read_command(words, {}) for words in _for_each_role(lines)] == [("pki", "init"), *3 * [("pki", "issue")]]
    roles = dict.fromkeys(NODES, "scheduler") | dict.fromkeys(EXECUTORS, "executor") | {"schedctl": "client"}
    for name, role in roles.items():
        service = config()["services"][name]
        (mount,) = [each for each in service["volumes"] if each["target"] == "/pki"]
        assert (mount["source"], mount["read_only"]) == (f"pki-{role}", True)
        assert service["environment"]["CRONQUORUM_TLS_KEY"] == f"/pki/{role}.key"
    assert not [name for name, each in ours().items() if name != "pki" and "pki-ca" in json.dumps(each.get("volumes"))]


def _for_each_role(lines: list[list[str]]) -> list[list[str]]:
    init, issue = lines
    roles = ("scheduler", "executor", "client")
    return [init, *([word.replace('"', "").replace("$role", role) for word in issue] for role in roles)]


def test_who_waits_for_whom() -> None:
    for name in NODES:
        needs = config()["services"][name]["depends_on"]
        assert {key: need["condition"] for key, need in needs.items()} == {
            "postgres": "service_healthy",
            "zookeeper": "service_healthy",
            "migrate": "service_completed_successfully",
            "pki": "service_completed_successfully",
        }


def test_only_nodes_reach_the_store() -> None:
    inside = {name for name, each in config()["services"].items() if "store" in each.get("networks", {})}
    assert inside == {*NODES, "postgres", "migrate"}
    for service in config()["services"].values():
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1"
