"""What the two databases have in common: units of work on a connection, and errors of our own."""

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from jobstore.errors import StoreUnavailable
from jobstore.sql.bulk import Bulk, Statement
from jobstore.sql.failures import translated

T = TypeVar("T")
Work = Callable[[Connection], T]

POOL_TIMEOUT = 5.0
"""Seconds to wait for a free connection."""


class Database(ABC):
    """A place where tables are. Making one connects to nothing; all methods are safe for several threads.

    `name` says which it is, and `url` how to reach it; there is no secret in either. `epoch_sql` reads the
    epoch so that it stays what it is until the end of the transaction. `partitioned`: whether history has days.
    """

    name: str
    url: str
    bulk: Bulk
    epoch_sql: str
    partitioned: bool = False

    def __init__(self) -> None:
        self._closed = False

    @property
    def upgrade_command(self) -> str:
        """What an operator runs to bring the schema up to date."""
        return f"python -m jobstore upgrade --store {shlex.quote(self.url)}"

    def read(self, work: Work[T], *, snapshot: bool = False) -> T:
        """Read. With `snapshot`, all questions of the work see one state of the store."""
        return self._guarded(lambda: self._read(work, snapshot))

    def write(self, work: Work[T]) -> T:
        """Do the work in one transaction; an exception undoes it."""
        return self._guarded(lambda: self._write(work))

    def at_once(self, epoch: int, statements: Sequence[Statement]) -> bool:
        """Run statements in one transaction that is one message to the server, if this is the present epoch and
        each of them writes the rows that it must. False: nothing was written, and `write` finds out why."""
        return self._guarded(lambda: self._at_once(epoch, statements))

    def migrate(self, work: Work[T], *, patient: bool = False) -> T:
        """Do the work in one transaction that may take its time, and that no other migration overlaps.

        `patient`: it waits only for a moment for those who use what it changes, and begins anew until it is through.
        """
        return self._guarded(lambda: self._migrate(work, patient))

    def _guarded(self, call: Callable[[], T]) -> T:
        if self._closed:
            raise StoreUnavailable(f"{self.name}: the store was closed")
        with translated(self.name, self.upgrade_command):
            return call()

    @abstractmethod
    def clock(self, connection: Connection) -> datetime:
        """The present time, on a connection of `write`. Raises `StoreUnavailable` when it takes no writes."""

    @abstractmethod
    def dangers(self, connection: Connection) -> list[str]:
        """Settings under which what was acknowledged may be lost, each with what would be right."""

    @property
    @abstractmethod
    def missing(self) -> bool:
        """Whether it can be seen, without connecting, that there is nothing."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections, for good. Idempotent."""

    @abstractmethod
    def _read(self, work: Work[T], snapshot: bool) -> T: ...

    @abstractmethod
    def _write(self, work: Work[T]) -> T: ...

    def _at_once(self, epoch: int, statements: Sequence[Statement]) -> bool:
        return False  # where there is no server, there are no round trips to be saved

    @abstractmethod
    def _migrate(self, work: Work[T], patient: bool) -> T: ...
