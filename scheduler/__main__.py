"""`python -m scheduler`: one node of a cluster."""

import asyncio
import importlib
import signal
import socket
import sys
from collections.abc import Sequence

import uvloop

from cronquorum import garbage, logs, tracing
from cronquorum.certificates import CertificateError
from cronquorum.clock import SystemClock
from cronquorum.coordination import CoordinationError
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from cronquorum.names import shown
from cronquorum.observation import CannotListen
from cronquorum.roles import Role
from cronquorum.settings import split_host_port
from cronquorum.transport import Transport, open_transport
from jobstore.errors import StoreError
from jobstore.opening import open_store
from jobstore.schema import check_schema
from scheduler.config import NodeSettings
from scheduler.errors import BadPlugin, SchedulerError
from scheduler.node import Node, NodeConfig
from scheduler.schema_wait import schema_is_there

PROG = "scheduler"
DESCRIPTION = "A scheduler node: stands in line for leadership, fires triggers when it leads, serves the API."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a node until SIGTERM or SIGINT; returns the exit code."""
    settings = NodeSettings.load(sys.argv[1:] if argv is None else argv, prog=PROG, description=DESCRIPTION)
    logs.configure(settings.log_level)
    logs.listen()
    _, port = split_host_port(settings.listen)
    node_id = settings.node_id or f"{socket.gethostname()}-{port}"
    logs.bind(node=node_id)
    try:
        for plugin in settings.plugins:
            import_plugin(plugin)
        garbage.look_rarely()
        transport = open_transport(settings.tls.files, Role.SCHEDULER, insecure=settings.insecure)
        uvloop.run(_run(settings, node_id, transport))
    except (CertificateError, StoreError, CoordinationError, SchedulerError, CannotListen) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1
    return 0


def import_plugin(plugin: str) -> None:
    """Import a module of the user's, which registers strategies. Raises `BadPlugin`."""
    try:
        importlib.import_module(plugin)
    except Exception as error:  # a module may do anything at its import
        told = f"--plugins: cannot import {shown(plugin)}: {type(error).__name__}: {error}".splitlines()[0]
        raise BadPlugin(told) from error


async def _run(settings: NodeSettings, node_id: str, transport: Transport) -> None:
    store = open_store(settings.store)
    clock = SystemClock()
    traces = tracing.from_environment("cronquorum-scheduler", node_id)
    node = Node(
        NodeConfig(
            node_id=node_id,
            listen=settings.listen,
            advertise=settings.advertise,
            metrics_listen=settings.metrics_listen,
            session_timeout=settings.session_timeout,
            retention=settings.retention.rule,
            policy=settings.policy,
            transport=transport,
        ),
        store,
        ZooKeeperCoordinator(
            settings.zookeeper, clock=clock, access=settings.zookeeper_access, session_timeout=settings.session_timeout
        ),
        clock,
        tracing=traces,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await node.observe()  # whoever watches is answered, however long the rest takes
        if await schema_is_there(lambda: check_schema(store), settings.wait_for_schema, stop, clock):
            await node.start()
            await stop.wait()
    finally:
        await node.stop()
        store.close()
        if traces is not None:
            await asyncio.to_thread(traces.close)


if __name__ == "__main__":
    sys.exit(main())
