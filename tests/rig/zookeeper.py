"""Real ZooKeeper servers, alone or as an ensemble: data in a temporary folder, free ports on loopback."""

import shutil
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig import reaper
from tests.rig.certificates import Certificate
from tests.rig.jars import find_java, zookeeper_jars
from tests.rig.ports import free_port
from tests.rig.process import ManagedProcess
from tests.rig.waiting import eventually

START_TIMEOUT = 60.0  # seconds; on an idle machine a server takes 0.5 and an ensemble 1

_JVM = (
    "-Xmx96m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dzookeeper.jmx.log4j.disable=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
_CONFIG = """\
tickTime=500
minSessionTimeout=1000
maxSessionTimeout=60000
initLimit=20
syncLimit=4
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=*
"""
_TLS_CONFIG = """\
serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory
secureClientPortAddress={host}
secureClientPort={port}
ssl.keyStore.type=PEM
ssl.keyStore.location={own}
ssl.trustStore.type=PEM
ssl.trustStore.location={ca}
ssl.clientAuth={client_auth}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerTls:
    """What a server shows, whom it believes, and whether clients ``need`` a certificate of their own."""

    certificate: Certificate
    client_auth: str = "none"


class ZooKeeperServer:
    """One server: standalone, or, when made by :class:`ZooKeeperEnsemble`, one of several.

    Sessions may time out after 1 s at the least. ``stop``, ``kill`` and ``start`` keep port and data (a
    client that has seen a later state refuses a server that lost it); ``close`` ends it and deletes the data.
    Clients reach it at ``host``, an address of this machine. With ``tls`` it serves TLS too, at ``secure_port``.
    ``options`` are more lines of its configuration, ``jvm`` more arguments of Java's.
    """

    def __init__(
        self,
        *,
        number: int = 1,
        host: str = "127.0.0.1",
        tls: ServerTls | None = None,
        options: str = "",
        jvm: Sequence[str] = (),
    ) -> None:
        self.number = number
        self.host = host
        self.port = free_port()
        self.tls = tls
        self.secure_port = 0 if tls is None else free_port()
        self._options = options
        self._jvm = jvm
        self._folder: Path | None = None
        self._process: ManagedProcess | None = None
        self._peers = ""

    def join(self, peers: str) -> None:
        """Make it a member of an ensemble, before its start; ``peers`` are all ``server.N=...`` lines."""
        self._peers = peers

    @property
    def hosts(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def process(self) -> ManagedProcess:
        """The server's process of this moment."""
        assert self._process is not None, "the ZooKeeper server was not started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether it has a process; a frozen one runs too."""
        return self._process is not None and self._process.running

    @property
    def data(self) -> Path:
        """Its data folder; copy it, or put a copy back, only while the server is stopped."""
        assert self._folder is not None, "the ZooKeeper server was not started"
        return self._folder / "data"

    def start(self, *, wait: bool = True) -> Self:
        """Start it, on the data of last time if there are any; with ``wait``, returns when it serves."""
        java, jars = find_java(), zookeeper_jars(tls=self.tls is not None)
        if self._folder is None:
            self._folder = self._new_folder()
        if self._process is not None:
            assert not self._process.running, "the ZooKeeper server runs already"
            self._process.close()
        main = "quorum.QuorumPeerMain" if self._peers else "ZooKeeperServerMain"
        self._process = ManagedProcess(
            f"zookeeper-{self.number}",
            [
                java,
                *_JVM,
                *self._jvm,
                "-cp",
                ":".join(map(str, jars)),
                f"org.apache.zookeeper.server.{main}",
                "zoo.cfg",
            ],
            log=self._folder / "zookeeper.log",
            cwd=self._folder,
        ).start()
        if wait:
            self.wait_until_serving()
        return self

    def wait_until_serving(self) -> None:
        eventually(self._mode_or_complain, START_TIMEOUT, f"ZooKeeper at {self.hosts} serves")

    def mode(self) -> str | None:
        """``standalone``, ``leader`` or ``follower``; None while it doesn't serve, whatever ``ruok`` says."""
        for line in self.ask("srvr").splitlines():
            if line.startswith("Mode: "):
                return line.removeprefix("Mode: ")
        return None

    def ask(self, command: str, timeout: float = 2.0) -> str:
        """Its answer to a four-letter command, such as ``ruok`` or ``mntr``; empty when it gives none."""
        answer = b""
        try:
            with socket.create_connection((self.host, self.port), timeout) as connection:
                connection.sendall(command.encode())
                while chunk := connection.recv(65_536):
                    answer += chunk
        except OSError:
            return ""
        return answer.decode()

    def stop(self) -> None:
        """End it with SIGTERM; returns when it has ended."""
        self.process.terminate()

    def kill(self) -> None:
        """End it with SIGKILL; returns when it is gone."""
        self.process.kill()

    def suspend(self) -> None:
        """Freeze it: connections stay open, and nobody answers."""
        self.process.suspend()

    def resume(self) -> None:
        self.process.resume()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            reaper.forget(self._folder)
            self._folder = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="cronquorum-zookeeper-"))
        reaper.watch(folder)
        (folder / "data").mkdir()
        (folder / "data" / "myid").write_text(f"{self.number}\n")
        client = f"clientPortAddress={self.host}\nclientPort={self.port}\n"
        config = f"{_CONFIG}dataDir={folder / 'data'}\n{client}{self._peers}{self._options}"
        if self.tls is not None:
            config += _TLS_CONFIG.format(
                host=self.host,
                port=self.secure_port,
                own=self.tls.certificate.both,
                ca=self.tls.certificate.ca,
                client_auth=self.tls.client_auth,
            )
        (folder / "zoo.cfg").write_text(config)
        return folder

    def _mode_or_complain(self) -> str | None:
        if not self.process.running:
            raise RuntimeError(f"ZooKeeper ended ({self.process.returncode}):\n{self.process.tail()}")
        return self.mode()


class ZooKeeperEnsemble:
    """Several servers that elect a leader among them; stop, kill or freeze its ``members`` one by one."""

    def __init__(self, size: int = 3, *, host: str = "127.0.0.1", jvm: Sequence[str] = ()) -> None:
        self.members = [ZooKeeperServer(number=number, host=host, jvm=jvm) for number in range(1, size + 1)]
        lines = [f"server.{each.number}=127.0.0.1:{free_port()}:{free_port()}\n" for each in self.members]
        for member in self.members:
            member.join("".join(lines))

    @property
    def hosts(self) -> str:
        return ",".join(member.hosts for member in self.members)

    def leader(self) -> ZooKeeperServer:
        """The member that leads; waits until there is one."""
        return eventually(
            lambda: next((member for member in self.members if member.mode() == "leader"), None),
            START_TIMEOUT,
            "the ensemble has a leader",
        )

    def followers(self) -> list[ZooKeeperServer]:
        return [member for member in self.members if member.mode() == "follower"]

    def start(self) -> Self:
        """Start all that don't run; returns when every one serves."""
        for member in self.members:
            if not member.running:
                member.start(wait=False)
        for member in self.members:
            member.wait_until_serving()
        return self

    def close(self) -> None:
        for member in self.members:
            member.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
