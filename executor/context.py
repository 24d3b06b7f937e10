"""What a Python task can learn of itself, and tell."""

import math
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Protocol

MAX_NOTE = 500
"""Characters of a progress note."""


class Listener(Protocol):
    """Where a task's words go; called from the task's own thread."""

    def progress(self, fraction: float, note: str) -> None: ...

    def log(self, text: str) -> None: ...


class Context:
    """The attempt that a task is.

    `scheduled_time` is aware UTC; `params` are all parameters, merged; `cancelled` is set when the task
    should end. `execution_id`, `attempt` and `epoch` together are a token for the task's own fencing.
    `traceparent` is the W3C trace context of the attempt; empty when nothing is traced.
    """

    __slots__ = (
        "_listener",
        "attempt",
        "cancelled",
        "epoch",
        "execution_id",
        "job",
        "namespace",
        "params",
        "scheduled_time",
        "traceparent",
        "trigger",
    )

    def __init__(
        self,
        *,
        namespace: str,
        job: str,
        trigger: str,
        execution_id: str,
        scheduled_time: datetime,
        attempt: int,
        epoch: int,
        params: Mapping[str, Any],
        listener: Listener,
        traceparent: str = "",
    ) -> None:
        self.namespace = namespace
        self.job = job
        self.trigger = trigger
        self.execution_id = execution_id
        self.scheduled_time = scheduled_time
        self.attempt = attempt
        self.epoch = epoch
        self.params = params
        self.traceparent = traceparent
        self.cancelled = threading.Event()
        self._listener = listener

    def progress(self, fraction: float, note: str = "") -> None:
        """Put on the record how far the task is: `fraction` from 0 to 1. Raises ValueError."""
        value = float(fraction)
        if not (math.isfinite(value) and 0 <= value <= 1):
            raise ValueError(f"progress {fraction!r} is not in 0 to 1")
        self._listener.progress(value, str(note)[:MAX_NOTE])

    def log(self, text: str) -> None:
        """Add a line to the output that is kept of this attempt."""
        self._listener.log(str(text))


class HasContext(Protocol):
    """A task that runs. Its context is made when it is first asked for."""

    @property
    def context(self) -> Context: ...


_current: ContextVar[HasContext | None] = ContextVar("executor_context", default=None)


def current() -> Context:
    """The context of the task that runs here. Raises RuntimeError outside of a task."""
    running = _current.get()
    if running is None:
        raise RuntimeError("no task runs here: executor.current() is for the code of a task")
    return running.context


def set_current(running: HasContext | None) -> None:
    """For whoever calls the task."""
    _current.set(running)
