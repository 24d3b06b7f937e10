"""A cluster for a benchmark: each part a process of its own, started by the command that an operator would use.

`postgresql`: a PostgreSQL server (fsync and synchronous_commit on), ZooKeeper, a node, executors. `sqlite`: one
process, with everything in it (`python -m benchmarks.embedded`).
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from kazoo.client import KazooClient

from benchmarks.commands import ENVIRONMENT, run
from benchmarks.record import PostgresRecord, Record, SqliteRecord
from benchmarks.usage import Usage, usage
from cronquorum.certificates import TlsFiles
from cronquorum.clock import host_time
from cronquorum.roles import Role
from schedapi.client import Client
from schedapi.errors import ApiError
from schedapi.v1.cluster_service_pb2 import ClusterStatus, ExecutorsRequest, ExecutorsResponse, StatusRequest
from schedctl.authority import Authority
from tests.rig import reaper
from tests.rig.ports import free_port
from tests.rig.postgres import PostgresServer
from tests.rig.process import ManagedProcess, children_of
from tests.rig.waiting import eventually
from tests.rig.zookeeper import ZooKeeperServer

STORES = ("postgresql", "sqlite")
START_TIMEOUT = 120.0
NODE = "node-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What stands on the machine."""

    store: str = "postgresql"
    executors: int = 2
    slots: int = 256
    tls: bool = False


