"""What an executor tells its guardian, if it has one."""

from typing import Protocol


class Ward(Protocol):
    """The executor's end. One event loop; nothing here blocks or raises."""

    @property
    def may_start(self) -> bool:
        """False while attempts of a lease that was lost may still run."""
        ...

    @property
    def lock(self) -> int | None:
        """The descriptor of the data directory's lock that an earlier incarnation took."""
        ...

    def keep_lock(self, descriptor: int) -> None:
        """Have it outlive this process."""
        ...

    def started(self, executor_id: str) -> None:
        """The executor serves."""
        ...

    def extended(self, until: float, length: float) -> None:
        """Attempts may run until then (seconds of `Clock.boottime`); a lease is so long."""
        ...

    def lost(self) -> None:
        """The lease ran out: attempts are being ended. A guardian kills them, and us, when that takes long."""
        ...

    def released(self) -> None:
        """All that ran under the lease that was lost has ended."""
        ...


class Unguarded:
    """Nobody is told: the executor is part of another program."""

    may_start = True
    lock: int | None = None

    def keep_lock(self, descriptor: int) -> None:
        pass

    def started(self, executor_id: str) -> None:
        pass

    def extended(self, until: float, length: float) -> None:
        pass

    def lost(self) -> None:
        pass

    def released(self) -> None:
        pass
