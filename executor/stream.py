"""One leader's stream, and how its end is told."""

import asyncio

from executor.datadir import Leader
from executor.errors import (
    BadMessage,
    CannotRecord,
    LeaseLost,
    StaleEpoch,
    Stopping,
    StreamRefused,
    Superseded,
    TooMuchHeld,
    UnsupportedProtocol,
    WrongExecutor,
)
from executor.outgoing import Outgoing
from schedapi import errors as api

_CODES: dict[type[StreamRefused], type[api.ApiError]] = {
    StaleEpoch: api.FailedPrecondition,
    WrongExecutor: api.FailedPrecondition,
    UnsupportedProtocol: api.FailedPrecondition,
    BadMessage: api.InvalidArgument,
    Superseded: api.Conflict,
    LeaseLost: api.Unavailable,
    TooMuchHeld: api.ResourceExhausted,
    CannotRecord: api.Unavailable,
    Stopping: api.Unavailable,
}


class LeaderStream:
    """A leader that said Hello. Once it is over, nothing that comes from it counts."""

    def __init__(self, leader: Leader, outgoing: Outgoing) -> None:
        self.leader = leader
        self.outgoing = outgoing
        self.over = asyncio.Event()
        self.reason: StreamRefused | None = None

    def end(self, reason: StreamRefused | None) -> None:
        if not self.over.is_set():
            self.reason = reason
            self.over.set()


def to_api_error(error: StreamRefused) -> api.ApiError:
    """As it goes over the wire."""
    return _CODES[type(error)](str(error), reason=error.reason, metadata=error.facts)
