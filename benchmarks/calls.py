"""Many callers of `JobService/Run` at a time, each waiting until its execution is settled, on one event loop."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import uvloop

from cronquorum.certificates import Certificates, TlsFiles
from cronquorum.roles import Role
from cronquorum.transport import Transport
from schedapi.client import new_request_id
from schedapi.v1.job_service_pb2 import RunJobRequest, RunJobResponse

TIMEOUT = 60.0
_METHOD = "/schedapi.v1.JobService/Run"


@dataclass(frozen=True, kw_only=True, slots=True)
class Called:
    """One call: how long it took (ms), and the execution that it answered with."""

    took: float
    execution: str
    state: str


def call(
    address: str, namespace: str, names: Sequence[str], seconds: float, tls: TlsFiles | None = None
) -> list[Called]:
    """For so many seconds, run each of these jobs again and again, one call at a time for each."""
    certificates = None if tls is None else Certificates.open(tls, Role.CLIENT)
    return uvloop.run(_callers(address, namespace, names, seconds, Transport(certificates)))


async def _callers(
    address: str, namespace: str, names: Sequence[str], seconds: float, transport: Transport
) -> list[Called]:
    async with transport.channel(address, Role.SCHEDULER) as channel:
        run = channel.unary_unary(
            _METHOD,
            request_serializer=RunJobRequest.SerializeToString,
            response_deserializer=RunJobResponse.FromString,
        )
        end = time.monotonic() + seconds
        called: list[Called] = []

        async def caller(name: str) -> None:
            while time.monotonic() < end:
                request = RunJobRequest(request_id=new_request_id(), namespace=namespace, name=name, wait=True)
                began = time.perf_counter()
                answer = await run(request, timeout=TIMEOUT)
                took = (time.perf_counter() - began) * 1000
                called.append(Called(took=took, execution=answer.execution.id, state=answer.execution.state))

        await asyncio.gather(*map(caller, names))
        return called
