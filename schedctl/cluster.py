"""`schedctl cluster` and `schedctl executor`: who is there, and what is due."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from schedctl.command import Session, command
from schedctl.printing import Output, columns, emit, facts, moment

if TYPE_CHECKING:
    from schedapi.v1.cluster_service_pb2 import ClusterStatus, Executor


def register(app: typer.Typer) -> None:
    cluster = typer.Typer(no_args_is_help=True, help="The cluster as a whole.", rich_markup_mode=None)
    command(cluster, "status")(status)
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
    facts(
        [
            ("Leader", found.leader.node_id if found.HasField("leader") else "none now"),
            ("Epoch", str(found.epoch)),
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
