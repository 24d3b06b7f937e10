"""Shell tasks that do nothing (`true`), drained like Python tasks, beside a bare asyncio loop that spawns the same.

Both take turns in one run, so that they have the same machine; each figure is a median. The bare loop has as many
children at a time as is best for it.
"""

import argparse
import sys
from statistics import median
from typing import Any

from benchmarks import bare, checks, jobs
from benchmarks.commands import run as run_command
from benchmarks.drain import APPLIED, settled, warm_up
from benchmarks.options import add_cluster_options, at_least_one, shape
from benchmarks.rig import Rig
from benchmarks.usage import memory, spent
from benchmarks.waiting import wait_until
from schedapi.v1.job_pb2 import ShellTask, Task

TARGET = 0.7
LIMITS = (8, 64)
"""Children of the bare loop at a time."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--fires", type=at_least_one, default=6000, metavar="N", help="in each round")
    parser.add_argument("--rounds", type=at_least_one, default=3, metavar="N")
    add_cluster_options(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    with Rig(shape(options)) as rig:
        return measure(rig, options)


def measure(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on a rig."""
    ours: list[float] = []
    others: dict[int, list[float]] = {limit: [] for limit in LIMITS}
    wrong: list[str] = []
    warm_up(rig, min(1000, options.fires))
    rig.record.ask("ANALYZE")
    before = rig.usage()
    for number in range(options.rounds):
        for limit, rates in others.items():
            command = [sys.executable, "-m", "benchmarks.bare", str(options.fires), str(limit)]
            rates.append(float(run_command(command)))
        rate, problems = _drain(rig, options, f"round-{number}")
        ours.append(rate)
        wrong += problems
    after = rig.usage()
    rate, best = median(ours), max(median(rates) for rates in others.values())
    return {
        "what": f"shell tasks (true), {options.fires} at once, {options.rounds} rounds",
        "rate": round(rate, 1),
        "bare": {f"{limit} at a time": round(median(rates), 1) for limit, rates in others.items()},
        "ratio": round(rate / best, 3),
        "target_ratio": TARGET,
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "wrong": wrong,
    }


def _drain(rig: Rig, options: argparse.Namespace, namespace: str) -> tuple[float, list[str]]:
    count, task = options.fires, Task(shell=ShellTask(argv=bare.ARGV))
    names = [jobs.name(number) for number in range(count)]
    due, _ = jobs.apply_ahead(
        rig.client,
        lambda due: [jobs.job(name, jobs.at(due), task=task, namespace=namespace) for name in names],
        options.settle + count / APPLIED,
        options.settle / 5,
    )
    wait_until(due)
    seen = settled(rig.record, due)
    end = rig.record.settled(namespace, due) or seen
    rows = rig.record.rows(namespace)
    return count / (end - due.timestamp()), checks.wrong(rows, (checks.fire(n, due.timestamp()) for n in names))
