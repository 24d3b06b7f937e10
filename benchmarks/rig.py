"""A cluster for a benchmark: each part a process of its own, started by the command that an operator would use.

`postgresql`: a PostgreSQL server (fsync and synchronous_commit on), ZooKeeper, one node, executors. `sqlite`: one
process, with everything in it (`python -m benchmarks.embedded`).
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.figures import ROOT
from benchmarks.record import PostgresRecord, Record, SqliteRecord
from benchmarks.usage import Usage, usage
from schedapi.client import Client
from schedapi.errors import ApiError
from schedapi.v1.cluster_service_pb2 import ExecutorsRequest, ExecutorsResponse
from tests.rig import reaper
from tests.rig.ports import free_port
from tests.rig.postgres import PostgresServer
from tests.rig.process import ManagedProcess, children_of
from tests.rig.waiting import eventually
from tests.rig.zookeeper import ZooKeeperServer

STORES = ("postgresql", "sqlite")
START_TIMEOUT = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What stands on the machine. `node_flags` are further flags of `python -m scheduler`; `seed` is called with the
    store's URL when the schema is there and no node is."""

    store: str = "postgresql"
    executors: int = 2
    slots: int = 256
    node_flags: Sequence[str] = ()
    seed: Callable[[str], None] | None = None
    environment: Mapping[str, str] | None = None


class Rig:
    """`with Rig(Shape()) as rig:` everything runs inside; afterwards nothing is left."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.folder = Path(tempfile.mkdtemp(prefix="cronquorum-benchmark-"))
        reaper.watch(self.folder)
        self.processes: dict[str, ManagedProcess] = {}
        self.client: Client
        self.record: Record
        self.store = ""
        self.zookeeper = ""
        self._node_port = free_port()
        self._undo = contextlib.ExitStack()
        self._undo.callback(reaper.forget, self.folder)
        self._undo.callback(shutil.rmtree, self.folder)

    def __enter__(self) -> Self:
        try:
            if self.shape.store == "sqlite":
                self._start_embedded()
            else:
                self._start_cluster()
            self.client = Client([self.address])
            self._undo.callback(self.client.close)
            self.wait_attached()
            return self
        except BaseException:
            self._undo.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def wait_attached(self) -> None:
        """Wait until the leader has all executors."""
        wanted = 1 if self.shape.store == "sqlite" else self.shape.executors

        def look() -> bool:
            for process in self.processes.values():
                if not process.running:
                    raise RuntimeError(f"{process.name} ended:\n{process.tail()}")
            with contextlib.suppress(ApiError):
                found = self.client.unary("ClusterService/Executors", ExecutorsRequest(), ExecutorsResponse)
                return sum(each.state == "attached" for each in found.executors) == wanted
            return False

        eventually(look, START_TIMEOUT, f"{wanted} executors are attached")

    def usage(self) -> dict[str, Usage]:
        """What each role has used so far; the benchmark itself is `driver`."""
        roles: dict[str, list[int]] = {}
        for name, process in self.processes.items():
            roles.setdefault(name.partition("-")[0], []).append(process.pid)
        used = {role: usage(pids) for role, pids in roles.items()}
        mine = os.times()
        return {**used, "driver": Usage(cpu=mine.user + mine.system, memory=0, peak=0)}

    def usage_of_each(self) -> dict[str, Usage]:
        """What each process that the rig has started has used so far, with its children."""
        return {name: usage([process.pid]) for name, process in self.processes.items()}

    @property
    def address(self) -> str:
        """Of the node's API."""
        return f"127.0.0.1:{self._node_port}"

    def pid(self, name: str) -> int:
        """The process that does the work: of an executor, its guardian's child."""
        pid = self.processes[name].pid
        if name.startswith("executor"):
            return next(iter(children_of(pid)), pid)
        return pid

    def start_node(self) -> None:
        """Start the node, again if it was stopped; it serves where it did."""
        command = [
            *(sys.executable, "-m", "scheduler", "--store", self.store, "--zookeeper", self.zookeeper),
            *("--node-id", "node", "--listen", self.address, "--metrics-listen", "127.0.0.1:0"),
            *("--log-level", "warning", *self.shape.node_flags),
        ]
        self._spawn("node", command)

    def _start_cluster(self) -> None:
        zookeeper = self._undo.enter_context(ZooKeeperServer())
        # the time of each commit is kept, so that the instant at which a row was settled can be asked for afterwards
        postgres = self._undo.enter_context(PostgresServer(synchronous_commit="on", track_commit_timestamp="on"))
        self.processes |= {"zookeeper": zookeeper.process, "postgres": postgres.process}
        self.store, self.zookeeper = postgres.create_database("bench"), zookeeper.hosts
        run([sys.executable, "-m", "jobstore", "upgrade", "--store", self.store])
        self.record = self._undo.enter_context(PostgresRecord(self.store))
        if self.shape.seed is not None:
            self.shape.seed(self.store)
        self.start_node()
        for number in range(1, self.shape.executors + 1):
            command = [
                *(
                    sys.executable,
                    "-m",
                    "executor",
                    "--zookeeper",
                    self.zookeeper,
                    "--executor-id",
                    f"executor-{number}",
                ),
                *("--listen", f"127.0.0.1:{free_port()}", "--data", str(self.folder / f"executor-{number}")),
                *("--tasks", "benchmarks.tasks", "--slots", str(self.shape.slots), "--log-level", "warning"),
            ]
            self._spawn(f"executor-{number}", command)

    def _start_embedded(self) -> None:
        path = self.folder / "store.sqlite"
        self.store = f"sqlite:///{path}"
        settings = {
            "store": self.store,
            "listen": self.address,
            "data": str(self.folder / "executor"),
            "slots": self.shape.slots,
        }
        self._spawn("embedded", [sys.executable, "-m", "benchmarks.embedded", json.dumps(settings)])
        self.processes["embedded"].wait_for_line("serving on", START_TIMEOUT)
        self.record = self._undo.enter_context(SqliteRecord(path))

    def _spawn(self, name: str, command: Sequence[str]) -> None:
        environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}", **(self.shape.environment or {})}
        process = ManagedProcess(name, command, log=self.folder / f"{name}.log", env=environment, cwd=self.folder)
        self._undo.callback(process.close)
        self.processes[name] = process.start()


def run(command: Sequence[str], timeout: timedelta = timedelta(minutes=5)) -> str:
    """Run a command of ours to its end; returns what it says. Raises RuntimeError when it fails."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}
    seconds = timeout.total_seconds()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=seconds, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
