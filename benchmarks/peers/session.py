"""Our drain, and those of other schedulers, one after another on one PostgreSQL server: each ratio is of one run.

They do less than ours: APScheduler and Quartz run the job in their own process and keep no record of it;
procrastinate keeps one, of its state alone.
"""

import argparse
from collections.abc import Callable
from typing import Any

from benchmarks.drain import drain, warm_up
from benchmarks.options import add_cluster_options, at_least_one, shape
from benchmarks.peers import NotAvailable, Task, apscheduler, procrastinate, quartz
from benchmarks.rig import Rig

PEERS: dict[str, Callable[[Task], dict[str, Any]]] = {
    "APScheduler": apscheduler.measure,
    "Quartz": quartz.measure,
    "procrastinate": procrastinate.measure,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(profile=None, profile_to=None)
    parser.add_argument("--fires", type=at_least_one, default=5000, metavar="N", help="of each peer")
    parser.add_argument("--own-fires", type=at_least_one, default=50_000, metavar="N", help="of Cronquorum")
    add_cluster_options(parser)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one session."""
    with Rig(shape(options)) as rig:
        peers: dict[str, dict[str, Any]] = {}
        ours = drain(rig, argparse.Namespace(**{**vars(options), "fires": options.own_fires}), warm_up(rig, 1000))
        rig.shut()
        for name, measure in PEERS.items():
            database = f"peer_{name.lower()}"
            rig.postgres.create_database(database)
            task = Task(fires=options.fires, host=rig.postgres.host, port=rig.postgres.port, database=database)
            try:
                found = measure(task)
            except NotAvailable as missing:
                peers[name] = {"not_available": str(missing), "command": missing.command}
            else:
                peers[name] = {**found, "times_as_fast": round(ours["rate"] / found["rate"], 1)}
    wrong = [f"{name}: {each}" for name, found in peers.items() for each in found.get("wrong", ())]
    what = f"drains of {options.own_fires} jobs, and of {options.fires} by each peer"
    return {"what": what, "rate": ours["rate"], "peers": peers, "wrong": [*ours["wrong"], *wrong]}
