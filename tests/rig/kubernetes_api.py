"""A small API server of Kubernetes: the real wire protocol of what our executors call.

Jobs, pods and logs: create, get, list, watch (with versions that expire, and bookmarks), delete (foreground and
background, with preconditions), patch; Status objects, bearer tokens, label selectors, JSON in chunks.
"""

import asyncio
import contextlib
import copy
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import kubernetes_validate
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cronquorum.clock import SystemClock
from tests.rig.certificates import Certificate
from tests.rig.kubernetes_cluster import GRACE, Container, KubernetesCluster, Object

P = ParamSpec("P")
T = TypeVar("T")

TOKEN = "token-of-the-tests"
VERSION = "1.33.0"
"""What new objects are checked against."""
WATCH_SECONDS = 60.0
"""No watch lasts longer."""
_CLOCK = SystemClock()


@dataclass
class Fault:
    """What happens to calls of one kind, so many times."""

    verb: str
    resource: str
    status: int
    times: int
    message: str
    reason: str


class KubernetesApi:
    """Listens at 127.0.0.1:`port`, with TLS if there is a certificate, in a thread of its own. What is public may be
    called from any other thread."""

    def __init__(self, certificate: Certificate | None = None) -> None:
        self.calls: list[tuple[str, str]] = []
        """Verb and resource of each call that was let in, as RBAC has them."""
        self.created: list[Object] = []
        """The Jobs as they were sent."""
        self._cluster = KubernetesCluster()
        self._faults: list[Fault] = []
        self._watches = 0
        self._loop = asyncio.new_event_loop()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(100)  # who comes before the server does waits
        self.port = int(self._socket.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app(),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=5,
                ssl_certfile=certificate.cert if certificate is not None else None,
                ssl_keyfile=certificate.key if certificate is not None else None,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="kubernetes-api", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._thread.join()
        self._socket.close()

    def kubeconfig(self, path: Path, *, port: int | None = None, namespace: str = "jobs", token: str = TOKEN) -> Path:
        """Write one for a client of ours; `port` is a proxy's."""
        cluster = {"server": f"http://127.0.0.1:{port or self.port}"}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "rig", "cluster": cluster}],
            "users": [{"name": "executor", "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "rig", "user": "executor", "namespace": namespace}}],
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def fail(
        self,
        verb: str,
        resource: str,
        status: int = 500,
        *,
        times: int = 1,
        message: str = "told to fail",
        reason: str = "InternalError",
    ) -> None:
        """Answer the next so many calls of a kind with an error."""
        self._faults.append(
            Fault(verb=verb, resource=resource, status=status, times=times, message=message, reason=reason)
        )

    def heal(self) -> None:
        """Fail no more."""
        self._faults.clear()

    @property
    def overlaps(self) -> list[str]:
        """Executions that had two pods with processes at a time."""
        return self._cluster.overlaps

    def jobs(self) -> list[Object]:
        """All Jobs there are."""
        return self._do(self._cluster.all, "jobs")

    def pods(self) -> list[Object]:
        """All pods there are."""
        return self._do(self._cluster.all, "pods")

    def processes(self) -> int:
        """How many containers run."""
        return self._do(self._cluster.processes)

    def delete_pod(self, name: str, namespace: str = "jobs") -> None:
        """As an operator does."""
        self._do(self._cluster.delete_pod, namespace, name)

    def evict(self, name: str, namespace: str = "jobs") -> None:
        """As a machine that runs out of disk does."""
        self._do(self._cluster.evict, namespace, name)

    def delete_job(self, name: str, namespace: str = "jobs") -> None:
        """As `kubectl delete job` does: the pods follow."""
        self._do(self._cluster.delete_job, namespace, name, "Background")

    def add_job(self, body: Object, namespace: str = "jobs") -> None:
        """Somebody else's, that never runs."""
        self._do(self._cluster.add, "jobs", namespace, body)

    def hurry(self, seconds: int) -> None:
        """Give all Jobs that deadline, counted from their start."""
        for job in self.jobs():
            spec = {**job["spec"], "activeDeadlineSeconds": seconds}
            self._do(self._cluster.put, "jobs", {**job, "spec": spec})

    def expire(self) -> None:
        """Forget all changes: watches end, and go on from no version of before."""
        self._do(self._cluster.expire)

    def end_watches(self) -> None:
        """End all watches, as a server that goes does."""
        self._do(self._end_watches)

    def _do(self, work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
        """Do it where the server runs."""

        async def do() -> T:
            return work(*args, **more)

        return asyncio.run_coroutine_threadsafe(do(), self._loop).result(30)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server._serve(sockets=[self._socket]))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._hung_up())
        self._loop.close()

    async def _hung_up(self) -> None:
        """Return when all connections are closed: with TLS, that is some turns after their last word."""
        until = _CLOCK.monotonic() + GRACE
        while len(self._loop._selector.get_map()) > 1 and _CLOCK.monotonic() < until:  # type: ignore[attr-defined]
            await _CLOCK.sleep(0.02)
        for _ in range(3):  # turns, in which those who had them are told
            await _CLOCK.sleep(0)

    async def _close(self) -> None:
        await self._cluster.close()
        self._server.should_exit = True

    def _end_watches(self) -> None:
        self._watches += 1
        self._cluster.notify()

    def _app(self) -> Starlette:
        jobs, pods = "/apis/batch/v1/namespaces/{namespace}/jobs", "/api/v1/namespaces/{namespace}/pods"
        return Starlette(
            routes=[
                Route(jobs, self._door("jobs", self._list), methods=["GET"]),
                Route(jobs, self._door("jobs", self._create), methods=["POST"]),
                Route(jobs + "/{name}", self._door("jobs", self._get), methods=["GET"]),
                Route(jobs + "/{name}", self._door("jobs", self._delete), methods=["DELETE"]),
                Route(jobs + "/{name}", self._door("jobs", self._patch), methods=["PATCH"]),
                Route(pods, self._door("pods", self._list), methods=["GET"]),
                Route(pods + "/{name}", self._door("pods", self._get), methods=["GET"]),
                Route(pods + "/{name}/log", self._door("pods/log", self._log), methods=["GET"]),
            ]
        )

    def _door(
        self, resource: str, handler: Callable[[str, Request], Coroutine[Any, Any, Response]]
    ) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def answer(request: Request) -> Response:
            if request.headers.get("authorization", "").lower() != f"bearer {TOKEN}":
                return status(401, "Unauthorized", "Unauthorized")
            verb = {"POST": "create", "DELETE": "delete", "PATCH": "patch"}.get(request.method, "get")
            if verb == "get" and "name" not in request.path_params:
                verb = "watch" if request.query_params.get("watch") in ("1", "true", "True") else "list"
            self.calls.append((verb, resource))
            for fault in self._faults:
                if (fault.verb, fault.resource) == (verb, resource) and fault.times > 0:
                    fault.times -= 1
                    return status(fault.status, fault.reason, fault.message)
            return await handler(resource, request)

        return answer

    async def _list(self, resource: str, request: Request) -> Response:
        namespace, query = request.path_params["namespace"], request.query_params
        selector = query.get("labelSelector", "")
        if query.get("watch") in ("1", "true", "True"):
            version = int(query.get("resourceVersion") or self._cluster.version)
            seconds = min(WATCH_SECONDS, float(query.get("timeoutSeconds", 300)))
            events = self._watch(resource, namespace, selector, version, seconds)
            return StreamingResponse(events, media_type="application/json")
        found = [
            copy.deepcopy(thing)
            for (kind, where, _), thing in self._cluster.objects.items()
            if kind == resource and where == namespace and matches(thing, selector)
        ]
        head = {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": str(self._cluster.version)}}
        return JSONResponse({**head, "items": found})

    async def _watch(
        self, resource: str, namespace: str, selector: str, version: int, seconds: float
    ) -> AsyncIterator[bytes]:
        until = _CLOCK.monotonic() + seconds
        cluster, watches = self._cluster, self._watches
        while cluster.open and watches == self._watches and _CLOCK.monotonic() < until:
            if version < cluster.oldest:
                gone = status_body(410, "Expired", f"too old resource version: {version} ({cluster.oldest})")
                yield _line("ERROR", gone)
                return
            changed = cluster.changed
            for change in list(cluster.changes):
                if change.version > version:
                    version = change.version
                    if change.key[:2] == (resource, namespace) and matches(change.thing, selector):
                        yield _line(change.what, change.thing)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.01, min(1.0, until - _CLOCK.monotonic()))):
                    await changed.wait()
        yield _line("BOOKMARK", {"kind": "Job", "metadata": {"resourceVersion": str(version)}})

    async def _create(self, resource: str, request: Request) -> Response:
        namespace = request.path_params["namespace"]
        body = json.loads(await request.body())
        name = body["metadata"]["name"]
        try:
            kubernetes_validate.validate(body, VERSION, strict=True)
        except kubernetes_validate.ValidationError as error:
            where = ".".join(map(str, error.path))
            return status(422, "Invalid", f'Job.batch "{name}" is invalid: {where}: {error.message}')
        if len(name) > 63:
            return status(422, "Invalid", f'Job.batch "{name}" is invalid: must be no more than 63 characters')
        if body["spec"]["template"]["spec"]["restartPolicy"] != "Never":
            return status(422, "Invalid", f'Job.batch "{name}" is invalid: restartPolicy')
        if ("jobs", namespace, name) in self._cluster.objects:
            return status(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        self.created.append(copy.deepcopy(body))
        return JSONResponse(self._cluster.run_job(namespace, body), 201)

    async def _get(self, resource: str, request: Request) -> Response:
        thing = self._cluster.objects.get((resource, request.path_params["namespace"], request.path_params["name"]))
        return JSONResponse(thing) if thing is not None else not_found(resource, request.path_params["name"])

    async def _delete(self, resource: str, request: Request) -> Response:
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        options = json.loads(await request.body() or b"{}")
        job = self._cluster.objects.get((resource, namespace, name))
        if job is None:
            return not_found(resource, name)
        uid = options.get("preconditions", {}).get("uid")
        if uid is not None and uid != job["metadata"]["uid"]:
            told = f"the UID in the precondition ({uid}) does not match the UID in record"
            return status(409, "Conflict", f'Operation cannot be fulfilled on jobs.batch "{name}": {told}')
        self._cluster.delete_job(namespace, name, options.get("propagationPolicy", "Background"))
        return JSONResponse(status_body(200, "", "", "Success"))

    async def _patch(self, resource: str, request: Request) -> Response:
        name = request.path_params["name"]
        job = self._cluster.objects.get((resource, request.path_params["namespace"], name))
        if job is None:
            return not_found(resource, name)
        patch = json.loads(await request.body())
        assert request.headers["content-type"] == "application/merge-patch+json" and set(patch) == {"spec"}
        self._cluster.put("jobs", {**job, "spec": {**job["spec"], **patch["spec"]}})
        return JSONResponse(self._cluster.objects[resource, request.path_params["namespace"], name])

    async def _log(self, resource: str, request: Request) -> Response:
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        wanted = request.query_params.get("container")
        containers = self._cluster.containers.get((namespace, name))
        if ("pods", namespace, name) not in self._cluster.objects or containers is None:
            return not_found("pods", name)
        found = [each for each in containers if each.name == wanted]
        if not found:
            return status(400, "BadRequest", f'container "{wanted}" in pod "{name}" is waiting to start')
        return StreamingResponse(self._follow(found[0]), media_type="text/plain")

    async def _follow(self, container: Container) -> AsyncIterator[bytes]:
        sent = 0
        while True:
            changed = self._cluster.changed
            if sent < len(container.log):
                piece = bytes(container.log[sent:])
                sent += len(piece)
                yield piece
            elif container.over or not self._cluster.open:
                return
            else:
                await changed.wait()


def _line(what: str, thing: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": what, "object": thing}).encode() + b"\n"


def matches(thing: Object, selector: str) -> bool:
    """Whether its labels are those of a selector of equalities."""
    labels = thing["metadata"].get("labels", {})
    return all(labels.get(part.partition("=")[0]) == part.partition("=")[2] for part in selector.split(",") if part)


def status_body(code: int, reason: str, message: str, word: str = "Failure") -> Object:
    """A Status object."""
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
    return {**head, "status": word, "message": message, "reason": reason, "code": code}


def status(code: int, reason: str, message: str) -> Response:
    """A Status as an answer."""
    return JSONResponse(status_body(code, reason, message), code)


def not_found(resource: str, name: str) -> Response:
    """404."""
    return status(404, "NotFound", f'{resource} "{name}" not found')
