"""Other schedulers, draining the same number of one-shot jobs on the same PostgreSQL server."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """What a peer has to do: so many jobs, on an empty database of its own."""

    fires: int
    host: str
    port: int
    database: str

    @property
    def url(self) -> str:
        """As libpq, psycopg and SQLAlchemy take it."""
        return f"postgresql://postgres@{self.host}:{self.port}/{self.database}"


class NotAvailable(Exception):
    """A peer that isn't on this machine; `command` is what installs it."""

    def __init__(self, command: str, why: str = "") -> None:
        self.command = command
        super().__init__(f"not available{f' ({why})' if why else ''}; to install it: {command}")
