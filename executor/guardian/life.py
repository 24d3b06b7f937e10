"""One incarnation of an executor, as its guardian sees it."""

import contextlib
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from executor.guardian.packets import Channel

GRACE = 0.09
"""Of a lease: how long after its end the executor may still be ending what it runs. A leader gives attempts
away when a tenth of a lease has passed."""
MODULE = "executor.guarded"


@dataclass(kw_only=True, slots=True)
class LeaseWatch:
    """Until when attempts may run, as last told. Times are seconds of CLOCK_BOOTTIME.

    No lease, or a released one: nothing runs, and there is nothing to watch.
    """

    until: float | None = None
    length: float = 0.0

    @property
    def deadline(self) -> float | None:
        """When everything is killed, unless a lease or a release is heard of before."""
        return None if self.until is None else self.until + GRACE * self.length

    def extended(self, until: float, length: float) -> None:
        self.until = until if self.until is None else max(until, self.until)
        self.length = length

    def released(self, until: float) -> None:
        """A release of an earlier lease than the one in force says nothing about that."""
        if self.until is not None and until >= self.until:
            self.until = None


@dataclass(kw_only=True, slots=True)
class Life:
    """Begun by `begin`; over when its process is dead."""

    pid: int
    incarnation: str
    channel: Channel
    lease: LeaseWatch = field(default_factory=LeaseWatch)
    lock: int | None = None
    executor_id: str = ""
    started: bool = False
    hung_up: bool = False

    @classmethod
    def begin(
        cls, argv: Sequence[str], vouched: Sequence[str], lock: int | None = None, executor_id: str = ""
    ) -> "Life":
        """Start the process, in a session of its own: what a terminal or a service manager sends to our group
        reaches it through us, and once. Raises OSError."""
        ours, theirs = Channel.pair()
        incarnation = secrets.token_hex(8)
        try:
            os.set_inheritable(theirs.fileno(), True)
            command = [sys.executable, *_flags(), "-m", MODULE, str(theirs.fileno()), *argv]
            pid = os.posix_spawn(sys.executable, command, os.environ, setsid=True)
            ours.send(lock, what="begin", incarnation=incarnation, vouched=list(vouched), executorId=executor_id)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(pid=pid, incarnation=incarnation, channel=ours, lock=lock, executor_id=executor_id)

    def stop(self, times: int) -> None:
        """Have it end: gently, or, the second time, in a hurry. One that is dead or deaf is no error."""
        with contextlib.suppress(OSError):
            self.channel.send(what="stop", times=times)

    def level(self, number: int) -> None:
        """Have it change its log level. One that is dead or deaf is no error."""
        with contextlib.suppress(OSError):
            self.channel.send(what="level", number=number)

    def listen(self) -> None:
        """Take in all that it has said."""
        while not self.hung_up:
            try:
                packet = self.channel.receive(wait=False)
            except BlockingIOError:
                return
            except ValueError:
                continue
            if packet is None:
                self.hung_up = True
            else:
                self._take(packet.said, packet.descriptor)

    def _take(self, said: dict[str, Any], descriptor: int | None) -> None:
        what = said.get("what")
        if what == "lock" and descriptor is not None:
            if self.lock is not None:
                os.close(self.lock)
            self.lock = descriptor
        elif what == "started":
            self.started, self.executor_id = True, str(said.get("executorId", ""))
        elif what == "lease":
            self.lease.extended(float(said["until"]), float(said["length"]))
        elif what == "released":
            self.lease.released(float(said["until"]))


def _flags() -> list[str]:
    """The interpreter's own flags, as it was given them."""
    words = sys.orig_argv[1:]
    return words[: words.index("-m")] if "-m" in words else []
