"""/metrics, /livez and /readyz of a process."""

import asyncio
import platform
import socket
from collections.abc import Callable

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, ProcessCollector, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cronquorum import __version__
from cronquorum.certificates import Certificates
from cronquorum.settings import split_host_port


class CannotListen(Exception):
    """An address cannot be listened on; the message is one line for the operator."""


def new_registry() -> CollectorRegistry:
    """A registry with what every process of ours tells: its version, memory, CPU time and open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    labels = ["version", "python_version"]
    info = Gauge("cronquorum_build_info", "1; its labels tell what runs here", labels, registry=registry)
    info.labels(__version__, platform.python_version()).set(1)
    return registry


def tell_of_certificate(certificates: Certificates, registry: CollectorRegistry) -> None:
    """Tell when the process's certificate ends, as its file says at each look."""
    ends = Gauge(
        "cronquorum_certificate_expiry_timestamp_seconds",
        "When the certificate ends, in seconds since 1970",
        registry=registry,
    )
    ends.set_function(lambda: certificates.current().ends.timestamp())


class Observation:
    """A small HTTP server for whoever watches the process, on its own event loop.

    Alive is whoever answers. `unready` says in a few words why the process cannot serve; empty when it can.
    """

    def __init__(self, listen: str, registry: CollectorRegistry, unready: Callable[[], str]) -> None:
        self._listen = listen
        self._registry = registry
        self._unready = unready
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.address = listen
        """Where it listens, with the real port when 0 was asked for."""

    async def start(self) -> None:
        """Listen; nothing when it does already. Raises `CannotListen`."""
        if self._server is not None:
            return
        host, port = split_host_port(self._listen)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()  # here, since of two that have bound an address only one can
        except OSError as error:
            listener.close()
            told = f"cannot listen on {self._listen}: {error.strerror} (set --metrics-listen)"
            raise CannotListen(told) from None
        self.address = self._listen.removesuffix(f":{port}") + f":{listener.getsockname()[1]}"
        app = Starlette(
            routes=[
                Route("/metrics", self._metrics),
                Route("/livez", self._livez),
                Route("/readyz", self._readyz),
            ]
        )
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        # `_serve`, not `serve`: that one would take the process's signals, which are the process's own
        self._task = asyncio.create_task(self._server._serve(sockets=[listener]), name="http")

    async def stop(self) -> None:
        """Stop listening. Idempotent."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
            self._server = None

    async def _metrics(self, request: Request) -> Response:
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    async def _livez(self, request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def _readyz(self, request: Request) -> Response:
        why = self._unready()
        return PlainTextResponse(f"{why}\n", 503) if why else PlainTextResponse("ok\n")
