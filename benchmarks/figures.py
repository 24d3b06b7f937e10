"""Figures as the reports have them: percentiles, and what they were measured on."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC
from importlib.metadata import version
from pathlib import Path

from benchmarks.commands import ROOT
from cronquorum.clock import host_time
from tests.rig.postgres import find_binaries

_LIBRARIES = ("grpcio", "kazoo", "psycopg2-binary", "sqlalchemy", "uvloop")


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 and the greatest (nearest rank: each is a value that occurred)."""
    if not values:
        return {}
    ranked = sorted(values)
    last = len(ranked) - 1
    points = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    # -(-x // 1) is the ceiling: the least rank that has so large a share at or below it
    return {name: round(ranked[min(last, int(-(-share * len(ranked) // 1)) - 1)], 2) for name, share in points.items()}


def versions() -> dict[str, str]:
    """Of what was measured, and of what it stands on."""
    found = {name: version(name) for name in _LIBRARIES}
    postgres = _said([str(find_binaries() / "postgres"), "--version"]).removeprefix("postgres (PostgreSQL) ")
    return {
        "cronquorum": version("cronquorum"),
        "commit": _said(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]),
        "python": platform.python_version(),
        "postgresql": postgres.split()[0] if postgres else "",
        **found,
    }


def machine() -> dict[str, object]:
    """Where, when, and how busy it was before."""
    cpu = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ": unknown")
    total = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), "MemTotal: 0 kB")
    return {
        "cores": os.cpu_count(),
        "cpu": cpu.partition(":")[2].strip(),
        "memory_gb": round(int(total.split()[1]) * 1024 / 1e9),
        "kernel": platform.release(),
        "date": f"{host_time().astimezone(UTC):%Y-%m-%dT%H:%MZ}",
        "load": round(os.getloadavg()[0], 2),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _said(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""
