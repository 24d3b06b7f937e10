"""Outcomes on disk, from before they are sent until they are acknowledged.

An append-only file of lines (`entry`). What has gathered is written at once, in one piece. A write reaches the
kernel before anything is sent, so it outlives this process; it is forced to disk soon after, together with all that
was written meanwhile. What is acknowledged is crossed out by a later line, and the file is written anew once most of
it is crossed out.
"""

import asyncio
import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cronquorum.clock import Clock
from cronquorum.logs import get_logger
from executor.assignment import AttemptKey
from executor.entry import BadEntry, Entry, Moment, read_line, write_done, write_entry
from executor.errors import BadDataDir
from executor.report import FinalReport

NAME = "outcomes"
ASIDE = ".corrupt"
MOST_ASIDE = 1024 * 1024
"""Bytes of unreadable lines that are kept for whoever wants to know."""
SYNC_SECONDS = 0.05
"""Between two fsyncs: under load one serves hundreds of outcomes."""
RETRY_SECONDS = 1.0
"""Between two tries to write what the disk did not take."""
DEAD_BYTES = 4 * 1024 * 1024
"""So much may be crossed out before the file is written anew, if that is more than half of it."""

T = TypeVar("T")
_log = get_logger(__name__)


class Journal:
    """Made by `open`, in a thread; everything else in one event loop. The folder is locked by whoever made it.

    A disk that is full loses nothing that this process remembers: such outcomes are written later.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._file = -1
        self._size = 0
        self._torn = False
        self._live: dict[AttemptKey, Entry] = {}
        self._sizes: dict[AttemptKey, int] = {}
        self._gathered: list[FinalReport] = []
        self._unwritten: dict[AttemptKey, None] = {}
        self._done: list[AttemptKey] = []
        self._since: bytearray | None = None
        self._busy: asyncio.Future[Any] | None = None
        self._failing = False
        self._due = asyncio.Event()

    @classmethod
    def open(cls, path: Path, clock: Clock) -> "Journal":
        """Read what earlier incarnations left, and begin to write. Blocks. Raises `BadDataDir`."""
        journal = cls(path, clock)
        try:
            journal._load()
        except OSError as error:
            raise BadDataDir(f"outcome journal {path}: {(error.strerror or str(error)).lower()}") from None
        return journal

    @property
    def kept(self) -> list[FinalReport]:
        """All that is not acknowledged, oldest first."""
        return [entry.report for entry in self._live.values()]

    @property
    def unwritten(self) -> int:
        """How many outcomes the disk did not take yet."""
        return len(self._unwritten)

    def put(self, report: FinalReport) -> None:
        """An outcome, for the next `write`."""
        self._gathered.append(report)

    def write(self) -> None:
        """Write all that was put. What cannot be written now is written as soon as it can be."""
        if not self._gathered:
            return
        reports, self._gathered = self._gathered, []
        zero = Moment.now(self._clock, self._clock.monotonic())
        entries = {each.key: Entry(each, zero.after(each.ended)) for each in reports}
        self._live.update(entries)
        lines = [write_entry(entry) for entry in entries.values()]
        if self._append(b"".join(lines)):
            self._sizes.update(zip(entries, map(len, lines), strict=True))
        else:
            self._unwritten.update(dict.fromkeys(entries))
        self._due.set()

    def forget(self, key: AttemptKey) -> None:
        """An outcome was acknowledged. Said on disk with the next write: it is only offered once more if not."""
        self.write()
        if self._live.pop(key, None) is not None:
            if self._unwritten:
                self._unwritten.pop(key, None)
            if self._sizes.pop(key, 0):
                self._done.append(key)
                self._due.set()

    async def tend(self) -> None:
        """Force to disk what was written, write anew what has grown; until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            self._write_done()
            self._retry()
            await self._sync()
            if self._is_worth_rewriting():
                await self._rewrite()
            if self._unwritten or self._done:
                self._due.set()
            await self._clock.sleep(RETRY_SECONDS if self._failing else SYNC_SECONDS)

    async def close(self) -> None:
        """Force to disk what was written. Idempotent. `tend` must have been cancelled."""
        if self._busy is not None:
            await asyncio.wait({self._busy})
        if self._file >= 0:
            self.write()
            self._write_done()
            self._retry()
            await self._sync()
            os.close(self._file)
            self._file = -1

    def _load(self) -> None:
        content = self._path.read_bytes() if self._path.exists() else b""
        now, monotonic = Moment.now(self._clock), self._clock.monotonic()
        *lines, rest = content.split(b"\n")
        bad: list[bytes] = []
        for line in lines:
            try:
                self._take(read_line(line, now, monotonic), len(line) + 1)
            except BadEntry as error:
                _log.warning("an entry of the outcome journal cannot be read", path=str(self._path), error=str(error))
                bad.append(line)
        with contextlib.suppress(BadEntry):  # its writer died in the middle of it
            self._take(read_line(rest, now, monotonic), len(rest) + 1)
        self._keep_aside(bad)
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size, self._torn = len(content), bool(rest)
        if self._size > sum(self._sizes.values()) or self._torn:
            try:
                self._swap(*self._write_anew(list(self._live.values())))
            except OSError as error:
                self._failed(error)

    def _take(self, read: Entry | list[AttemptKey], size: int) -> None:
        if isinstance(read, Entry):
            self._live[read.report.key], self._sizes[read.report.key] = read, size
            return
        for key in read:
            self._live.pop(key, None)
            self._sizes.pop(key, None)

    def _keep_aside(self, lines: Sequence[bytes]) -> None:
        aside = self._path.with_name(self._path.name + ASIDE)
        with contextlib.suppress(OSError):  # they are of no use to us
            for line in lines:
                with aside.open("ab") as file:
                    if file.tell() + len(line) < MOST_ASIDE:
                        file.write(line + b"\n")

    def _write_again(self, entry: Entry) -> None:
        line = write_entry(entry)
        if self._append(line):
            self._sizes[entry.report.key] = len(line)
            del self._unwritten[entry.report.key]

    def _write_done(self) -> None:
        if self._done and self._append(write_done(self._done)):
            self._done.clear()

    def _retry(self) -> None:
        for key in list(self._unwritten):
            self._write_again(self._live[key])
            if key in self._unwritten:
                return
        if self._failing and not self._done:
            self._failing = False
            _log.info("the outcome journal can be written again", path=str(self._path))

    def _append(self, line: bytes) -> bool:
        data = b"\n" + line if self._torn else line
        try:
            written = os.write(self._file, data)
            if written < len(data):
                self._torn = True
                os.ftruncate(self._file, self._size)
                self._torn = False
                raise _no_space()
        except OSError as error:
            self._failed(error)
            return False
        self._torn = False
        self._size += len(data)
        if self._since is not None:
            self._since += line
        return True

    def _failed(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            _log.error(
                "outcomes cannot be written to disk, and would be lost with this process",
                path=str(self._path),
                error=error.strerror or str(error),
            )

    async def _sync(self) -> None:
        try:
            await self._in_thread(os.fdatasync, self._file)
        except OSError as error:
            self._failed(error)

    async def _in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Threads go on when we are cancelled: `close` waits for this one."""
        future = asyncio.get_running_loop().run_in_executor(None, call, *arguments)
        self._busy = future
        return await asyncio.shield(future)

    def _is_worth_rewriting(self) -> bool:
        if self._size <= DEAD_BYTES and not self._failing:
            return False
        dead = self._size - sum(self._sizes.values())
        return dead > 0 if self._failing else dead > max(DEAD_BYTES, self._size // 2)

    async def _rewrite(self) -> None:
        """Write what lives to a new file, in a thread; what is written meanwhile goes to both."""
        self._since = bytearray()
        written = [entry for key, entry in self._live.items() if key not in self._unwritten]
        try:
            file, size = await self._in_thread(self._write_anew, written)
            try:
                _write_all(file, self._since)
            except OSError:
                os.close(file)
                raise
            self._swap(file, size + len(self._since))
        except OSError as error:
            self._failed(error)
        finally:
            self._since = None

    def _write_anew(self, entries: Iterable[Entry]) -> tuple[int, int]:
        """The descriptor and size of a new file, that is safe on disk but not in place. Raises OSError."""
        path = self._path.with_name(self._path.name + ".new")
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        size = 0
        try:
            for entry in entries:
                line = write_entry(entry)
                _write_all(file, line)
                size += len(line)
            os.fsync(file)
        except BaseException:
            os.close(file)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        return file, size

    def _swap(self, file: int, size: int) -> None:
        try:
            self._path.with_name(self._path.name + ".new").replace(self._path)
        except OSError:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self._size, self._torn = file, size, False


def _write_all(file: int, data: bytes | bytearray) -> None:
    if os.write(file, data) < len(data):
        raise _no_space()


def _no_space() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
