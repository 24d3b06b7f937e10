"""`python -m benchmarks.embedded SETTINGS`: the embedded mode as a process of its own, until SIGTERM.

As a program that uses `Embedded` would be; `schedctl dev` is the same with slots that cannot be told.
"""

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from cronquorum import garbage, logs
from schedctl.dev import Embedded


def main(settings: dict[str, Any]) -> None:
    logs.configure("warning")
    garbage.look_rarely()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Embedded(
        store=settings["store"],
        tasks=["benchmarks.tasks"],
        listen=settings["listen"],
        data=Path(settings["data"]),
        slots=settings["slots"],
    ) as cluster:
        print(f"serving on {cluster.address}", flush=True)
        stop.wait()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
