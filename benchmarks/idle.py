"""A cluster with nothing to do but to be ready: many jobs, all of them due tomorrow. What each process costs."""

import argparse
from datetime import timedelta
from typing import Any

from benchmarks import jobs
from benchmarks.drain import warm_up
from benchmarks.options import add_cluster_options, at_least_one, shape
from benchmarks.rig import Rig
from benchmarks.usage import memory, spent
from benchmarks.waiting import pause
from cronquorum.clock import host_time
from schedapi.v1.job_pb2 import Trigger

TARGET_PERCENT = 1.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=at_least_one, default=10_000, metavar="N")
    parser.add_argument("--seconds", type=at_least_one, default=60, metavar="N")
    add_cluster_options(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    with Rig(shape(options)) as rig:
        return measure(rig, options)


def measure(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on a rig."""
    warm_up(rig, min(1000, options.jobs))
    rig.record.ask("ANALYZE")
    tomorrow = host_time() + timedelta(hours=20)
    trigger = Trigger(name="daily", cron=f"0 {tomorrow.minute} {tomorrow.hour} * * ?")
    jobs.apply(rig.client, [jobs.job(jobs.name(number), trigger) for number in range(options.jobs)])
    pause(options.settle)
    began, each, before = host_time(), rig.usage_of_each(), rig.usage()
    pause(options.seconds)
    later, after = rig.usage_of_each(), rig.usage()
    ran = rig.record.rows(jobs.NAMESPACE, began, tomorrow)
    percent = {name: round(100 * cpu / options.seconds, 2) for name, cpu in spent(each, later).items()}
    ours = {name: value for name, value in percent.items() if name not in ("zookeeper", "postgres")}
    return {
        "what": f"idle with {options.jobs} jobs due tomorrow, {options.seconds} s",
        "cpu_percent": percent,
        "most_percent": max(ours.values()),
        "target_percent": TARGET_PERCENT,
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "wrong": [f"{len(ran)} executions that were not due"] if ran else [],
    }
