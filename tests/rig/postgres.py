"""A real PostgreSQL server of its own: data in a temporary folder, a free port on loopback."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from tests.rig import reaper
from tests.rig.errors import MissingPart
from tests.rig.ports import free_port
from tests.rig.process import ManagedProcess, children_of, is_alive
from tests.rig.waiting import eventually

PACKAGE = "postgresql"
START_TIMEOUT = 60.0  # seconds; it takes half of one, but recovery after a kill on a busy disk has taken many

StopMode = Literal["smart", "fast", "immediate"]
_SIGNALS: dict[StopMode, signal.Signals] = {  # PostgreSQL docs, 19.5 Shutting Down the Server
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}


def find_binaries() -> Path:
    """The folder of ``initdb`` and ``postgres``: from PATH, else Debian's newest version, else pg_config's.

    Raises MissingPart when there is none.
    """
    candidates = []
    if on_path := shutil.which("initdb"):
        candidates.append(Path(on_path).resolve().parent)
    debian = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if folder.parent.name.isdigit()]
    candidates += sorted(debian, key=lambda folder: int(folder.parent.name), reverse=True)
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(answer.stdout.strip()))
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise MissingPart("PostgreSQL's server", PACKAGE)


class PostgresServer:
    """One server, with fsync on, whose only user is the superuser ``postgres``, who needs no password.

    ``start``, ``stop``, ``kill``, ``start`` ... keep port and data; ``close`` ends it and deletes the data.
    ``settings`` are further lines of its configuration, such as ``statement_timeout="5s"``.
    As root, it runs as the system user ``postgres``, since PostgreSQL refuses root.
    Clients reach it at ``host``, an address of this machine, without a password. ``wal`` is an empty folder for its
    write-ahead log, when that shall be on a file system of its own.
    """

    def __init__(self, *, host: str = "127.0.0.1", wal: Path | None = None, **settings: str) -> None:
        self.host = host
        self.port = free_port()
        self._wal = wal
        self._settings = {
            "port": str(self.port),
            "listen_addresses": host,
            "max_connections": "200",
            "fsync": "on",
            **settings,
        }
        self._folder: Path | None = None
        self._process: ManagedProcess | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/{database}"

    @property
    def process(self) -> ManagedProcess:
        """The postmaster of this moment."""
        assert self._process is not None, "the PostgreSQL server was not started"
        return self._process

    def start(self) -> Self:
        """Start it, on the data of last time if there are any; returns when it answers."""
        binaries = find_binaries()
        user = system_user()
        if self._folder is None:
            self._folder = _new_folder(user)
            _initdb(binaries, self._folder, user, self._wal)
            with (self._folder / "data" / "pg_hba.conf").open("a") as access:
                access.write("host all all samenet trust\n")
        settings = {**self._settings, "unix_socket_directories": str(self._folder)}
        command: list[str | Path] = [binaries / "postgres", "-D", self._folder / "data"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self._process is not None:
            assert not self._process.running, "the PostgreSQL server runs already"
            self._process.close()
        log = self._folder / "postgres.log"
        self._process = ManagedProcess("postgres", command, log=log, cwd=self._folder, user=user).start()
        eventually(self._answers, START_TIMEOUT, "PostgreSQL answers")
        return self

    def stop(self, mode: StopMode = "fast") -> None:
        """Shut it down in PostgreSQL's own way; returns when it has ended."""
        self.process.send_signal(_SIGNALS[mode])
        self.process.wait(START_TIMEOUT)

    def kill(self) -> None:
        """SIGKILL to the postmaster and all its children, as in a crash; returns when all are gone."""
        self.process.suspend()  # it starts no further child while they are counted
        backends = children_of(self.process.pid)
        self.process.kill()
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # the next start refuses while one of them still holds the shared memory
        eventually(lambda: not any(map(is_alive, backends)), describe="the backends of PostgreSQL are gone")

    def close(self) -> None:
        """End it at once and delete its data."""
        if self._process is not None:
            if self._process.running:
                self._process.resume()
                self.stop("immediate")
            self._process.close()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            reaper.forget(self._folder)
            self._folder = None

    def create_database(self, name: str, template: str | None = None) -> str:
        """Make a database and return its URL; ``template``, to which nobody may be connected, is copied."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._execute(statement)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, ending the connections to it first."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

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

    def _execute(self, statement: sql.Composable) -> None:
        with self._administrator() as admin, admin.cursor() as cursor:
            cursor.execute(statement)

    @contextlib.contextmanager
    def _administrator(self) -> Iterator[connection]:
        with contextlib.closing(psycopg2.connect(self.url(), connect_timeout=5)) as admin:
            admin.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            yield admin

    def _answers(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"PostgreSQL ended ({self.process.returncode}):\n{self.process.tail()}")
        try:
            with self._administrator():
                return True
        except psycopg2.OperationalError:
            return False


def system_user() -> str | None:
    """Who must run it: ``postgres`` when we are root, else we ourselves (None)."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise MissingPart("the system user 'postgres'", PACKAGE) from None


def _new_folder(user: str | None) -> Path:
    # not pytest's tmp_path: its parents are closed to other users
    folder = Path(tempfile.mkdtemp(prefix="cronquorum-postgres-"))
    reaper.watch(folder)
    if user is not None:
        shutil.chown(folder, user)
    return folder


def _initdb(binaries: Path, folder: Path, user: str | None, wal: Path | None) -> None:
    options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]
    if wal is not None:
        if user is not None:
            shutil.chown(wal, user)
        options.append(f"--waldir={wal}")
    command: list[str | Path] = [binaries / "initdb", "-D", folder / "data", *options]
    with ManagedProcess("initdb", command, log=folder / "initdb.log", cwd=folder, user=user) as initdb:
        if initdb.wait(START_TIMEOUT) != 0:
            raise RuntimeError(f"initdb failed:\n{initdb.tail()}")
