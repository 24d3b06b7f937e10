"""So many cron jobs on the same second, once in a period: how late the last of them begins."""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import checks, figures, jobs
from benchmarks.drain import warm_up
from benchmarks.options import add_cluster_options, add_concurrency_option, at_least_one, divisor_of, shape
from benchmarks.record import Row
from benchmarks.rig import Rig
from benchmarks.tasks import STAMP
from benchmarks.usage import memory, spent
from benchmarks.waiting import until, wait_until
from benchmarks.window import Window, measured
from cronquorum.clock import host_time
from schedapi.v1.job_pb2 import Trigger

TARGET_MS = 500


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=at_least_one, default=10_000, metavar="N")
    parser.add_argument("--rounds", type=at_least_one, default=5, metavar="N", help="how often they fire")
    parser.add_argument(
        "--period", type=divisor_of(60), default=60, metavar="SECONDS", help="between two rounds; divides 60"
    )
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
    trigger = Trigger(name="herd", cron=f"0/{options.period} * * * * ?" if options.period < 60 else "0 * * * * ?")
    names = [jobs.name(number) for number in range(options.jobs)]
    task, policy = jobs.python(STAMP), options.concurrency
    jobs.apply(rig.client, [jobs.job(name, trigger, task=task, concurrency=policy) for name in names])
    return herd(rig, names, options)


def herd(rig: Rig, names: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Wait until they have all fired so often, and read what became of it."""
    rounds, period = options.rounds, options.period
    begin = _next(host_time() + timedelta(seconds=options.settle / 2), period)
    window = Window(begin=begin, end=begin + timedelta(seconds=period * (rounds - 1) + 1))
    wait_until(begin - timedelta(seconds=1.5))
    before = rig.usage()
    wait_until(window.end)
    until(lambda: not rig.record.left_in(window.end), 300, "all rounds are settled")
    after = rig.usage()
    rows = rig.record.rows(jobs.NAMESPACE, window.begin, window.end)
    due = [begin + timedelta(seconds=period * number) for number in range(rounds)]
    return {
        "what": f"herd of {len(names)} jobs on one second, {rounds} times",
        **measured(rows, window),
        "target_ms": {"last": TARGET_MS},
        "rounds": [_round(rows, instant) for instant in due],
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "wrong": checks.wrong(rows, (checks.fire(name, instant.timestamp()) for name in names for instant in due)),
    }


def _round(rows: list[Row], due: datetime) -> dict[str, float]:
    mine = [row for row in rows if row.scheduled == due.timestamp()]
    ended = max((row.ended or 0.0 for row in mine), default=0.0)
    lateness = figures.percentiles([row.lateness for row in mine])
    told = [(row.word - row.scheduled) * 1000 for row in mine if isinstance(row.word, float)]
    return {
        "p50_ms": lateness.get("p50", 0.0),
        "last_ms": lateness.get("max", 0.0),
        "last_told_by_tasks_ms": round(max(told, default=0.0), 2),
        "all_ended_s": round(ended - due.timestamp(), 3),
    }


def _next(instant: datetime, period: int) -> datetime:
    seconds = instant.timestamp()
    return datetime.fromtimestamp(seconds + period - seconds % period, UTC).replace(microsecond=0)
