"""`python -m benchmarks.echo`: what gRPC's asyncio alone can answer, as the yardstick of runs through the API.

Answers each `JobService/Run` at once with a record of the usual size, until its stdin is closed: nothing is read from
it, decided, written or sent on. Prints where it listens. `bare` calls it as `benchmarks.calls` calls a cluster.
"""

import asyncio
import subprocess
import sys
from typing import Any

import grpc
import uvloop

from benchmarks.calls import call
from benchmarks.commands import ENVIRONMENT
from benchmarks.jobs import NAMESPACE
from cronquorum.clock import host_time
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.job_service_pb2 import RunJobRequest, RunJobResponse
from schedapi.v1.job_service_pb2_grpc import JobServiceServicer, add_JobServiceServicer_to_server
from scheduler import wire

_ID = "0" * 36


class Echo(JobServiceServicer):
    """Says of every run that it succeeded."""

    async def Run(self, request: RunJobRequest, context: Any) -> RunJobResponse:
        now = wire.stamp(host_time())
        return RunJobResponse(
            execution=Execution(
                id=_ID,
                origin="manual",
                namespace=request.namespace,
                job=request.name,
                job_uid=_ID,
                job_revision=1,
                scheduled_time=now,
                state="succeeded",
                executor_id="executor-1",
                incarnation="0" * 16,
                attempt=1,
                placement=1,
                epoch=1,
                recorded=now,
                dispatched=now,
                started=now,
                ended=now,
            )
        )


def bare(names: list[str], seconds: float) -> float:
    """How many calls a second a bare server answers, when there are so many at a time."""
    command = [sys.executable, "-m", "benchmarks.echo"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        called = call(address, NAMESPACE, names, seconds)
        server.communicate()  # closes its stdin
    return len(called) / seconds


async def serve() -> None:
    """Answer until stdin is closed."""
    server = grpc.aio.server()
    add_JobServiceServicer_to_server(Echo(), server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve())
