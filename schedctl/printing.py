"""What goes to stdout: aligned columns for people, JSON and YAML for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cronquorum.durations import format_duration

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from schedapi.v1.execution_pb2 import Execution


class Output(StrEnum):
    """The form of what is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


NOTHING = "-"
LONGEST_REASON = 24
"""Characters of a reason in a table: all of it is in the record."""

STATE_COLOURS = {
    "succeeded": "green",
    "active": "green",
    "attached": "green",
    "failed": "red",
    "timedOut": "red",
    "lost": "red",
    "gone": "red",
    "running": "cyan",
    "dispatched": "cyan",
    "pending": "yellow",
    "retrying": "yellow",
    "held": "yellow",
    "paused": "yellow",
    "attaching": "yellow",
    "draining": "yellow",
}
"""Of jobs, executions and executors; what is not named stays plain."""

_ANSI = {"red": 31, "green": 32, "yellow": 33, "cyan": 36}


def printable(text: str) -> str:
    """Somebody else's text as one line that does nothing to a terminal: the unprintable is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def coloured() -> bool:
    """Whether stdout is a terminal whose user has nothing against colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def moment(time: Timestamp) -> str:
    """RFC 3339 in UTC, whole seconds; `-` for a time that is not set."""
    if not time.seconds and not time.nanos:
        return NOTHING
    return time.ToDatetime(tzinfo=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def took(execution: Execution) -> str:
    """How long the current attempt ran, when it has ended."""
    if not execution.HasField("started") or not execution.HasField("ended"):
        return NOTHING
    return span(execution.ended.ToDatetime() - execution.started.ToDatetime())


def outcome(execution: Execution) -> str:
    """An execution's state, in a few words: of one that was skipped also why, `skipped (overlap)`."""
    why = execution.reason.split(":")[0]
    if execution.state != "skipped" or not why:
        return execution.state
    return f"skipped ({why if len(why) <= LONGEST_REASON else why[: LONGEST_REASON - 3] + '...'})"


def stands_for(execution: Execution) -> str:
    """`stands for 18`, when the record is that of a range of due times."""
    return f"stands for {execution.missed.count}" if execution.HasField("missed") else NOTHING


def span(length: timedelta) -> str:
    """A length of time for people: `0.034s`, `12.3s`, `1h2m3s`."""
    seconds = length.total_seconds()
    if seconds < 60:
        return f"{seconds:.3g}s" if seconds >= 0.0005 else "0s"
    return format_duration(timedelta(seconds=round(seconds)))


def emit(value: Any, output: Output) -> None:
    """Print plain values as JSON or YAML."""
    if output is Output.YAML:
        from schedapi.manifest import dump_yaml

        print(dump_yaml(value), end="")
    else:
        print(json.dumps(value, indent=2, ensure_ascii=False))


def emit_manifests(manifests: Iterable[Any], output: Output) -> None:
    """Print a list of manifests: in YAML as documents, which can be applied again."""
    if output is Output.YAML:
        from schedapi.manifest import dump_yaml

        print("---\n".join(map(dump_yaml, manifests)), end="")
    else:
        emit({"items": [*manifests]}, output)


def columns(header: Sequence[str], rows: Iterable[Sequence[str]], indent: str = "") -> None:
    """Print aligned columns. States are in colour where the terminal has them."""
    cells = [[printable(cell) or NOTHING for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    print((indent + _aligned(header, widths)).rstrip())
    states = [index for index, name in enumerate(header) if name == "STATE"] if coloured() else []
    for row in cells:
        line = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        for index in states:
            line[index] = tinted(line[index], row[index])
        print((indent + "  ".join(line)).rstrip())


def tinted(text: str, state: str) -> str:
    """The text in the colour of a state."""
    code = _ANSI.get(STATE_COLOURS.get(state, ""))
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def facts(pairs: Iterable[tuple[str, str]], indent: str = "") -> None:
    """Print `name: value` lines, values aligned; what has no value is left out."""
    shown = [(name, printable(value)) for name, value in pairs if value and value != NOTHING]
    width = max((len(name) for name, _ in shown), default=0) + 1
    for name, value in shown:
        print(f"{indent}{name + ':':<{width}}  {value}")


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))


def block(text: str, indent: str) -> None:
    """Print a text of several lines, each made printable."""
    for line in text.splitlines():
        print(f"{indent}{printable(line.expandtabs(4))}".rstrip())
