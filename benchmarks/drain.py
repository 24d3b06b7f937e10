"""So many one-shot jobs are due at one instant: how long until the last of them is settled.

The clock runs from the instant, not from the first start; recording ahead of it is the product's own. Before it, a
thousand other jobs have run, so that nothing is measured that happens once in the life of a process.
"""

import argparse
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks import checks, figures, jobs
from benchmarks.options import add_cluster_options, at_least_one, shape
from benchmarks.profile import profiled
from benchmarks.record import Record
from benchmarks.rig import STORES, Rig
from benchmarks.usage import memory, spent
from benchmarks.waiting import until, wait_until

WARM = 1000
TARGETS = {"postgresql": 15_000, "sqlite": 5_000}


APPLIED = 800
"""Jobs that are applied in a second, at the least, when the machine is not busy with something else."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_cluster_options(parser)
    parser.add_argument("--fires", type=at_least_one, default=50_000, metavar="N")
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
    names = [jobs.name(number) for number in range(count)]
    due, rate = jobs.apply_ahead(
        rig.client, lambda due: [jobs.job(name, jobs.at(due), namespace=jobs.WARM) for name in names], 0.5 + count / 250
    )
    wait_until(due)
    settled(rig.record, due)
    return rate


def drain(rig: Rig, options: argparse.Namespace, apply_rate: float) -> dict[str, Any]:
    """Apply, wait for the instant, wait until all is settled, and see that it was all."""
    names = [jobs.name(number) for number in range(options.fires)]
    rig.record.ask("ANALYZE")  # as autovacuum does within a minute: without it, each Apply is slower than the last
    due, applied = jobs.apply_ahead(
        rig.client,
        lambda due: [jobs.job(name, jobs.at(due)) for name in names],
        options.fires / min(apply_rate / 6, APPLIED) + options.settle,
        options.settle / 5,
    )
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
        "what": f"drain of {len(names)} one-shot jobs, {_where(options)}",
        "rate": round(len(names) / seconds, 1),
        "target": TARGETS[options.store],
        "seconds": round(seconds, 3),
        "lateness_ms": figures.percentiles([row.lateness for row in rows]),
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "applied_per_second": round(applied),
        "wrong": checks.wrong(rows, (checks.fire(name, due.timestamp()) for name in names)),
    }


def settled(record: Record, due: datetime, timeout: float = 600.0) -> float:
    """Wait until nothing that was due at an instant, or before, is left or open; returns when that was seen."""
    return until(lambda: not record.left_in(due + timedelta(milliseconds=1)), timeout, "all executions are final")


def _where(options: argparse.Namespace) -> str:
    return "SQLite, embedded" if options.store == "sqlite" else f"PostgreSQL, {options.executors} executors"
