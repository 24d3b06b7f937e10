"""The gRPC server of a node: its services, health, and reflection."""

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from cronquorum.observation import CannotListen
from cronquorum.settings import split_host_port
from cronquorum.transport import Transport
from schedapi.guard import Guard
from schedapi.v1 import calendar_service_pb2, cluster_service_pb2, execution_service_pb2, job_service_pb2
from schedapi.v1.calendar_service_pb2_grpc import add_CalendarServiceServicer_to_server
from schedapi.v1.cluster_service_pb2_grpc import add_ClusterServiceServicer_to_server
from schedapi.v1.execution_service_pb2_grpc import add_ExecutionServiceServicer_to_server
from schedapi.v1.job_service_pb2_grpc import add_JobServiceServicer_to_server
from scheduler.api.calendar_service import CalendarService
from scheduler.api.cluster_service import ClusterService
from scheduler.api.door import MESSAGE_LIMIT, REQUEST_LIMIT
from scheduler.api.execution_service import ExecutionService
from scheduler.api.job_service import JobService
from scheduler.api.reading import ReadRequests

MOST_CALLS = 5_000
"""Calls at once; more are refused, which is better than serving all of them too late."""

SERVICES = (
    job_service_pb2.DESCRIPTOR.services_by_name["JobService"].full_name,
    calendar_service_pb2.DESCRIPTOR.services_by_name["CalendarService"].full_name,
    execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"].full_name,
    cluster_service_pb2.DESCRIPTOR.services_by_name["ClusterService"].full_name,
)


class ApiServer:
    """Listens for clients and for other nodes."""

    def __init__(
        self,
        listen: str,
        jobs: JobService,
        calendars: CalendarService,
        executions: ExecutionService,
        cluster: ClusterService,
        transport: Transport,
    ) -> None:
        self._listen = listen
        self._transport = transport
        self._services = (jobs, calendars, executions, cluster)
        self._server: grpc.aio.Server | None = None
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # not in the stubs
        self.address = listen
        """Where it listens, with the real port when 0 was asked for."""

    async def start(self) -> None:
        """Listen. Raises `CannotListen`."""
        guards = () if self._transport.certificates is None else (Guard(),)
        server = grpc.aio.server(
            interceptors=(ReadRequests(), *guards),
            options=(
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", REQUEST_LIMIT),
                ("grpc.max_send_message_length", MESSAGE_LIMIT),
                ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ),
            maximum_concurrent_rpcs=MOST_CALLS,
        )
        jobs, calendars, executions, cluster = self._services
        add_JobServiceServicer_to_server(jobs, server)  # type: ignore[no-untyped-call]  # generated
        add_CalendarServiceServicer_to_server(calendars, server)  # type: ignore[no-untyped-call]  # generated
        add_ExecutionServiceServicer_to_server(executions, server)  # type: ignore[no-untyped-call]  # generated
        add_ClusterServiceServicer_to_server(cluster, server)  # type: ignore[no-untyped-call]  # generated
        add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        try:
            port = self._transport.listen(server, self._listen)
            if port == 0:
                raise RuntimeError("in use")
        except RuntimeError:
            told = f"cannot listen on {self._listen}: address already in use, or not of this machine"
            raise CannotListen(f"{told} (set --listen)") from None
        host, _ = split_host_port(self._listen)
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await server.start()
        self._server = server

    async def set_serving(self, serving: bool) -> None:
        """What the health service says of every service."""
        word = "SERVING" if serving else "NOT_SERVING"
        status = health_pb2.HealthCheckResponse.ServingStatus.Value(word)
        for name in ("", *SERVICES):
            await self._health.set(name, status)

    async def stop(self, grace: float) -> None:
        """Take no more calls, and give those under way so many seconds. Idempotent."""
        if self._server is not None:
            await self._health.enter_graceful_shutdown()
            await self._server.stop(grace)
            self._server = None
