"""A cluster on this machine, each part a process of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import Spawn
from tests.rig.ports import free_port
from tests.rig.process import ManagedProcess
from tests.rig.waiting import eventually

ROOT = Path(__file__).parents[2]
SESSION_TIMEOUT = "2s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A node or an executor: its id, its address, and its process."""

    id: str
    address: str
    process: ManagedProcess


@dataclass(kw_only=True)
class Cluster:
    """Nodes and executors over one store and one ZooKeeper; everything goes through their command lines."""

    spawn: Spawn
    store: str
    zookeeper: str
    folder: Path
    nodes: dict[str, Part] = field(default_factory=dict)
    executors: dict[str, Part] = field(default_factory=dict)

    def upgrade(self) -> None:
        """Bring the schema up to date."""
        self.jobstore("upgrade")

    def jobstore(self, command: str) -> None:
        """Run a command of `python -m jobstore`."""
        run([sys.executable, "-m", "jobstore", command, "--store", self.store])

    def start_node(self, id_: str, *flags: str, env: Mapping[str, str] | None = None) -> Part:
        """Start a node, and wait until it serves."""
        port = free_port()
        command = [
            *(sys.executable, "-m", "scheduler", "--store", self.store, "--zookeeper", self.zookeeper),
            *("--node-id", id_, "--listen", f"127.0.0.1:{port}", "--metrics-listen", "127.0.0.1:0"),
            *("--session-timeout", SESSION_TIMEOUT, *flags),
        ]
        process = self.spawn(id_, command, env)
        process.wait_for_line("node started")
        part = self.nodes[id_] = Part(id=id_, address=f"127.0.0.1:{port}", process=process)
        return part

    def start_executor(self, id_: str, *flags: str, env: Mapping[str, str] | None = None) -> Part:
        """Start an executor, and wait until it is registered."""
        port = free_port()
        command = [
            *(sys.executable, "-m", "executor", "--zookeeper", self.zookeeper, "--executor-id", id_),
            *("--listen", f"127.0.0.1:{port}", "--data", str(self.folder / id_), "--metrics-listen", "127.0.0.1:0"),
            *("--session-timeout", SESSION_TIMEOUT, *flags),
        ]
        process = self.spawn(id_, command, env)
        process.wait_for_line("executor started")
        part = self.executors[id_] = Part(id=id_, address=f"127.0.0.1:{port}", process=process)
        return part

    @property
    def endpoint(self) -> str:
        """All nodes, for a client."""
        return ",".join(part.address for part in self.nodes.values())

    def schedctl(self, *words: str, code: int = 0) -> str:
        """Run `schedctl`; returns what it prints."""
        command = [sys.executable, "-m", "schedctl", "--endpoint", self.endpoint, *words]
        return run(command, code=code)

    def ask(self, *words: str) -> Any:
        """Run `schedctl -o json`; returns what it says."""
        return json.loads(self.schedctl("-o", "json", *words))

    def leader(self, other_than: str = "") -> str:
        """Wait for a leader, and return its node id."""

        def look() -> str | None:
            leader = self.ask("cluster", "status").get("leader")
            return leader["nodeId"] if leader and leader["nodeId"] != other_than else None

        return eventually(look, 30, "a node leads")

    def attached(self, count: int) -> None:
        """Wait until so many executors are attached."""

        def look() -> bool:
            states = [executor["state"] for executor in self.ask("executor", "list")["items"]]
            return states.count("attached") >= count

        eventually(look, 30, f"{count} executors are attached")

    def executions(self, *filters: str) -> list[dict[str, Any]]:
        """Executions as the API tells them."""
        items: list[dict[str, Any]] = self.ask("exec", "list", "--limit", "1000", *filters)["items"]
        return items


def run(command: Sequence[str], code: int = 0) -> str:
    """Run a command to its end; its exit code must be the one given."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == code, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
