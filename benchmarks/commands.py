"""Commands of this repository's own, as processes."""

import os
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"}


def run(command: Sequence[str], timeout: timedelta = timedelta(minutes=10)) -> str:
    """Run a command to its end; returns what it says. Raises RuntimeError when it fails."""
    environment = {**os.environ, **ENVIRONMENT}
    seconds = timeout.total_seconds()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=seconds, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
