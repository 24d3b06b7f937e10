"""What lasts beyond one process of an executor: its id, and the highest epoch that it has seen."""

import contextlib
import fcntl
import json
import os
import re
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cronquorum.names import shown
from executor.config import check_id
from executor.errors import BadConfig, BadDataDir

LOCK, ID, EPOCH = "lock", "executor-id", "epoch"
MAX_FILE = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Leader:
    """Whom we follow: the node that leads, or led, in this epoch. Epochs begin at 1."""

    epoch: int = 0
    node_id: str = ""


class Memory(Protocol):
    """What the executor remembers. All methods block."""

    def executor_id(self) -> str:
        """The lasting id."""
        ...

    def leader(self) -> Leader:
        """The one of the highest epoch recorded; epoch 0 when there is none."""
        ...

    def record(self, leader: Leader) -> None:
        """Record it; when this returns it is there for good. Raises OSError."""
        ...

    def close(self) -> None:
        """Let another process have it. Idempotent."""
        ...


def new_executor_id() -> str:
    """`<hostname>-<random>`."""
    host = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower()).strip("-")[:48] or "executor"
    return f"{host}-{secrets.token_hex(4)}"


class NoDataDir:
    """Remembers nothing beyond the process: a restart is another executor unless it is told its id."""

    def __init__(self, executor_id: str) -> None:
        self._executor_id = executor_id or new_executor_id()
        self._leader = Leader()

    def executor_id(self) -> str:
        return self._executor_id

    def leader(self) -> Leader:
        return self._leader

    def record(self, leader: Leader) -> None:
        self._leader = leader

    def close(self) -> None:
        pass


class DataDir:
    """A directory of small files, each replaced as a whole, locked against a second process.

    Opening it makes what is missing. Raises `BadDataDir`. `executor_id`, when given, must be the one there.
    `lock` is the descriptor of a lock that an earlier incarnation took, and its guardian kept: so nobody else
    comes in between the two. One of another directory does not count.
    """

    def __init__(self, path: Path, executor_id: str, lock: int | None = None) -> None:
        self._path = path
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _open_lock(path / LOCK, lock)
        except OSError as error:
            raise BadDataDir(f"data directory {path}: {_words(error)}") from None
        try:
            self._take_lock()
            self._executor_id = self._read_id(executor_id)
            self._leader = self._read_leader()
        except OSError as error:
            self.close()
            raise BadDataDir(f"data directory {path}: {_words(error)}") from None
        except BaseException:
            self.close()
            raise

    @property
    def lock(self) -> int:
        """The descriptor that holds the lock, for as long as it or a copy of it is open."""
        return self._lock

    def executor_id(self) -> str:
        return self._executor_id

    def leader(self) -> Leader:
        return self._leader

    def record(self, leader: Leader) -> None:
        self._write(EPOCH, json.dumps({"epoch": leader.epoch, "node": leader.node_id}))
        self._leader = leader

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadDataDir(
                f"data directory {self._path} is in use by another executor: give each its own (--data)"
            ) from None

    def _read_id(self, wanted: str) -> str:
        found = self._read(ID)
        if found is None:
            made = wanted or new_executor_id()
            self._write(ID, made + "\n")
            return made
        found = found.strip()
        try:
            check_id(found)
        except BadConfig as error:
            raise BadDataDir(f"{self._path / ID}: {error}") from None
        if wanted and wanted != found:
            raise BadDataDir(
                f"data directory {self._path} belongs to executor {shown(found)}, not to {shown(wanted)}: "
                "give it another one (--data), or leave --executor-id away"
            )
        return found

    def _read_leader(self) -> Leader:
        text = self._read(EPOCH)
        if text is None:
            return Leader()
        try:
            content = json.loads(text)
            epoch, node_id = content["epoch"], content["node"]
            if type(epoch) is not int or epoch < 0 or not isinstance(node_id, str):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise BadDataDir(
                f"{self._path / EPOCH} is not what an executor wrote: {shown(text)}; remove it when no earlier "
                "leader can be alive"
            ) from None
        return Leader(epoch=epoch, node_id=node_id)

    def _read(self, name: str) -> str | None:
        try:
            with (self._path / name).open("rb") as file:
                return file.read(MAX_FILE).decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def _write(self, name: str, text: str) -> None:
        temporary = self._path / f"{name}.new"
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path / name)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _open_lock(path: Path, kept: int | None) -> int:
    if kept is not None:
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(kept), path.stat()):
                return os.dup(kept)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
