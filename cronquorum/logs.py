"""Logs: lines for people on a terminal, JSON lines otherwise; to stderr, with UTC timestamps.

Each line of a process bears what `bind` was told (its node, or its executor), and each within `within` the epoch. The
level changes without a restart: `listen`.

What libraries log through the standard library goes the same way, from WARNING upwards. A program that
embeds us and never calls `configure` finds our events in its own `logging`.
"""

import logging
import os
import signal
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

# read when gRPC is imported, which is later: its C core would write lines of its own to stderr
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

OURS = ("cronquorum", "jobstore", "scheduler", "executor", "schedctl", "schedapi", "__main__")
LEVELS = ("debug", "info", "warning", "error")

LOUDER, AS_CONFIGURED = signal.SIGUSR1, signal.SIGUSR2

_facts: dict[str, object] = {}


class Verbosity:
    """`debug`: whether debug lines are written. Ask before what is done often: it costs less than an unwritten line."""

    __slots__ = ("configured", "debug")

    def __init__(self) -> None:
        self.configured = "info"
        self.debug = False


verbosity = Verbosity()
within = structlog.contextvars.bound_contextvars
"""A block, all of whose lines bear these facts, and those of the tasks that it starts."""


def bind(**facts: object) -> None:
    """Have each line of this process bear these facts, from whichever thread."""
    _facts.update(facts)


def unbind() -> None:
    """Forget what was bound."""
    _facts.clear()


def _add_facts(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    return {**_facts, **event}


_EVENT: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    _add_facts,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
_TO_STDLIB: list[Processor] = [
    structlog.stdlib.filter_by_level,
    *_EVENT,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]


def get_logger(name: str, **bound: object) -> FilteringBoundLogger:
    """A logger of ours, with facts (job, execution, term, node) that stand in each of its lines."""
    logger = structlog.wrap_logger(
        logging.getLogger(name), processors=_TO_STDLIB, wrapper_class=structlog.stdlib.BoundLogger
    )
    return cast(FilteringBoundLogger, logger.bind(**bound) if bound else logger)


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Set up the process's logging, once, at its start. `level` is one of `LEVELS` and is that of our own
    packages; everybody else's is WARNING."""
    out = sys.stderr if stream is None else stream
    structlog.configure(
        processors=_TO_STDLIB,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    render: list[Processor]
    if out.isatty():
        colors = not os.environ.get("NO_COLOR")
        formatter = structlog.dev.plain_traceback
        render = [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=formatter)]
    else:
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_EVENT,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    verbosity.configured = level
    set_level(level)


def set_level(level: str) -> None:
    """The least level of our own lines from now on. From any thread."""
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    verbosity.debug = level == "debug"


def change(number: int) -> None:
    """Do what a signal asks for, and say so."""
    level = "debug" if number == LOUDER else verbosity.configured
    set_level(level)
    get_logger(__name__).warning("the log level was changed", to=level)


def listen() -> None:
    """SIGUSR1: write debug lines; SIGUSR2: as configured again. In the main thread."""
    for number in (LOUDER, AS_CONFIGURED):
        signal.signal(number, lambda number, frame: change(number))
