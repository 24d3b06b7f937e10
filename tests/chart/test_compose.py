"""compose.yaml, as Compose itself reads it."""

import functools
import json
import os
import re
import subprocess
import sys
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


def test_the_authority_makes_what_the_others_mount(tmp_path: Path) -> None:
    """Its script runs, twice; each role's files are where that role's processes look for them."""
    for folder in ("ca", "scheduler", "executor", "client"):
        (tmp_path / folder).mkdir()
    command = [word.replace("$$", "$") for word in config()["services"]["pki"]["command"]]
    command[-1] = command[-1].replace("/pki", str(tmp_path)).replace("10001:10001", f"{os.getuid()}:{os.getgid()}")
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def files(*words: str) -> dict[Path, bytes]:
        """All that there is after a command."""
        subprocess.run(words, env=environ, check=True, capture_output=True, timeout=60)
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    made = [files(*command), files(*command)]
    assert made[0] == made[1]
    assert not [path for path in made[0] if path.stat().st_mode & 0o007]
    roles = dict.fromkeys(NODES, "scheduler") | dict.fromkeys(EXECUTORS, "executor") | {"schedctl": "client"}
    for name, role in roles.items():
        service = config()["services"][name]
        (mount,) = [each for each in service["volumes"] if each["target"] == "/pki"]
        assert (mount["source"], mount["read_only"]) == (f"pki-{role}", True)
        named = [value for key, value in service["environment"].items() if value.startswith("/pki/")]
        assert len(named) == (3 if role == "client" else 4)
        assert {tmp_path / role / Path(file).name for file in named} <= made[0].keys()
    # as docs/deployment.md says: new certificates of the same authority
    (remove,) = re.findall(r"compose run --rm pki sh -c '(.*)'", (ROOT / "docs" / "deployment.md").read_text())
    left = files("sh", "-c", remove.replace("/pki", str(tmp_path)))
    assert {path.name for path in left} == {"ca.crt", "ca.key", "zookeeper-password"}
    anew = files(*command)
    assert anew.keys() == made[0].keys()
    assert {path.name for path in anew if anew[path] == made[0][path]} == {path.name for path in left}
    assert not [name for name, each in ours().items() if name != "pki" and "pki-ca" in json.dumps(each.get("volumes"))]


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
