"""The gRPC health service of an executor."""

from grpc_health.v1 import health, health_pb2

from schedapi.v1 import executor_service_pb2

SERVICES = ("", executor_service_pb2.DESCRIPTOR.services_by_name["ExecutorService"].full_name)
_STATUS = health_pb2.HealthCheckResponse.ServingStatus


class Health:
    """Not serving until told otherwise."""

    def __init__(self) -> None:
        self.servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # not in the stubs

    async def tell(self, serving: bool) -> None:
        """What it says from now on."""
        for service in SERVICES:
            await self.servicer.set(service, _STATUS.Value("SERVING" if serving else "NOT_SERVING"))
