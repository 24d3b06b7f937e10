"""A great many triggers, of which few are due at a time: the leader's memory, lateness, and how soon a new leader is
at work.

Each is an interval trigger of so many seconds with an offset of its own, so that the fires are evenly spread. A second
node stands by; the leader is killed, and the first dispatch of the new one is held against the commit of its epoch.
"""

import argparse
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import checks, jobs
from benchmarks.drain import warm_up
from benchmarks.options import add_cluster_options, at_least_one, divisor_of, shape
from benchmarks.record import Record
from benchmarks.rig import NODE, Rig
from benchmarks.seeding import ID, copies
from benchmarks.tasks import STAMP
from benchmarks.usage import memory, spent, usage
from benchmarks.waiting import until, wait_until, whole_second
from benchmarks.window import Window, measured
from cronquorum.clock import host_time
from schedapi.v1.job_pb2 import Interval, Trigger

TARGETS = {"leader_mb": 400, "p99_ms": 15, "epoch_to_dispatch_s": 1}
TEMPLATE, STANDBY = "template", "node-2"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--triggers", type=at_least_one, default=1_000_000, metavar="N")
    parser.add_argument("--rate", type=divisor_of(1000), default=100, metavar="N", help="due in a second; divides 1000")
    parser.add_argument("--seconds", type=at_least_one, default=60, metavar="N")
    add_cluster_options(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    with Rig(shape(options)) as rig:
        return measure(rig, options)


def measure(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on a rig."""
    warm_up(rig, 100)
    seed(rig, options.triggers, options.rate)
    rig.shut()
    rig.open(rig.store)  # a leader that has found them, and has never done anything else
    begin = whole_second(host_time() + timedelta(seconds=options.settle))
    wait_until(begin)
    before = rig.usage()
    wait_until(begin + timedelta(seconds=options.seconds))
    after = rig.usage()
    leader = usage([rig.pid(NODE)])
    took_over = _take_over(rig)
    window = Window(begin=begin, end=whole_second(host_time() + timedelta(seconds=1)))
    wait_until(window.end)
    until(lambda: not rig.record.left_in(window.end), 120, "all of the window is settled")
    rows = rig.record.rows(jobs.NAMESPACE, window.begin, window.end)
    quiet = Window(begin=begin, end=begin + timedelta(seconds=options.seconds))
    return {
        "what": f"{options.triggers} triggers, {options.rate} due a second, {options.seconds} s",
        **measured([row for row in rows if row.scheduled < quiet.end.timestamp()], quiet),
        "leader_mb": round(leader.memory),
        "leader_peak_mb": round(leader.peak),
        **took_over,
        "targets": TARGETS,
        "cpu_s": spent(before, after),
        "memory": memory(after),
        "wrong": checks.wrong(rows, _due(window, options.triggers, options.rate)),
    }


def seed(rig: Rig, count: int, rate: int) -> None:
    """Copies of one applied job: its job, its revision and its trigger."""
    every = timedelta(seconds=count // rate)
    trigger = Trigger(name="main", interval=Interval(every=f"{count // rate}s", offset="0ms"))
    # two fires of one trigger never meet, but in short forms, while there is no leader
    jobs.apply(rig.client, [jobs.job(TEMPLATE, trigger, task=jobs.python(STAMP), concurrency="allow")])
    name, uid = f"'{jobs.name(0)[:-7]}' || lpad(n::text, 7, '0')", ID.format("'job'")
    step = 1000 // rate
    offset = f"""jsonb_set(spec::jsonb, '{{triggers,0,interval,offset}}', to_jsonb((n * {step}) || 'ms'))::json"""
    template = f"uid = (SELECT uid FROM jobs WHERE name = '{TEMPLATE}')"
    copies(rig.record, "job_revisions", f"job_{template}", count, {"job_uid": uid, "name": name, "spec": offset})
    copies(
        rig.record,
        "triggers",
        f"job_{template}",
        count,
        {"uid": ID.format("'trigger'"), "job_uid": uid, "next_fire": _next_fire(every, step)},
    )
    copies(rig.record, "jobs", template, count, {"uid": uid, "name": name})
    for table, key in (("triggers", "job_uid"), ("job_revisions", "job_uid"), ("jobs", "uid")):
        rig.record.ask(f"DELETE FROM {table} WHERE {key} = (SELECT uid FROM jobs WHERE name = '{TEMPLATE}')")
    rig.record.ask("VACUUM ANALYZE")


def _next_fire(every: timedelta, step: int) -> str:
    """The first multiple of the interval, plus the offset, that is not over in two seconds."""
    seconds, offset = every.total_seconds(), f"n * {step} / 1000.0"
    begin = (host_time() + timedelta(seconds=2)).timestamp()
    return f"to_timestamp(ceil(({begin} - {offset}) / {seconds}) * {seconds} + {offset})"


def _due(window: Window, count: int, rate: int) -> list[checks.Fire]:
    step = 1000 // rate
    begin, end = (round(instant.timestamp() * 1000) for instant in (window.begin, window.end))
    return [(jobs.name(at // step % count), at) for at in range(begin, end, step)]


def _take_over(rig: Rig) -> dict[str, Any]:
    """Kill the leader while another node stands by, and wait until that one has dispatched something."""
    rig.start_node(STANDBY)
    until(lambda: STANDBY in rig.nodes(), 60, "a second node stands by")
    epoch = _epoch(rig.record)
    killed = host_time()
    rig.kill(NODE)
    question = "SELECT min(dispatched) FROM executions WHERE epoch > ?"
    until(lambda: rig.record.ask(question, epoch)[0][0] is not None, 60, "the new leader dispatched something")
    rig.connect(STANDBY)
    [(began,)] = rig.record.ask("SELECT pg_xact_commit_timestamp(xmin) FROM terms")
    [(dispatched,)] = rig.record.ask(question, epoch)
    return {
        "killed_to_epoch_s": _seconds(killed, began),
        "epoch_to_dispatch_s": _seconds(began, dispatched),
        "new_leader_mb": round(usage([rig.pid(STANDBY)]).memory),
    }


def _epoch(record: Record) -> int:
    return int(record.ask("SELECT epoch FROM terms")[0][0])


def _seconds(earlier: datetime, later: datetime) -> float:
    return round((later.astimezone(UTC) - earlier.astimezone(UTC)).total_seconds(), 3)
