"""`python -m scheduler`: one node of a cluster."""

import asyncio
import importlib
import signal
import socket
import sys
from collections.abc import Sequence

import uvloop
from jobstore.schema import check_schema

from cronquorum import logs
from cronquorum.clock import SystemClock
from cronquorum.coordination import CoordinationError
from cronquorum.coordination.zookeeper import ZooKeeperCoordinator
from cronquorum.settings import split_host_port
from jobstore.errors import StoreError
from jobstore.opening import open_store
from scheduler.config import LOOPBACK, NodeSettings
from scheduler.errors import SchedulerError
from scheduler.node import Node, NodeConfig

PROG = "scheduler"
DESCRIPTION = "A scheduler node: stands in line for leadership, fires triggers when it leads, serves the API."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a node until SIGTERM or SIGINT; returns the exit code."""
    settings = NodeSettings.load(sys.argv[1:] if argv is None else argv, prog=PROG, description=DESCRIPTION)
    logs.configure(settings.log_level)
    try:
        for plugin in settings.plugins:
            importlib.import_module(plugin)
        uvloop.run(_run(settings))
    except (StoreError, CoordinationError, SchedulerError, ImportError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: NodeSettings) -> None:
    log = logs.get_logger(PROG)
    host, port = split_host_port(settings.listen)
    if not host.startswith(LOOPBACK):
        log.warning("plain text on an address that is not loopback", listen=settings.listen)
    store = open_store(settings.store)
    clock = SystemClock()
    node = Node(
        NodeConfig(
            node_id=settings.node_id or f"{socket.gethostname()}-{port}",
            listen=settings.listen,
            advertise=settings.advertise,
            metrics_listen=settings.metrics_listen,
            session_timeout=settings.session_timeout,
            retention=settings.retention,
            policy=settings.policy,
        ),
        store,
        ZooKeeperCoordinator(settings.zookeeper, clock=clock, session_timeout=settings.session_timeout),
        clock,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await asyncio.to_thread(check_schema, store)
        await node.start()
        await stop.wait()
    finally:
        await node.stop()
        store.close()


if __name__ == "__main__":
    sys.exit(main())
