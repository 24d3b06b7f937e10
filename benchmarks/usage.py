"""CPU time and memory of processes, read from /proc: a process counts with all that it has started."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PPID, _TIMES = 1, slice(11, 15)  # proc(5), counted from the state: utime, stime, cutime, cstime


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """CPU seconds so far, children that have ended included; memory now and at its peak in MB (10^6 bytes).

    Memory is proportional (PSS): what several processes share, such as PostgreSQL's buffers, counts once. The peak is
    the largest process's alone (VmHWM).
    """

    cpu: float
    memory: float
    peak: float


def usage(pids: Iterable[int]) -> Usage:
    """What these processes and their descendants have used; those that are gone count nothing."""
    family = list(_family(pids))
    return Usage(
        cpu=sum(map(_cpu, family)),
        memory=sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in family) * 1024 / 1e6,
        peak=max((_kilobytes(pid, "status", "VmHWM:") for pid in family), default=0) * 1024 / 1e6,
    )


def spent(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> dict[str, float]:
    """CPU seconds of each role between two looks."""
    return {role: round(after[role].cpu - used.cpu, 2) for role, used in before.items()}


def memory(now: Mapping[str, Usage]) -> dict[str, dict[str, int]]:
    """Memory of each role, in MB."""
    return {role: {"mb": round(used.memory), "peak_mb": round(used.peak)} for role, used in now.items()}


def _family(pids: Iterable[int]) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[_PPID]), []).append(int(entry.name))
    left = list(pids)
    while left:
        pid = left.pop()
        yield pid
        left += children.get(pid, ())


def _cpu(pid: int) -> float:
    return sum(map(int, _stat(pid)[_TIMES])) / _TICK


def _stat(pid: int) -> list[str]:
    with contextlib.suppress(OSError):
        # the command stands in parentheses and may itself hold blanks and parentheses
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _kilobytes(pid: int, file: str, field: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1])
    return 0
