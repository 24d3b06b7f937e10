"""Ends whatever a run has left on the machine: processes that bear its mark, mounts, namespaces.

    python -m tests.gate.run_remains TAG FOLDER

The run calls it at its end; the reaper calls it when the run itself was killed.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MARK = "GATE_RUN"
"""In the environment of every process of a run, and of all that they start."""


def processes(**marks: str) -> Iterator[int]:
    """Process ids whose environment has all of these."""
    wanted = {f"{name}={value}".encode() for name, value in marks.items()}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                if wanted <= set((entry / "environ").read_bytes().split(b"\0")):
                    yield int(entry.name)


def kill(**marks: str) -> int:
    """SIGKILL to all of them until there are none, however fast they fork; returns how many there were."""
    killed: set[int] = set()
    while found := [pid for pid in processes(**marks) if not _is_dead(pid)]:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed.update(found)
    return len(killed)


def _is_dead(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def clean(tag: str, folder: Path) -> None:
    """End it all. Nothing is raised for what isn't there."""
    kill(**{MARK: tag})
    for line in Path("/proc/self/mounts").read_text().splitlines():
        where = line.split()[1]
        if where.startswith(f"{folder}/"):
            _quietly("umount", "-l", where)
    if os.geteuid() == 0:
        with contextlib.suppress(FileNotFoundError):
            for entry in Path("/run/netns").iterdir():
                if entry.name.startswith(f"{tag}-"):
                    _quietly("ip", "netns", "del", entry.name)
        for entry in Path("/sys/class/net").iterdir():
            if entry.name.startswith(tag):
                _quietly("ip", "link", "del", entry.name)


def _quietly(*command: str) -> None:
    with contextlib.suppress(OSError):
        subprocess.run(command, capture_output=True, check=False)


if __name__ == "__main__":
    clean(sys.argv[1], Path(sys.argv[2]))
