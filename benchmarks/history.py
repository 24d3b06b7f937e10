"""Ten million finished executions in the store: whether anything is slower for them than in an empty one.

Drains and cron jobs take turns on the two stores, which are databases of one server, so that they have the same
machine; what is compared are medians. Afterwards the history of one day is to be forgotten while jobs fire: how late
they are shows whether that blocks anything.
"""

import argparse
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from benchmarks.drain import drain, warm_up
from benchmarks.lateness import lateness
from benchmarks.options import add_cluster_options, add_concurrency_option, at_least_one, shape
from benchmarks.record import PostgresRecord, Record
from benchmarks.rig import Rig
from benchmarks.seeding import copies
from benchmarks.usage import memory
from cronquorum.clock import host_time

TARGET = 0.1
"""The part by which a full store may be slower."""
DAYS = 28
"""Over which the history is spread; it begins a day before today."""
JOBS = 10_000
"""That it is of."""
EMPTY, FULL = "empty", "full"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=at_least_one, default=10_000_000, metavar="N")
    parser.add_argument("--rounds", type=at_least_one, default=3, metavar="N")
    parser.add_argument("--fires", type=at_least_one, default=20_000, metavar="N", help="of each drain")
    parser.add_argument("--jobs", type=at_least_one, default=1000, metavar="N", help="that fire on each second")
    parser.add_argument("--seconds", type=at_least_one, default=20, metavar="N")
    # a node looks every 30 s for what to forget
    parser.add_argument(
        "--retention-seconds", type=at_least_one, default=240, metavar="N", help="for which that is watched"
    )
    parser.set_defaults(spread=False, profile=None, profile_to=None)
    add_cluster_options(parser)
    add_concurrency_option(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run."""
    with Rig(shape(options)) as rig:
        return measure(rig, options)


def measure(rig: Rig, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one run on a rig."""
    drains: dict[str, list[dict[str, Any]]] = {EMPTY: [], FULL: []}
    fires: dict[str, list[dict[str, Any]]] = {EMPTY: [], FULL: []}
    stores = {EMPTY: rig.store, FULL: _filled(rig, options.rows)}
    for number in range(options.rounds):
        # each side is the first of a round in turn
        for side, store in sorted(stores.items(), reverse=number % 2 == 1):
            _reopen(rig, store, emptied=side == EMPTY)
            rate = warm_up(rig, min(1000, options.fires))
            drains[side].append(drain(rig, options, rate))
            fires[side].append(lateness(rig, options))
    removal = _retention(rig, stores[FULL], options)
    used = memory(rig.usage())
    return {
        "what": f"{options.rows} finished executions, {options.rounds} rounds",
        "rate": _medians(drains, lambda found: found["rate"]),
        "p50_ms": _medians(fires, lambda found: found["lateness_ms"]["p50"]),
        "p99_ms": _medians(fires, lambda found: found["lateness_ms"]["p99"]),
        "target": TARGET,
        "retention": removal,
        "memory": used,
        "wrong": [
            finding
            for found in (*drains[EMPTY], *drains[FULL], *fires[EMPTY], *fires[FULL], removal)
            for finding in found["wrong"]
        ],
    }


def _filled(rig: Rig, rows: int) -> str:
    """Another store, with copies of one execution that went well, evenly over `DAYS`; nothing runs then."""
    warm_up(rig, 1)
    rig.shut()
    store = rig.postgres.create_database(FULL, template=rig.store.rpartition("/")[2])
    with PostgresRecord(store) as record:
        newest = (host_time() - timedelta(days=1)).timestamp()
        scheduled = f"to_timestamp({newest} - 86400.0 * {DAYS} * (1 - n / {rows}::float8))"
        times = dict.fromkeys(("recorded", "dispatched", "started", "ended"), scheduled)
        # as a fire's id is: 48 bits of milliseconds, version 8, and a hash
        ms = f"lpad(to_hex((extract(epoch FROM {scheduled}) * 1000)::bigint), 12, '0')"
        own = {
            **times,
            "scheduled_time": scheduled,
            "namespace": "'history'",
            "job": f"'job-' || (n % {JOBS})",
            "job_uid": f"md5('job' || n % {JOBS})::uuid",
            "trigger_uid": f"md5('trigger' || n % {JOBS})::uuid",
            "id": f"({ms} || '8' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid",
        }
        copies(record, "executions", "id = (SELECT id FROM executions WHERE state = 'succeeded' LIMIT 1)", rows, own)
        record.ask("VACUUM ANALYZE")
        record.ask("CHECKPOINT")
    return store


def _reopen(rig: Rig, store: str, *node_flags: str, emptied: bool = False) -> None:
    """Start anew on a store, without the jobs of the last time."""
    rig.shut()
    with PostgresRecord(store) as record:
        for table in ("triggers", "jobs", "job_revisions", "answers"):
            record.ask(f"TRUNCATE {table}")
        if emptied:
            record.ask("TRUNCATE executions")
    rig.open(store, *node_flags)


def _retention(rig: Rig, store: str, options: argparse.Namespace) -> dict[str, Any]:
    """Have the oldest day forgotten, while jobs fire."""
    _reopen(rig, store, "--retention", f"{DAYS}d")
    warm_up(rig, 1)
    expired = host_time() - timedelta(days=DAYS)
    before = _old(rig.record, expired)
    began = time.monotonic()
    found = lateness(rig, argparse.Namespace(**{**vars(options), "seconds": options.retention_seconds}))
    left, seconds = _old(rig.record, expired), time.monotonic() - began
    return {
        "day": options.rows // DAYS,
        "removed": before - left,
        "left": left,
        "seconds": round(seconds),
        "lateness_ms": found["lateness_ms"],
        "p99_over_time_ms": found["p99_over_time_ms"],
        "wrong": found["wrong"],
    }


def _old(record: Record, than: datetime) -> int:
    """How many executions ended before then."""
    return int(record.ask("SELECT count(*) FROM executions WHERE final AND ended < ?", record.instant(than))[0][0])


def _medians(found: dict[str, list[dict[str, Any]]], figure: Callable[[dict[str, Any]], float]) -> dict[str, float]:
    """Of each side, and what the full one's is to the empty one's."""
    sides = {side: median(map(figure, each)) for side, each in found.items()}
    return {**{side: round(value, 2) for side, value in sides.items()}, "ratio": round(sides[FULL] / sides[EMPTY], 3)}