class Rig:
    """`with Rig(Shape()) as rig:` everything runs inside; afterwards nothing is left."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.folder = Path(tempfile.mkdtemp(prefix="cronquorum-benchmark-"))
        reaper.watch(self.folder)
        self.processes: dict[str, ManagedProcess] = {}
        self.client: Client
        self.record: Record
        self.postgres: PostgresServer
        self._zookeeper: ZooKeeperServer
        self.store = ""
        self._ports: dict[str, int] = {}
        self._openings = 0
        self.tls: TlsFiles | None = None
        """A client's files, when all parts have TLS."""
        self._flags: dict[Role, tuple[str, ...]] = {}
        self._undo = contextlib.ExitStack()
        self._undo.callback(reaper.forget, self.folder)
        self._undo.callback(shutil.rmtree, self.folder)
        self._opened = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            if self.shape.store == "sqlite":
                self._undo.push(self._opened)
                self._start_embedded()
            else:
                if self.shape.tls:
                    self._make_certificates()
                self._start_servers()
                self._undo.push(self._opened)
                self.open(self.new_store("bench"))
            return self
        except BaseException:
            self._undo.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._undo.close()

    def new_store(self, name: str) -> str:
        """Make an empty store, and return its URL."""
        url = self.postgres.create_database(name)
        run([sys.executable, "-m", "jobstore", "upgrade", "--store", url])
        return url

    def open(self, store: str, *node_flags: str) -> None:
        """Start a node and executors on a store; returns when they are attached."""
        self._openings += 1  # each has a ZooKeeper and data of its own: what a store's epoch was is no other's matter
        self.store = store
        self._make_chroot()
        self.record = self._opened.enter_context(PostgresRecord(store))
        self.start_node(NODE, *node_flags)
        for number in range(1, self.shape.executors + 1):
            name = f"executor-{number}"
            self._spawn(
                name,
                *("executor", "--zookeeper", self._zookeeper_hosts, "--executor-id", name),
                *("--listen", f"127.0.0.1:{free_port()}", "--data", str(self.folder / f"{name}.{self._openings}")),
                *("--tasks", "benchmarks.tasks", "--slots", str(self.shape.slots), "--log-level", "warning"),
                *self._flags.get(Role.EXECUTOR, ()),
                *("--metrics-listen", "127.0.0.1:0"),
            )
        self.connect(NODE)

    def shut(self) -> None:
        """End the node and the executors; the stores stay."""
        ending = [name for name in self.processes if name.startswith(("node", "executor"))]
        for name in ending:
            self.processes[name].send_signal(signal.SIGTERM)
        for name in ending:
            self.processes.pop(name).wait(60)
        self._opened.close()

    def start_node(self, name: str, *flags: str) -> None:
        """Start a node; it does not serve yet when this returns."""
        self._ports[name] = free_port()
        self._spawn(
            name,
            *("scheduler", "--store", self.store, "--zookeeper", self._zookeeper_hosts, "--node-id", name),
            *("--listen", f"127.0.0.1:{self._ports[name]}", "--metrics-listen", "127.0.0.1:0"),
            *("--log-level", "warning", *self._flags.get(Role.SCHEDULER, ()), *flags),
        )

    def connect(self, node: str) -> None:
        """Make `client` one of this node's, and wait until the leader has all executors."""
        self.address = f"127.0.0.1:{self._ports[node]}"
        self.client = Client([self.address], self.tls)
        self._opened.callback(self.client.close)
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

    def nodes(self) -> list[str]:
        """The nodes that there are, leading or standing by, as the cluster says."""
        status = self.client.unary("ClusterService/Status", StatusRequest(), ClusterStatus)
        return [node.node_id for node in status.nodes]

    def kill(self, name: str) -> None:
        """SIGKILL to a process, which is forgotten."""
        self.processes.pop(name).close()

    def usage(self) -> dict[str, Usage]:
        """What each role has used so far; the benchmark itself is `driver`."""
        roles: dict[str, list[int]] = {}
        for name, process in self.processes.items():
            roles.setdefault(name.partition("-")[0], []).append(process.pid)
        mine = os.times()
        driver = Usage(cpu=mine.user + mine.system, memory=0, peak=0)
        return {**{role: usage(pids) for role, pids in roles.items()}, "driver": driver}

    def usage_of_each(self) -> dict[str, Usage]:
        """What each process that the rig has started has used so far, with its children."""
        return {name: usage([process.pid]) for name, process in self.processes.items()}

    def pid(self, name: str) -> int:
        """The process that does the work: of an executor, its guardian's child."""
        pid = self.processes[name].pid
        return next(iter(children_of(pid)), pid) if name.startswith("executor") else pid

    @property
    def _zookeeper_hosts(self) -> str:
        return f"{self._zookeeper.hosts}/opening-{self._openings}"

    def _make_certificates(self) -> None:
        now, folder = host_time(), self.folder / "pki"
        authority = Authority.create(folder, now)
        for role in (Role.SCHEDULER, Role.EXECUTOR, Role.CLIENT):
            files = authority.issue(role, folder, now).files
            self._flags[role] = ("--tls-cert", str(files.cert), "--tls-key", str(files.key), "--tls-ca", str(files.ca))
            self.tls = files  # the client's, which is the last

    def _start_servers(self) -> None:
        self._zookeeper = self._undo.enter_context(ZooKeeperServer())
        # the time of each commit is kept, so that the instant at which a row was settled can be asked for afterwards
        settings = PostgresServer(synchronous_commit="on", track_commit_timestamp="on")
        self.postgres = self._undo.enter_context(settings)
        self.processes |= {"zookeeper": self._zookeeper.process, "postgres": self.postgres.process}

    def _make_chroot(self) -> None:
        client = KazooClient(self._zookeeper.hosts)
        client.start(timeout=30)
        try:
            client.create(f"/opening-{self._openings}")
        finally:
            client.stop()
            client.close()

    def _start_embedded(self) -> None:
        path = self.folder / "store.sqlite"
        self._ports["embedded"] = free_port()
        settings = {
            "store": f"sqlite:///{path}",
            "listen": f"127.0.0.1:{self._ports['embedded']}",
            "data": str(self.folder / "executor"),
            "slots": self.shape.slots,
        }
        self._spawn("embedded", "benchmarks.embedded", json.dumps(settings))
        self.processes["embedded"].wait_for_line("serving on", START_TIMEOUT)
        self.record = self._opened.enter_context(SqliteRecord(path))
        self.connect("embedded")

    def _spawn(self, name: str, module: str, *arguments: str) -> None:
        command: Sequence[str] = [sys.executable, "-m", module, *arguments]
        log = self.folder / f"{name}.log"
        process = ManagedProcess(name, command, log=log, env=ENVIRONMENT, cwd=self.folder)
        self._opened.callback(process.close)
        self.processes[name] = process.start()
