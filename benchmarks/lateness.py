"""So many cron jobs, each on every full second: how late each fire begins.

`--spread`: interval triggers of one second instead, whose offsets spread the fires over it. Lateness is what the
record says; what the tasks themselves say of when they were called stands beside it. `open` is how many executions were
not final in the middle of each second of the window, or at its end when they are spread: it must not grow.
"""

import argparse
from datetime import timedelta
from typing import Any

from benchmarks import checks, figures, jobs
from benchmarks.drain import warm_up
from benchmarks.options import add_cluster_options, add_concurrency_option, at_least_one, shape
from benchmarks.rig import Rig
from benchmarks.tasks import STAMP
from benchmarks.usage import memory, spent
from benchmarks.waiting import until, wait_until, whole_second
from benchmarks.window import Window, measured
from cronquorum.clock import host_time
from schedapi.v1.job_pb2 import Interval, Job, Trigger

TARGETS = {(1000, False): (10, 30), (1000, True): (3, 15), (5000, False): (None, 120)}
"""Of p50 and p99 in ms, by jobs and whether they are spread."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=at_least_one, default=1000, metavar="N")
    parser.add_argument("--seconds", type=at_least_one, default=60, metavar="N")
    parser.add_argument("--spread", action="store_true")
    add_cluster_options(parser)
    add_concurrency_option(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    with Rig(shape(options)) as rig:
        return measure(rig, options)


def measure(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on a rig."""
    warm_up(rig, min(1000, options.jobs))
    rig.record.ask("ANALYZE")
    return lateness(rig, options)


def lateness(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """Apply the jobs, let them fire for so long, and read what became of it. They go on firing."""
    count, seconds, spread = options.jobs, options.seconds, options.spread
    jobs.apply(rig.client, [_job(number, options) for number in range(count)])
    begin = whole_second(host_time() + timedelta(seconds=options.settle / 2))
    window = Window(begin=begin, end=begin + timedelta(seconds=seconds))
    wait_until(begin - timedelta(seconds=0.5))
    before = rig.usage()
    opened = []
    for second in range(seconds):
        wait_until(begin + timedelta(seconds=second + (0.999 if spread else 0.5)))
        opened.append(rig.record.count_open(host_time()))
    wait_until(window.end - timedelta(seconds=0.5))
    after = rig.usage()
    until(lambda: not rig.record.left_in(window.end), 120, "all of the window is settled")
    rows = rig.record.rows(jobs.NAMESPACE, window.begin, window.end)
    p50, p99 = TARGETS.get((count, spread), (None, None))
    due = (checks.fire(jobs.name(n), at + _offset(n, count, spread)) for n in range(count) for at in window.seconds())
    return {
        "what": f"{count} {'fires a second, spread' if spread else 'cron jobs on each second'}, {seconds} s",
        **measured(rows, window),
        "target_ms": {"p50": p50, "p99": p99},
        "open": opened,
        "backlog_grows": grows(opened, count),
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "wrong": checks.wrong(rows, due),
    }


def grows(opened: list[int], count: int) -> bool:
    """Whether more was left open in the last quarter of the window than in the first, by half a second's fires."""
    quarter = max(1, len(opened) // 4)
    first, last = (figures.percentiles(part)["p50"] for part in (opened[:quarter], opened[-quarter:]))
    return last > first + count / 2


def _offset(number: int, count: int, spread: bool) -> float:
    """Seconds after the full second."""
    return number * 1000 // count / 1000 if spread else 0.0


def _job(number: int, options: argparse.Namespace) -> Job:
    count, spread = options.jobs, options.spread
    offset = f"{round(_offset(number, count, spread) * 1000)}ms"
    trigger = (
        Trigger(name="each-second", interval=Interval(every="1s", offset=offset))
        if spread
        else Trigger(name="each-second", cron="* * * * * ?")
    )
    return jobs.job(jobs.name(number), trigger, task=jobs.python(STAMP), concurrency=options.concurrency)
