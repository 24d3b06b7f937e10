"""Alive, ready, serving: over HTTP and gRPC, of nodes and executors."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from executor.config import ExecutorConfig
from executor.errors import CannotListen
from executor.service import Executor
from jobstore.opening import open_store
from scheduler.node import Node, NodeConfig
from tests.cluster.cluster import Cluster
from tests.conftest import Spawn
from tests.metrics.conftest import Watched, get, get_beside
from tests.rig.postgres import PostgresServer
from tests.rig.waiting import eventually, eventually_async
from tests.rig.zookeeper import ZooKeeperServer

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def asked(address: str, service: str) -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        return int(answer.status)


def test_all_are_alive_and_ready_whoever_leads(watched: Watched) -> None:
    for id_ in watched.addresses:
        assert watched.get(id_, "/livez") == watched.get(id_, "/readyz") == (200, "ok\n")


async def test_an_executor_serves_by_grpc(watched: Watched) -> None:
    address = watched.cluster.executors["executor-1"].address
    for service in ("", "schedapi.v1.ExecutorService"):
        assert await asked(address, service) == SERVING


@pytest.fixture
async def executor() -> AsyncIterator[Executor]:
    coordinator = InProcessCoordinator()
    await coordinator.start()
    config = ExecutorConfig(listen="127.0.0.1:0", metrics_listen="127.0.0.1:0")
    made = Executor(config, SystemClock(), coordinator)
    await made.start()
    yield made
    made.hurry()
    await made.stop(0)
    await coordinator.close()


async def test_an_executor_that_drains_is_alive_and_not_ready(executor: Executor) -> None:
    assert await get_beside(executor.metrics_address, "/readyz") == (200, "ok\n")
    assert executor._attempts is not None
    executor._attempts.idle.clear()  # as if something ran
    stopping = asyncio.create_task(executor.stop(30))
    await eventually_async(lambda: executor.unready() == "this executor is draining")
    assert await get_beside(executor.metrics_address, "/readyz") == (503, "this executor is draining\n")
    assert await get_beside(executor.metrics_address, "/livez") == (200, "ok\n")
    assert await asked(executor.address, "") == NOT_SERVING
    executor._attempts.idle.set()
    await stopping


async def test_a_metrics_port_in_use_is_said(executor: Executor) -> None:
    coordinator = InProcessCoordinator()
    await coordinator.start()
    config = ExecutorConfig(listen="127.0.0.1:0", metrics_listen=executor.metrics_address)
    with pytest.raises(CannotListen, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use.*--metrics-l"):
        await Executor(config, SystemClock(), coordinator).start()
    await coordinator.close()


async def test_a_node_that_has_not_started_is_alive_and_not_ready() -> None:
    store = open_store("sqlite://")  # without a schema
    config = NodeConfig(node_id="n", listen="127.0.0.1:0", metrics_listen="127.0.0.1:0")
    node = Node(config, store, InProcessCoordinator(), SystemClock())
    await node.observe()
    assert await get_beside(node.metrics_address, "/livez") == (200, "ok\n")
    assert await get_beside(node.metrics_address, "/readyz") == (503, "this node is starting, or stopping\n")
    await node.stop()
    store.close()


def test_without_zookeeper_and_store_everything_stays_alive(spawn: Spawn, tmp_path: Path) -> None:
    with PostgresServer() as postgres, ZooKeeperServer() as zookeeper:
        cluster = Cluster(
            spawn=spawn, store=postgres.create_database("test"), zookeeper=zookeeper.hosts, folder=tmp_path
        )
        cluster.upgrade()
        watched = Watched(cluster=cluster)
        watched.started(cluster.start_node("node-1"))
        watched.started(cluster.start_executor("executor-1"))
        eventually(lambda: ready(watched, "node-1") and ready(watched, "executor-1"))
        postgres.stop()
        zookeeper.suspend()
        eventually(lambda: watched.get("node-1", "/readyz") == (503, "the job store does not answer\n"), 60)
        gone = (503, "this executor is not registered in ZooKeeper\n")
        eventually(lambda: watched.get("executor-1", "/readyz") == gone, 60)
        for id_ in watched.addresses:
            assert watched.get(id_, "/livez") == (200, "ok\n")
        assert watched.values("node-1")["cronquorum_store_up"] == 0
        postgres.start()
        zookeeper.resume()
        eventually(lambda: ready(watched, "node-1") and ready(watched, "executor-1"), 60)


def ready(watched: Watched, id_: str) -> bool:
    return watched.get(id_, "/readyz") == (200, "ok\n")


def test_a_process_that_stands_still_is_not_alive(watched: Watched) -> None:
    node = watched.cluster.nodes[watched.follower]
    node.process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError):
            get(watched.addresses[node.id], "/livez", timeout=1)
    finally:
        node.process.send_signal(signal.SIGCONT)
    assert watched.get(node.id, "/livez") == (200, "ok\n")
