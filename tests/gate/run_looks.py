"""Judges a run now and then while it goes on, so that one that waits for a failure can end at the first.

    python -m tests.gate.run_looks STORE FOLDER KIND,...

prints the first failure of these kinds as JSON, or nothing. A look only ends the faults: the verdict is that of the
whole run, once it has settled.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.gate.checker import Logs, check, read_logs
from tests.gate.checker_world import Line
from tests.gate.ledger import read_ledger
from tests.gate.load_history import wall
from tests.gate.verdict import Failure, Kind

BETWEEN = 6.0
"""Seconds between two looks: each takes one or two of a processor."""
LONGEST = 60.0
"""Seconds that a look may take: the store may be cut off, and whoever asks it waits."""


class Looks:
    """`found` is called once, with the first failure of a kind that is waited for; `seen` is it, and when."""

    def __init__(
        self, url: str, folder: Path, kinds: Sequence[str], found: Callable[[], None], between: float = BETWEEN
    ) -> None:
        self._command = [sys.executable, "-m", "tests.gate.run_looks", url, str(folder), ",".join(kinds)]
        self._found = found
        self._between = between
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="looks", daemon=True)
        self.seen: dict[str, Any] | None = None

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """After the look that is under way."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        begin = time.monotonic()
        while self.seen is None and not self._stop.wait(self._between):
            told = self._look()
            if told:
                self.seen = {**json.loads(told), "after": round(time.monotonic() - begin, 1)}
                self._found()

    def _look(self) -> str:
        """One that fails, since the store is away, sees nothing."""
        try:
            # a process of its own, as for the snapshots
            done = subprocess.run(
                ["nice", *self._command],
                capture_output=True,
                text=True,
                timeout=LONGEST,
                check=False,
                cwd=Path(__file__).parents[2],
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout if done.returncode == 0 else ""


def look(url: str, folder: Path, kinds: Collection[str]) -> Failure | None:
    """The first failure of these kinds, as far as the run has come."""
    # what ran was recorded before, what is recorded was asked for before: read so, nothing seems to lack its cause
    world = read_logs(folder, []).world
    begin = wall()
    ledger = read_ledger(url)
    end = wall()
    return first(replace(read_logs(folder, [ledger]), world=world), begin, end, kinds)


def first(logs: Logs, begin: int, end: int, kinds: Collection[str]) -> Failure | None:
    """Of logs whose ledger was read between `begin` and `end` (ns), the world before it, and the history after it."""
    verdict = check(replace(logs, history=known(logs.history, begin, end)))
    return next((failure for failure in verdict.failures if failure.kind in kinds), None)


def known(history: Sequence[Line], begin: int, end: int) -> list[Line]:
    """The calls that such a ledger may know; as done are taken those that it has to know."""
    return [line for line in history if (line["begin"] <= end if line["end"] is None else line["end"] <= begin)]


def main(argv: Sequence[str]) -> int:
    url, folder, kinds = argv
    failure = look(url, Path(folder), {Kind(kind) for kind in kinds.split(",")})
    if failure is not None:
        print(json.dumps({"kind": failure.kind, "what": failure.what}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
