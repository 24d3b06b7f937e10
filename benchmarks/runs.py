"""Manual runs through the API: so many calls at a time, each waiting until its execution is settled.

With `--calls 1` it is one execution alone. The callers are in a process of their own, on the same cores. `bare` is how
many calls a second a gRPC server answers that does nothing: before and after, as many at a time.
"""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import figures, jobs
from benchmarks.calls import Called, call
from benchmarks.drain import warm_up
from benchmarks.echo import bare
from benchmarks.options import add_cluster_options, at_least_one, seconds, shape
from benchmarks.profile import profiled
from benchmarks.record import Row
from benchmarks.rig import STORES, Rig
from benchmarks.usage import memory, spent
from benchmarks.waiting import until
from cronquorum.clock import host_time

TARGET, TARGET_ALONE_MS = 3000, 10
WARM_UP = 1.0
"""Seconds of calls before the clock runs."""
BARE = 5
"""The part of the time that a bare server is called for, before and after."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--calls", type=at_least_one, default=64, metavar="N", help="at a time")
    parser.add_argument("--seconds", type=seconds, default=20, metavar="N")
    parser.add_argument("--store", choices=STORES, default="postgresql")
    add_cluster_options(parser)
    parser.add_argument("--profile", metavar="PROCESS", help="leader, executor or embedded: run py-spy on it")
    parser.add_argument("--profile-to", type=Path, default=Path("profile.txt"), metavar="FILE")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    with Rig(shape(options)) as rig:
        return measure(rig, options)


def measure(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on a rig."""
    warm_up(rig, min(1000, 10 * options.calls))
    # a job each, since two runs of one job at a time are what its concurrency policy forbids
    names = [jobs.name(number) for number in range(options.calls)]
    jobs.apply(rig.client, [jobs.job(name) for name in names])
    call(rig.address, jobs.NAMESPACE, names, WARM_UP, rig.tls)
    bares = [bare(names, options.seconds / BARE)]
    begin, before, began = host_time(), rig.usage(), time.monotonic()
    with profiled(rig, options.profile, options.profile_to):
        called = call(rig.address, jobs.NAMESPACE, names, options.seconds, rig.tls)
        seconds = time.monotonic() - began
    after = rig.usage()
    bares.append(bare(names, options.seconds / BARE))
    until(lambda: not rig.record.left_in(host_time()), 60, "nothing is open")
    rows = rig.record.rows(jobs.NAMESPACE, begin, host_time())
    target = {"target_ms": TARGET_ALONE_MS} if options.calls == 1 else {"target": TARGET}
    return {
        "what": f"runs through the API, {options.calls} at a time, each until settled",
        "rate": round(len(called) / seconds, 1),
        "took_ms": figures.percentiles([each.took for each in called]),
        **target,
        "bare": round(sum(bares) / len(bares), 1),
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "wrong": _wrong(called, rows),
    }


def _wrong(called: list[Called], rows: list[Row]) -> list[str]:
    """Each call has one record of its own that succeeded, and there are no others."""
    found = {f"calls answered with {each.state}" for each in called if each.state != "succeeded"}
    ids = Counter(each.execution for each in called)
    if len(ids) != len(called):
        found.add(f"{len(called) - len(ids)} calls answered with another one's execution")
    if len(rows) != len(called):
        found.add(f"{len(rows)} records of {len(called)} calls")
    if failed := sum(row.state != "succeeded" for row in rows):
        found.add(f"{failed} that did not succeed")
    return sorted(found)
