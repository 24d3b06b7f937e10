"""Health, reflection and metrics of a node."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.request import urlopen

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.observation import CannotListen
from jobstore.opening import open_store
from jobstore.schema import upgrade
from scheduler.node import Node, NodeConfig
from tests.rig.ports import free_port


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    store = open_store("sqlite://")
    upgrade(store)
    config = NodeConfig(node_id="n", listen="127.0.0.1:0", metrics_listen=f"127.0.0.1:{free_port()}")
    made = Node(config, store, InProcessCoordinator(), SystemClock())
    await made.start()
    await made.led()
    yield made
    await made.stop()
    store.close()


async def get(node: Node, path: str) -> str:
    def ask() -> str:
        with urlopen(f"http://{node.metrics_address}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(ask)


async def test_it_is_alive_and_ready(node: Node) -> None:
    assert (await get(node, "/livez"), await get(node, "/readyz")) == ("ok\n", "ok\n")


async def test_metrics_tell_who_leads_and_at_which_epoch(node: Node) -> None:
    told = (await get(node, "/metrics")).splitlines()
    assert {"cronquorum_leader 1.0", "cronquorum_epoch 1.0", "cronquorum_terms_total 1.0"} <= set(told)


async def test_the_health_service_tells_of_each_service(node: Node) -> None:
    async with grpc.aio.insecure_channel(node.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for service in (
            "",
            "schedapi.v1.JobService",
            "schedapi.v1.ExecutionService",
            "schedapi.v1.CalendarService",
            "schedapi.v1.ClusterService",
        ):
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="schedapi.v1.JobService"))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        watch.cancel()


async def test_reflection_lists_the_services(node: Node) -> None:
    async with grpc.aio.insecure_channel(node.address) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        await call.done_writing()
        answer = await call.read()
        names = {service.name for service in answer.list_services_response.service}
    assert {
        "schedapi.v1.JobService",
        "schedapi.v1.CalendarService",
        "schedapi.v1.ExecutionService",
        "grpc.health.v1.Health",
    } <= names


async def test_a_metrics_port_in_use_is_said_and_nothing_stays_open(node: Node) -> None:
    store = open_store("sqlite://")
    await asyncio.to_thread(upgrade, store)
    config = NodeConfig(node_id="m", listen="127.0.0.1:0", metrics_listen=node.metrics_address)
    other = Node(config, store, InProcessCoordinator(), SystemClock())
    with pytest.raises(CannotListen, match=r"cannot listen on 127\.0\.0\.1:\d+: Address already in use"):
        await other.start()
    store.close()
