"""The whole cluster of a run: three ZooKeeper servers, PostgreSQL, three nodes, four executors, and their network."""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
from kazoo.client import KazooClient
from psycopg2.extensions import cursor

from cronquorum import failpoints
from tests.gate import run_remains, world
from tests.gate.load_history import History
from tests.gate.network import CannotMake, Network, Place, Servers, run, why_no_namespaces
from tests.gate.network_namespaces import NamespaceNetwork
from tests.gate.network_proxies import ProxyNetwork
from tests.gate.nodes import Member
from tests.gate.nodes_clock import ClockShim
from tests.rig import reaper
from tests.rig.postgres import PostgresServer
from tests.rig.waiting import eventually
from tests.rig.zookeeper import ZooKeeperEnsemble

ROOT = Path(__file__).parents[2]
NODES, EXECUTORS = 3, 4
SESSION_TIMEOUT, LEASE, DRAIN = 4.0, 15.0, 60.0
SLOTS = 40
CHROOT = "/gate"
DISK_MB, WAL_MB = 8, 160


class Rig:
    """`start` brings everything up, `close` takes everything down; both are to be called from one thread."""

    def __init__(self, folder: Path, *, proxies: bool = False) -> None:
        self.folder = folder
        self.tag = f"cq{secrets.token_hex(2)}"
        self.stop = threading.Event()
        self.history: History  # of the load; faults that call the API write there, too
        self.why_proxies = "as asked for" if proxies else why_no_namespaces()
        self._undo = contextlib.ExitStack()
        self.zookeeper: ZooKeeperEnsemble
        self.postgres: PostgresServer
        self.network: Network
        self.clocks: ClockShim
        self.store = ""
        self.nodes: dict[str, Member] = {}
        self.executors: dict[str, Member] = {}
        self.disks: set[str] = set()
        self.gave_way: dict[str, float] = {}
        """When (monotonic) each node had given way, because it reached no executor."""
        self.wal: Path | None = None

    @property
    def members(self) -> dict[str, Member]:
        return {**self.nodes, **self.executors}

    @property
    def endpoints(self) -> list[str]:
        return [member.place.address for member in self.nodes.values()]

    @property
    def zookeeper_hosts(self) -> str:
        return f"{self.zookeeper.hosts}{CHROOT}"

    def start(self) -> None:
        for name in ("world", "logs", "data"):
            (self.folder / name).mkdir(parents=True)
        leftovers = ["env", "-C", str(ROOT), sys.executable, "-m", "tests.gate.run_remains", self.tag, str(self.folder)]
        reaper.watch_command(leftovers)
        self._undo.callback(reaper.forget_command, leftovers)
        self._undo.callback(run_remains.clean, self.tag, self.folder)
        self.clocks = ClockShim(self.folder / "clocks")
        self.network = ProxyNetwork() if self.why_proxies else NamespaceNetwork(self.tag)
        self._undo.callback(self.network.close)
        self._start_servers()
        self._make_members()
        for member in self.members.values():
            member.start()
        for member in self.members.values():
            member.wait_started()

    def close(self) -> None:
        """Everything ends, whatever state it is in."""
        self._undo.close()

    def sleep(self, seconds: float) -> None:
        """Returns early when the run is to end."""
        self.stop.wait(seconds)

    def ensure_members(self) -> None:
        """As a supervisor would: whoever doesn't run is started, and whoever is stopped goes on."""
        for member in self.members.values():
            member.wake()
            member.start()

    @contextlib.contextmanager
    def query(self) -> Iterator[cursor]:
        """Ask the store, as a stranger. Raises psycopg2.OperationalError while it is away."""
        with contextlib.closing(psycopg2.connect(self.store, connect_timeout=3)) as connection:
            connection.autocommit = True
            with connection.cursor() as asking:
                yield asking

    def term(self) -> tuple[int, str]:
        """The last term's epoch, and the node that began it."""
        with self.query() as asking:
            asking.execute("SELECT epoch, node_id FROM terms")
            epoch, node = asking.fetchone() or (0, "")
            return epoch, node

    def leader(self) -> Member:
        """The node of the last term; waits until there is one, and it runs."""

        def look() -> Member | None:
            with contextlib.suppress(psycopg2.Error):
                member = self.nodes.get(self.term()[1])
                return member if member is not None and member.running and not member.is_stopped() else None
            return None

        return eventually(look, 30, "a node leads")

    def disk_of(self, name: str) -> Path:
        """The small disk of an executor. Raises `CannotMake`."""
        if name not in self.disks:
            raise CannotMake("only root can mount a small tmpfs")
        return self.folder / "data" / name

    def _start_servers(self) -> None:
        self.zookeeper = ZooKeeperEnsemble(3, host=self.network.host)
        self._undo.callback(self._close_servers)
        self.wal = self._small_wal()
        self.postgres = PostgresServer(
            host=self.network.host, wal=self.wal, max_wal_size="64MB", min_wal_size="32MB", log_min_messages="warning"
        )
        self.zookeeper.start()
        self.postgres.start()
        self.store = self.postgres.create_database("gate")
        subprocess.run([sys.executable, "-m", "jobstore", "upgrade", "--store", self.store], check=True, cwd=ROOT)
        client = KazooClient(self.zookeeper.hosts)
        client.start(timeout=30)
        try:
            client.create(CHROOT)
        finally:
            client.stop()
            client.close()
        ports = tuple(member.port for member in self.zookeeper.members)
        self.network.wire(Servers(zookeeper=ports, postgres=self.postgres.port))

    def _close_servers(self) -> None:
        self._keep_log("postgres", lambda: self.postgres.process.log)
        for server in self.zookeeper.members:
            self._keep_log(f"zookeeper-{server.number}", lambda server=server: server.process.log)  # type: ignore[misc]
        with contextlib.suppress(AttributeError):
            self.postgres.close()
        self.zookeeper.close()

    def _keep_log(self, name: str, where: Callable[[], Path]) -> None:
        with contextlib.suppress(AttributeError, AssertionError, OSError):
            shutil.copyfile(where(), self.folder / "logs" / f"{name}.log")

    def _small_wal(self) -> Path | None:
        """A file system of its own for the write-ahead log, on the real disk, so that it can be filled up."""
        if os.geteuid() != 0:
            return None
        image, where = self.folder / "wal.img", self.folder / "wal"
        where.mkdir()
        with image.open("wb") as file:
            file.truncate(WAL_MB * 1024 * 1024)
        try:
            run(["mkfs.ext4", "-q", "-m", "0", str(image)])
            run(["mount", "-o", "loop", str(image), str(where)])
        except (OSError, RuntimeError):
            return None
        self._undo.callback(image.unlink, missing_ok=True)
        self._undo.callback(lambda: run(["umount", "-l", str(where)]))
        for parent in (self.folder, where):  # PostgreSQL runs as a user of its own
            parent.chmod(0o755)
        inside = where / "pg_wal"
        inside.mkdir()
        return inside

    def _make_members(self) -> None:
        for number in range(1, NODES + 1):
            name = f"node-{number}"
            place = self.network.join(name, 7400, executor=False)
            host = place.listen.rpartition(":")[0]
            command = [
                *(sys.executable, "-m", "scheduler", "--store", f"postgresql://postgres@{place.postgres}/gate"),
                *("--zookeeper", f"{place.zookeeper}{CHROOT}", "--node-id", name, "--listen", place.listen),
                *("--metrics-listen", f"{host}:0", "--session-timeout", f"{SESSION_TIMEOUT:g}s"),
                *("--lease", f"{LEASE:g}s", "--insecure"),
            ]
            self.nodes[name] = self._member(name, place, command, {}, is_executor=False)
        for number in range(1, EXECUTORS + 1):
            name = f"executor-{number}"
            place = self.network.join(name, 7500, executor=True)
            command = [
                *(sys.executable, "-m", "executor", "--zookeeper", f"{place.zookeeper}{CHROOT}"),
                *("--executor-id", name, "--listen", place.listen, "--advertise", place.advertise),
                *("--metrics-listen", f"{place.listen.rpartition(':')[0]}:0"),
                *("--data", str(self._data(name)), "--tasks", "tests.gate.tasks", "--slots", str(SLOTS)),
                *("--label", "pool=work", "--label", f"zone={'ab'[number % 2]}"),
                *("--session-timeout", f"{SESSION_TIMEOUT:g}s", "--lease", f"{LEASE:g}s"),
                *("--drain", f"{DRAIN:g}s", "--insecure"),
            ]
            marks = {world.EXECUTOR: name, world.WORLD: str(self.folder / "world")}
            self.executors[name] = self._member(name, place, command, marks, is_executor=True)

    def _member(
        self, name: str, place: Place, command: list[str], marks: dict[str, str], *, is_executor: bool
    ) -> Member:
        environment = {
            **marks,
            **self.clocks.environment(name),
            run_remains.MARK: self.tag,
            failpoints.VARIABLE: str(self.folder / "failpoints" / name),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}",
            "PYTHONFAULTHANDLER": "1",
        }
        member = Member(name, place, command, environment, self.folder, is_executor)
        self._undo.callback(member.close)
        return member

    def _data(self, name: str) -> Path:
        where = self.folder / "data" / name
        where.mkdir()
        if os.geteuid() == 0:
            with contextlib.suppress(RuntimeError):
                run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(where)])
                self._undo.callback(lambda: run(["umount", "-l", str(where)]))
                self.disks.add(name)
        return where
