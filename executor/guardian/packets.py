"""What guardian and executor say to each other: JSON, a packet each, over a socket pair.

    guardian -> executor
        begin      first, once: incarnation, vouched, executorId; with the lock of the data directory, if there is one
        level      a signal for the log level came to the guardian: its number
        stop       end now: `times` is how often the guardian was told to (1: drain, 2: hurry)
    executor -> guardian
        lock       the lock of the data directory, as a descriptor: it outlives the executor
        started    it serves; `executorId` is for the next incarnation
        lease      attempts may run until then (seconds of CLOCK_BOOTTIME); `length` is that of the lease
        released   nothing runs any more under that lease; nothing starts before the next one

The end of either is the end of the other's stream.
"""

import json
import os
import socket
from array import array
from dataclasses import dataclass
from typing import Any

LARGEST = 64 * 1024
_INT = array("i").itemsize


@dataclass(frozen=True, kw_only=True, slots=True)
class Packet:
    """`descriptor` is ours now, and not inherited by those we start."""

    said: dict[str, Any]
    descriptor: int | None = None


class Channel:
    """One end of a connection that keeps packets apart."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    @classmethod
    def pair(cls) -> tuple["Channel", "Channel"]:
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(one), cls(other)

    def fileno(self) -> int:
        return self._end.fileno()

    def send(self, descriptor: int | None = None, **said: Any) -> None:
        """Raises OSError when the other one is gone, or reads nothing for long (BlockingIOError)."""
        beside = []
        if descriptor is not None:
            beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [descriptor]))]
        # not socket.send_fds and recv_fds: they forget the flags
        self._end.sendmsg([json.dumps(said).encode()], beside, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def receive(self, wait: bool = True) -> Packet | None:
        """The next packet; None when the other one is gone. Raises BlockingIOError when there is none yet and
        we do not wait, ValueError for one that is none of ours."""
        flags = socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT)
        try:
            data, beside, _, _ = self._end.recvmsg(LARGEST, socket.CMSG_SPACE(_INT), flags)
        except ConnectionResetError:  # it died before it read all that we had sent
            return None
        if not data:
            return None
        descriptor = _descriptor(beside)
        try:
            said = json.loads(data)
            if not isinstance(said, dict):
                raise ValueError("a packet that is no table")
        except ValueError:
            if descriptor is not None:
                os.close(descriptor)
            raise
        return Packet(said=said, descriptor=descriptor)

    def close(self) -> None:
        self._end.close()


def _descriptor(beside: list[tuple[int, int, bytes]]) -> int | None:
    for level, kind, data in beside:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS and len(data) >= _INT:
            return array("i", data[:_INT])[0]
    return None
