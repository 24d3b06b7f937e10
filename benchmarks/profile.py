"""py-spy on one process of the rig, while something is measured: where its time goes, by function and by line.

py-spy is not among the project's own tools: it is looked for on PATH, then in the folder that `$PY_SPY` names.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rig import Rig

RATE = 250
"""Samples a second: a drain takes a few seconds."""
_MOST = 60
_ROLES = {"leader": "node-1", "executor": "executor-1", "embedded": "embedded"}


@contextlib.contextmanager
def profiled(rig: Rig, role: str | None, where: Path) -> Iterator[None]:
    """Sample that process during the block, and write a table to `where`, and raw stacks beside it (`.raw`)."""
    if not role:
        yield
        return
    name = _ROLES.get(role, role)
    if name not in rig.processes:
        raise SystemExit(f"--profile: {role} is not one of {', '.join(_ROLES)}, as far as they run here")
    raw = where.with_suffix(".raw").absolute()
    command = [_py_spy(), "record", "--pid", str(rig.pid(name)), "--rate", str(RATE), "--format", "raw"]
    process = subprocess.Popen(
        [*command, "--nonblocking", "--duration", "unlimited", "--output", str(raw)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)  # upon which it writes what it has
        said, _ = process.communicate(timeout=60)
    if process.returncode != 0 or not raw.exists():
        raise RuntimeError(f"py-spy: {said}")
    where.write_text("\n".join(table(raw.read_text())) + "\n")


def table(stacks: str) -> Iterator[str]:
    """From lines of `frame;frame;frame count`: the share of samples in which a function was on the stack, and in
    which it was on top."""
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        own[frames[-1]] += int(count)
        for frame in set(frames):
            total[frame] += int(count)
    samples = sum(own.values()) or 1
    for title, counts in (("own", own), ("with what it calls", total)):
        yield f"{title}: % of {samples} samples"
        for frame, times in counts.most_common(_MOST):
            yield f"{100 * times / samples:6.2f}  {frame}"
        yield ""


def _py_spy() -> str:
    found = shutil.which("py-spy", path=os.pathsep.join([os.environ.get("PATH", ""), os.environ.get("PY_SPY", "")]))
    if found is None:
        raise SystemExit("--profile needs py-spy: pip install --target FOLDER py-spy, then PY_SPY=FOLDER/bin")
    return found
