"""Reads the store now and then while a run goes on, so that what was final can be seen to have stayed so."""

import subprocess
import sys
import threading
from pathlib import Path


class Snapshots:
    """Writes `ledger-N.json`, every so many seconds; a read that fails, since the store is away, leaves none."""

    def __init__(self, url: str, folder: Path, seconds: float) -> None:
        self._url = url
        self._folder = folder
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="snapshots", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        number = 0
        while not self._stop.wait(self._seconds):
            number += 1
            written = self._folder / f"ledger-{number}.json"
            partly = written.with_suffix(".part")
            # a process of its own: the load and the nemesis are to keep their pace
            command = ["nice", sys.executable, "-m", "tests.gate.ledger", self._url, str(partly)]
            done = subprocess.run(command, capture_output=True, check=False, cwd=Path(__file__).parents[2])
            if done.returncode == 0:
                partly.rename(written)
            else:
                partly.unlink(missing_ok=True)
