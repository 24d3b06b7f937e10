"""An executor with a guardian: `python -m executor.guarded FD ARGUMENTS...`, which only a guardian starts.

FD is the executor's end of the channel to its guardian.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence

from cronquorum.logs import change
from executor.guardian.offspring import kill_below
from executor.guardian.packets import Channel
from executor.process import cease
from executor.program import Start, run


class Guarded:
    """A `Ward`. What cannot be sent is not: then the guardian is gone, and so are we."""

    def __init__(self, channel: Channel, lock: int | None) -> None:
        self.lock = lock
        self._channel = channel
        self._told = (0.0, 0.0)
        self._latest = (0.0, 0.0)
        self._lost = False

    @property
    def may_start(self) -> bool:
        return not self._lost

    def keep_lock(self, descriptor: int) -> None:
        self._send(descriptor, what="lock")

    def started(self, executor_id: str) -> None:
        self._send(what="started", executorId=executor_id)

    def extended(self, until: float, length: float) -> None:
        # while attempts of the lost lease are being ended, the guardian must not be reassured
        self._latest = (until, length)
        if not self._lost:
            self._tell_lease()

    def lost(self) -> None:
        self._lost = True

    def released(self) -> None:
        self._send(what="released", until=self._told[0])
        self._lost = False
        if self._latest != self._told:
            self._tell_lease()

    def _tell_lease(self) -> None:
        self._told = until, length = self._latest
        self._send(what="lease", until=until, length=length)

    def _send(self, descriptor: int | None = None, **said: object) -> None:
        with contextlib.suppress(OSError):
            self._channel.send(descriptor, **said)


def follow(channel: Channel, on_stop: Callable[[int], None]) -> None:
    """In a thread of its own, so that it is heard whatever the event loop does: pass on what the guardian says,
    and die with it, with all that we have started."""
    while True:
        try:
            packet = channel.receive()
        except (OSError, ValueError):
            packet = None
        if packet is None:
            break
        if packet.said.get("what") == "stop":
            on_stop(int(packet.said["times"]))
        elif packet.said.get("what") == "level":
            change(int(packet.said["number"]))
    cease()
    kill_below()
    os.kill(os.getpid(), signal.SIGKILL)


def main(argv: Sequence[str]) -> int:
    """Run the executor that a guardian wants."""
    channel = Channel(socket.socket(fileno=int(argv[0])))
    os.set_inheritable(channel.fileno(), False)
    os.dup(channel.fileno())  # which nothing closes: the guardian hears our end when it is our end
    begin = channel.receive()
    if begin is None:
        return 1
    start = Start(
        ward=Guarded(channel, begin.descriptor),
        incarnation=begin.said["incarnation"],
        vouched=tuple(begin.said["vouched"]),
        executor_id=begin.said["executorId"],
        guarded=True,
    )
    thread = threading.Thread(target=follow, args=(channel, start.stops.told), name="guardian", daemon=True)
    thread.start()
    return run(argv[1:], start)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
