"""So many one-shot jobs are due at one instant: how long until the last of them is settled.

The clock runs from the instant, not from the first start; recording ahead of it is the product's own. Before it, a
thousand other jobs have run, so that nothing is measured that happens once in the life of a process.
"""

import argparse
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import checks, figures, jobs
from benchmarks.options import add_cluster_options, shape
from benchmarks.profile import profiled
from benchmarks.record import Record
from benchmarks.rig import STORES, Rig
from benchmarks.usage import memory, spent
from benchmarks.waiting import until, wait_until, whole_second
from cronquorum.clock import host_time

WARM = 1000
TARGETS = {"postgresql": 15_000, "sqlite": 5_000}


APPLIED = 800
"""Jobs that are applied in a second, at the least, when the machine is not busy with something else."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_cluster_options(parser)
    parser.add_argument("--fires", type=int, default=50_000, metavar="N")
    parser.add_argument("--store", choices=STORES, default="postgresql")
    parser.add_argument("--profile", metavar="PROCESS", help="leader, executor or embedded: run py-spy on it")
    parser.add_argument("--profile-to", type=Path, default=Path("profile.txt"), metavar="FILE")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    with Rig(shape(options)) as rig:
        return measure(rig, options)


def measure(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on a rig."""
    return drain(rig, options, warm_up(rig, min(WARM, options.fires)))


def warm_up(rig: Rig, count: int) -> float:
    """Run so many jobs, and wait until they are settled; returns how many a second could be applied."""
    due = whole_second(host_time() + timedelta(seconds=1 + count / 250))
    began = time.monotonic()
    jobs.apply(rig.client, [jobs.job(jobs.name(each), jobs.at(due), namespace=jobs.WARM) for each in range(count)])
    rate = count / (time.monotonic() - began)
    wait_until(due)
    settled(rig.record, due)
    return rate


def drain(rig: Rig, options: argparse.Namespace, apply_rate: float) -> dict[str, Any]:
    """Apply, wait for the instant, wait until all is settled, and see that it was all."""
    count = options.fires
    began = time.monotonic()
    rig.record.ask("ANALYZE")  # as autovacuum does within a minute: without it, each Apply is slower than the last
    due = whole_second(
        host_time() + timedelta(seconds=count / min(apply_rate / 6, APPLIED)) + timedelta(seconds=options.settle)
    )
    jobs.apply(rig.client, [jobs.job(jobs.name(number), jobs.at(due)) for number in range(count)])
    applied = count / (time.monotonic() - began)
    if host_time() > due - timedelta(seconds=options.settle / 5):
        raise RuntimeError(f"applying was slower ({applied:.0f} a second) than the {apply_rate:.0f} a second before")
    wait_until(due - timedelta(seconds=1.5))
    before = rig.usage()
    with profiled(rig, options.profile, options.profile_to):
        wait_until(due)
        seen = settled(rig.record, due)
    after = rig.usage()
    rows = rig.record.rows(jobs.NAMESPACE, due, due + timedelta(milliseconds=1))
    end = rig.record.settled(jobs.NAMESPACE, due) or seen
    seconds = end - due.timestamp()
    return {
        "what": f"drain of {count} one-shot jobs, {_where(options)}",
        "rate": round(count / seconds, 1),
        "target": TARGETS[options.store],
        "seconds": round(seconds, 3),
        "lateness_ms": figures.percentiles([row.lateness for row in rows]),
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "applied_per_second": round(applied),
        "wrong": checks.wrong(rows, (checks.fire(jobs.name(n), due.timestamp()) for n in range(count))),
    }


def settled(record: Record, due: datetime, timeout: float = 600.0) -> float:
    """Wait until nothing that was due at an instant, or before, is left or open; returns when that was seen."""
    return until(lambda: not record.left_in(due + timedelta(milliseconds=1)), timeout, "all executions are final")


def _where(options: argparse.Namespace) -> str:
    return "SQLite, embedded" if options.store == "sqlite" else f"PostgreSQL, {options.executors} executors"
