"""`schedctl cluster` and `schedctl executor`: who is there, and what is due."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from schedctl.asking import Yes, ask
from schedctl.command import Session, command
from schedctl.printing import Output, columns, emit, facts, moment, printable

if TYPE_CHECKING:
    from schedapi.v1.cluster_service_pb2 import ClusterStatus, Executor


def register(app: typer.Typer) -> None:
    cluster = typer.Typer(no_args_is_help=True, help="The cluster as a whole.", rich_markup_mode=None)
    command(cluster, "status")(status)
    command(cluster, "release")(release)
    app.add_typer(cluster, name="cluster")
    executors = typer.Typer(no_args_is_help=True, help="The processes that run tasks.", rich_markup_mode=None)
    command(executors, "list")(list_executors)
    app.add_typer(executors, name="executor")


def status(session: Session) -> None:
    """Show nodes, leader and epoch, executors and their free slots, and what is due."""
    from schedapi.manifest import plain
    from schedapi.v1 import cluster_service_pb2

    request = cluster_service_pb2.StatusRequest()
    found = session.client.unary("ClusterService/Status", request, cluster_service_pb2.ClusterStatus)
    if session.output is Output.TABLE:
        _print_status(found)
    else:
        emit(plain(found), session.output)


def _print_status(found: ClusterStatus) -> None:
    slots = sum(each.slots for each in found.executors)
    free = sum(each.free_slots for each in found.executors)
    waiting = ", ".join(f"{found.open[state]} {state}" for state in sorted(found.open) if found.open[state])
    held = [("Held", found.held.reason), ("Would run", _would_run(found))] if found.HasField("held") else []
    facts(
        [
            ("Leader", found.leader.node_id if found.HasField("leader") else "none now"),
            ("Epoch", str(found.epoch)),
            *held,
            ("Time", moment(found.time)),
            ("Slots", f"{free} of {slots} free"),
            ("Executions", waiting or "none open"),
        ]
    )
    print()
    nodes = [
        (
            each.node_id,
            "leader" if each.node_id == found.leader.node_id else "standby",
            each.address,
            each.version,
        )
        for each in found.nodes
    ]
    columns(("NODE", "ROLE", "ADDRESS", "VERSION"), nodes)
    print()
    _print_executors(found.executors)
    print()
    due = [(moment(each.scheduled_time), f"{each.namespace}/{each.job}", each.trigger) for each in found.due]
    columns(("DUE", "JOB", "TRIGGER"), due)


def _would_run(found: ClusterStatus) -> str:
    """What a release brings about, in words."""
    placed = sum(found.open[state] for state in ("dispatched", "running"))
    waiting = sum(found.open[state] for state in ("pending", "retrying"))
    told = [
        f"{found.held.overdue_triggers} overdue triggers with at least {found.held.overdue_times} due times"
        " (their misfire policies decide)",
        f"{waiting} executions that wait",
        f"{placed} that were sent (asked for at their executors, and sent again if not received)",
    ]
    return "; ".join(told)


def release(session: Session, yes: Yes = False) -> None:
    """Let a held cluster go on: the store went back to an earlier time, and you have seen to it."""
    from schedapi.manifest import plain
    from schedapi.v1 import cluster_service_pb2

    if not yes and sys.stdin.isatty():
        found = session.client.unary(
            "ClusterService/Status", cluster_service_pb2.StatusRequest(), cluster_service_pb2.ClusterStatus
        )
        if found.HasField("held"):
            print(f"held: {printable(found.held.reason)}\nwould run: {_would_run(found)}", file=sys.stderr)
    ask("Release the cluster?", yes, command="release", refused="not released")
    request = cluster_service_pb2.ReleaseRequest()
    response = session.client.unary("ClusterService/Release", request, cluster_service_pb2.ReleaseResponse)
    if session.output is Output.TABLE:
        print("cluster released")
    else:
        emit(plain(response), session.output)


def list_executors(session: Session) -> None:
    """List executors with their slots, kinds of tasks, and labels."""
    from schedapi.manifest import plain
    from schedapi.v1 import cluster_service_pb2

    request = cluster_service_pb2.ExecutorsRequest()
    found = session.client.unary("ClusterService/Executors", request, cluster_service_pb2.ExecutorsResponse)
    if session.output is Output.TABLE:
        _print_executors(found.executors)
    else:
        emit({"items": [plain(each) for each in found.executors]}, session.output)


def _print_executors(executors: Iterable[Executor]) -> None:
    header = ("EXECUTOR", "STATE", "FREE", "SLOTS", "KINDS", "LABELS", "ADDRESS", "VERSION")
    rows = [
        (
            each.executor_id,
            each.state,
            str(each.free_slots),
            str(each.slots),
            ",".join(each.kinds),
            ",".join(f"{key}={each.labels[key]}" for key in sorted(each.labels)),
            each.address,
            each.version,
        )
        for each in executors
    ]
    columns(header, rows)
