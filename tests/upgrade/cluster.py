"""A cluster whose nodes and executors are replaced as Kubernetes does: the new one is ready before the old one goes."""

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.request import urlopen

from cronquorum.clock import SystemClock
from schedapi.client import Client
from schedapi.errors import ApiError
from schedapi.v1.cluster_service_pb2 import ExecutorsRequest, ExecutorsResponse
from tests.rig import reaper
from tests.rig.ports import free_port
from tests.rig.postgres import PostgresServer
from tests.rig.process import ManagedProcess
from tests.rig.waiting import eventually
from tests.rig.zookeeper import ZooKeeperServer
from tests.upgrade.next_release import ROOT, NextRelease
from tests.upgrade.tasks import WORLD

SLOTS = 64
START_TIMEOUT, STOP_TIMEOUT = 60.0, 60.0
READY_TIMEOUT = 5.0

_clock = SystemClock()


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A node or an executor. `address` is that of its gRPC, `metrics` that of its /metrics and /readyz."""

    id: str
    address: str
    process: ManagedProcess
    metrics: str


class Cluster:
    """`with Cluster() as cluster:` everything runs inside; afterwards nothing is left.

    `changed` is called whenever the nodes are others, with their addresses: what a service has for endpoints.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cronquorum-upgrade-"))
        reaper.watch(self.folder)
        self.world = self.folder / "world"
        self.world.mkdir()
        self.later = NextRelease(self.folder / "next")
        self.nodes: list[Part] = []
        self.executors: list[Part] = []
        self.stops: dict[str, float] = {}
        """How long each part took from its SIGTERM to its end, in seconds."""
        self.changed: Callable[[list[str]], None] = lambda endpoints: None
        self.postgres: PostgresServer
        self.store = ""
        self._zookeeper: ZooKeeperServer
        self._undo = contextlib.ExitStack()
        self._undo.callback(reaper.forget, self.folder)
        self._undo.callback(shutil.rmtree, self.folder)
        self._old = {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}", WORLD: str(self.world)}

    def __enter__(self) -> Self:
        try:
            self._zookeeper = self._undo.enter_context(ZooKeeperServer())
            self.postgres = self._undo.enter_context(PostgresServer(synchronous_commit="on"))
            self.store = self.postgres.create_database("upgrade")
        except BaseException:
            self._undo.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    @property
    def endpoints(self) -> list[str]:
        return [node.address for node in self.nodes]

    def start_node(self, id_: str, *, later: bool = False) -> Part:
        """Start a node, of the next release or of this one; returns when it is ready."""
        port, metrics = free_port(), free_port()
        process = self._spawn(
            id_,
            later,
            *("scheduler", "--store", self.store, "--zookeeper", self._zookeeper.hosts, "--node-id", id_),
            *("--listen", f"127.0.0.1:{port}", "--metrics-listen", f"127.0.0.1:{metrics}"),
            *("--wait-for-schema", "1m"),
        )
        part = Part(id=id_, address=f"127.0.0.1:{port}", process=process, metrics=f"127.0.0.1:{metrics}")
        eventually(lambda: self._runs(part) and _ready(part), START_TIMEOUT, f"{id_} is ready")
        self.nodes.append(part)
        self.changed(self.endpoints)
        return part

    def start_executor(self, id_: str, *, later: bool = False) -> Part:
        """Start an executor; returns when it is ready: the leader has attached to it."""
        port, metrics = free_port(), free_port()
        process = self._spawn(
            id_,
            later,
            *("executor", "--zookeeper", self._zookeeper.hosts, "--executor-id", id_),
            *("--listen", f"127.0.0.1:{port}", "--metrics-listen", f"127.0.0.1:{metrics}", "--slots", str(SLOTS)),
            *("--tasks", "tests.upgrade.tasks"),
        )
        part = Part(id=id_, address=f"127.0.0.1:{port}", process=process, metrics=f"127.0.0.1:{metrics}")
        with Client(self.endpoints) as client:
            eventually(
                lambda: self._runs(part) and _ready(part) and _attached(client, id_), START_TIMEOUT, f"{id_} is ready"
            )
        self.executors.append(part)
        return part

    def stop(self, part: Part) -> None:
        """SIGTERM; returns when it has ended, with 0. Until then callers may be sent there: nobody is told before."""
        begun = _clock.monotonic()
        code = part.process.terminate(STOP_TIMEOUT)
        self.stops[part.id] = _clock.monotonic() - begun
        if code != 0:
            raise RuntimeError(f"{part.id} ended with {code}:\n{part.process.tail()}")
        for parts in (self.nodes, self.executors):
            if part in parts:
                parts.remove(part)
        self.changed(self.endpoints)

    def leader(self) -> Part:
        """The node that says of itself that it leads."""

        def look() -> Part | None:
            return next((node for node in self.nodes if "cronquorum_leader 1.0" in _get(node, "/metrics")), None)

        return eventually(look, START_TIMEOUT, "a node leads")

    def said(self, event: str) -> list[dict[str, Any]]:
        """What all parts, those that have ended too, have logged of an event; by time."""
        found = []
        for log in self.folder.glob("*.log"):
            for line in log.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    told = json.loads(line)
                    if told.get("event") == event:
                        found.append({**told, "of": log.stem})
        return sorted(found, key=lambda told: str(told["timestamp"]))

    def _spawn(self, name: str, later: bool, module: str, *arguments: str) -> ManagedProcess:
        env = {**self._old, **(self.later.env if later else {})}
        command = [sys.executable, "-m", module, *arguments]
        # `python -m` looks into the working directory first: it is one in which no code is
        process = ManagedProcess(name, command, log=self.folder / f"{name}.log", env=env, cwd=self.world)
        self._undo.callback(process.close)
        return process.start()

    def _runs(self, part: Part) -> bool:
        if not part.process.running:
            raise RuntimeError(f"{part.id} ended:\n{part.process.tail()}")
        return True


def _ready(node: Part) -> bool:
    return _get(node, "/readyz") == "ok\n"


def _get(node: Part, path: str) -> str:
    try:
        with urlopen(f"http://{node.metrics}{path}", timeout=READY_TIMEOUT) as answer:
            return str(answer.read().decode())
    except (URLError, OSError):  # not yet, or not any more
        return ""


def _attached(client: Client, id_: str) -> bool:
    with contextlib.suppress(ApiError):
        found = client.unary("ClusterService/Executors", ExecutorsRequest(), ExecutorsResponse)
        return any(each.executor_id == id_ and each.state == "attached" for each in found.executors)
    return False
