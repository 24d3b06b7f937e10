"""What goes wrong in an executor.

ExecutorError
├── StartError              it cannot start; one line for the operator
│   ├── BadConfig           a value that cannot be
│   ├── CannotListen        the address is taken, or is none of this host's
│   ├── BadDataDir          locked by another process, another executor's, or not readable
│   └── BadTasks            a task module that cannot be imported, or two tasks of one name
├── Refusal                 a dispatch that is not taken: nothing ran, and nothing will
└── StreamRefused           a leader's stream is not taken, or goes no further
    ├── StaleEpoch          a later leader was here
    ├── WrongExecutor       somebody else was meant
    ├── UnsupportedProtocol
    ├── BadMessage          not what the protocol says
    ├── Superseded          a newer Hello came
    ├── LeaseLost           nobody vouched for this executor for a whole lease
    ├── TooMuchHeld         too many outcomes that nobody acknowledges
    ├── CannotRecord        the epoch cannot be written to the data directory
    └── Stopping            this executor ends
"""

from typing import ClassVar


class ExecutorError(Exception):
    """Root of this package's errors."""


class StartError(ExecutorError):
    """The executor cannot start; the message is one line for the operator."""


class BadConfig(StartError):
    """A configured value that cannot be."""


class CannotListen(StartError):
    """The address to listen on cannot be had."""


class BadDataDir(StartError):
    """The data directory cannot be used."""


class BadTasks(StartError):
    """The tasks of this executor cannot be gathered."""


class Refusal(ExecutorError):
    """Why a dispatch is not taken. `reason` is a word of the wire contract."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class StreamRefused(ExecutorError):
    """Why a leader's stream ends; `reason` and `facts` travel to it."""

    reason: ClassVar[str] = "STREAM_REFUSED"

    def __init__(self, message: str, **facts: str) -> None:
        super().__init__(message)
        self.facts = facts


class StaleEpoch(StreamRefused):
    reason = "STALE_EPOCH"

    def __init__(self, message: str, highest: int) -> None:
        super().__init__(message, highest_epoch=str(highest))


class WrongExecutor(StreamRefused):
    reason = "WRONG_EXECUTOR"


class UnsupportedProtocol(StreamRefused):
    reason = "UNSUPPORTED_PROTOCOL"


class BadMessage(StreamRefused):
    reason = "BAD_MESSAGE"


class Superseded(StreamRefused):
    reason = "SUPERSEDED"


class LeaseLost(StreamRefused):
    reason = "LEASE_LOST"


class TooMuchHeld(StreamRefused):
    reason = "TOO_MUCH_HELD"


class CannotRecord(StreamRefused):
    reason = "CANNOT_RECORD"


class Stopping(StreamRefused):
    reason = "STOPPING"
