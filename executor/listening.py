"""Where leaders dial this executor."""

import asyncio
import socket

import grpc
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from cronquorum.settings import split_host_port
from cronquorum.transport import Transport
from executor.config import ExecutorConfig, join_host_port
from executor.errors import CannotListen
from executor.health import Health
from schedapi.guard import Guard
from schedapi.v1.executor_service_pb2_grpc import (
    ExecutorServiceServicer,
    add_ExecutorServiceServicer_to_server,
)

MAX_MESSAGE = 16 * 1024 * 1024

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # leaders ping more often than gRPC's default of 5 minutes allows
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1_000),
    ("grpc.http2.max_ping_strikes", 0),
)


async def listen(
    address: str, service: ExecutorServiceServicer, health: Health, transport: Transport
) -> tuple[grpc.aio.Server, int]:
    """A server that is started, and its port. Raises `CannotListen`."""
    host, port = split_host_port(address)
    await _probe(address, host, port)
    server = grpc.aio.server(interceptors=() if transport.certificates is None else (Guard(),), options=_OPTIONS)
    add_ExecutorServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call]  # generated
    add_HealthServicer_to_server(health.servicer, server)
    try:
        bound = transport.listen(server, join_host_port(host, port))
    except RuntimeError:
        raise CannotListen(f"cannot listen on {address} (set --listen)") from None
    await server.start()
    return server, bound


def advertised(config: ExecutorConfig, bound: int) -> str:
    """What others are told, with the real port where 0 was asked for."""
    host, port = split_host_port(config.advertise or config.listen)
    return join_host_port(host, port or bound)


async def _probe(listen: str, host: str, port: int) -> None:
    """gRPC does not tell why it cannot bind; the operating system does."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise CannotListen(f"cannot listen on {listen}: {why} (set --listen)") from None
