"""Programs that are shown run, and say what they are said to say."""

import os
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest

from schedctl.dev import Embedded
from scheduler import routing
from scheduler.__main__ import import_plugin
from scheduler.config import NodeSettings
from tests.docs.pages import block, blocks

EMBEDDED = next(each for each in blocks("python") if each.page.name == "README.md")


def test_the_program_of_the_readme(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(EMBEDDED.text)
    ended = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "succeeded hello world\n", "")
    assert (tmp_path / "jobs.sqlite").is_file()


def test_the_strategy_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: Embedded) -> None:
    shown = block("python", "cluster.md")
    assert shown.text.startswith("# mycompany/strategies.py\n")
    (tmp_path / "mycompany").mkdir()
    (tmp_path / "mycompany" / "strategies.py").write_text(shown.text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(routing, "STRATEGIES", dict(routing.STRATEGIES))
    import_plugin("mycompany.strategies")  # as `--plugins` does, before the start
    cluster.apply("""
        apiVersion: sched/v1
        kind: Job
        metadata: {name: routed}
        spec:
          task: {shell: {command: "true"}}
          routing: {strategy: newest}
    """)
    assert cluster.run("routed", wait=True).state == "succeeded"


def test_the_settings_of_the_docs(tmp_path: Path) -> None:
    shown = block("toml", "cluster.md")
    path = tmp_path / "scheduler.toml"
    path.write_text(shown.text)
    read = NodeSettings.load(["--config", str(path)], prog="scheduler", description="", environ={})
    assert read.tls.files is not None
    assert read.defaults.timeout == timedelta(hours=6)
    assert (read.limits.running, read.limits.running_per_namespace) == (500, 100)
    assert read.policy.defaults.routing == "leastLoaded"
    sections = {"tls": read.tls, "defaults": read.defaults, "limits": read.limits}
    for name, section in sections.items():
        shown_keys = set(tomllib.loads(shown.text)[name])
        # what is left out is said elsewhere: failover follows from idempotent
        assert set(type(section).model_fields) - shown_keys <= {"failover"}


def test_the_variables_of_the_docs() -> None:
    environ = {
        "CRONQUORUM_STORE": "sqlite:///x",
        "CRONQUORUM_ZOOKEEPER": "zk1.example:2181/cronquorum",
        "CRONQUORUM_DEFAULTS__TIMEOUT": "6h",
    }
    read = NodeSettings.load([], prog="scheduler", description="", environ=environ)
    assert read.defaults.timeout == timedelta(hours=6)
    read = NodeSettings.load(["--store", "sqlite:///y"], prog="scheduler", description="", environ=environ)
    assert read.store == "sqlite:///y"
