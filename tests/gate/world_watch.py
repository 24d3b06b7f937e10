"""Watches, beside a run, what no log says: when tasks' processes died, and when the machine itself stalled."""

import json
import threading
import time
from pathlib import Path

from tests.gate.load_history import Journal, boot, wall
from tests.rig.process import is_alive

LOOK_SECONDS = 0.2
STALL_SECONDS = 0.1


class WorldWatch:
    """Writes `deaths.jsonl` and `machine.jsonl`."""

    def __init__(self, folder: Path) -> None:
        self._world = folder / "world"
        self._deaths = Journal(folder / "deaths.jsonl")
        self._machine = Journal(folder / "machine.jsonl")
        self._stop = threading.Event()
        self._offsets: dict[Path, int] = {}
        self._alive: set[int] = set()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._measure)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """After a last look."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._look()
        self._deaths.close()
        self._machine.close()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        for path in self._world.glob("*.jsonl"):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            self._offsets[path] = self._offsets.get(path, 0) + len(whole)
            self._alive.update(json.loads(line)["pid"] for line in whole.splitlines())
        for pid in [pid for pid in self._alive if not is_alive(pid)]:
            self._alive.discard(pid)
            self._deaths.write(pid=pid, boot=boot())

    def _measure(self) -> None:
        while not self._stop.is_set():
            before = time.monotonic()
            self._stop.wait(STALL_SECONDS)
            late = time.monotonic() - before - STALL_SECONDS
            if late > STALL_SECONDS:
                self._machine.write(wall=wall(), late=round(late, 3), boot=boot())
