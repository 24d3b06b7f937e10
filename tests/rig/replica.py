"""A streaming replica of a real PostgreSQL server, which can be promoted."""

from pathlib import Path
from typing import Self

from psycopg2 import sql

from tests.rig.postgres import START_TIMEOUT, PostgresServer, _new_folder, find_binaries, system_user
from tests.rig.process import ManagedProcess


class Replica(PostgresServer):
    """Follows ``primary``, which must run when it is started for the first time, and takes no writes until promoted.

    To have each commit wait for it, give the primary ``synchronous_standby_names="*"`` afterwards.
    """

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__()
        self._primary = primary

    def start(self) -> Self:
        if self._folder is None:
            user = system_user()
            self._folder = _new_folder(user)
            command: list[str | Path] = [find_binaries() / "pg_basebackup", "-D", self._folder / "data", "-R"]
            command += ["-d", self._primary.url(), "--checkpoint=fast", "--wal-method=stream", "--no-sync"]
            log = self._folder / "basebackup.log"
            with ManagedProcess("pg_basebackup", command, log=log, cwd=self._folder, user=user) as copying:
                if copying.wait(START_TIMEOUT) != 0:
                    raise RuntimeError(f"pg_basebackup failed:\n{copying.tail()}")
        return super().start()

    def promote(self) -> None:
        """Make it take writes; returns when it does."""
        self._execute(sql.SQL("SELECT pg_promote()"))
