"""Lines in the log, like those of the executor itself, without what that imports."""

import contextlib
import json
import sys
import time
from typing import Any


def note(level: str, event: str, **facts: Any) -> None:
    """A line on stderr: JSON unless somebody reads it on a terminal."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if sys.stderr.isatty():
        line = " ".join((stamp, f"[{level}]", event, *(f"{name}={value}" for name, value in facts.items())))
    else:
        said = {**facts, "event": event, "level": level, "logger": "executor.guardian", "timestamp": stamp}
        line = json.dumps(said, default=str)
    with contextlib.suppress(OSError):  # nobody reads: no reason to stop guarding
        print(line, file=sys.stderr, flush=True)
