"""A small API server of Kubernetes: the real wire protocol of what our executors call, and pods that are processes.

Jobs, pods and logs: create, get, list, watch (with versions that expire, and bookmarks), delete (foreground and
background, with preconditions), patch; Status objects, bearer tokens, label selectors, JSON in chunks. A Job's one pod
runs the command of its containers as processes of this host, so exit codes and logs are real. Images are not looked
at, but for two: `missing` cannot be pulled, and with any `nodeSelector` nothing is scheduled.
"""

import asyncio
import contextlib
import copy
import json
import os
import re
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

import kubernetes_validate
import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cronquorum.clock import SystemClock

T = TypeVar("T")
Object = dict[str, Any]

TOKEN = "token-of-the-tests"
VERSION = "1.33.0"
"""What new objects are checked against."""
GRACE = 30
"""Kubernetes' own terminationGracePeriodSeconds."""
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


@dataclass
class Container:
    """A container that runs, or ran."""

    name: str
    log: bytearray = field(default_factory=bytearray)
    process: asyncio.subprocess.Process | None = None
    over: bool = False


class KubernetesApi:
    """Listens at 127.0.0.1:`port`, in a thread of its own. What is public may be called from any other thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        """Verb and resource of each call that was let in, as RBAC has them."""
        self.created: list[Object] = []
        """The Jobs as they were sent."""
        self.watch_seconds = 60.0
        """No watch lasts longer."""
        self.startup: Callable[[], bool] = lambda: True
        """Whether pods may start now."""
        self.overlaps: list[str] = []
        """Executions that had two pods with processes at a time."""
        self._faults: list[Fault] = []
        self._objects: dict[tuple[str, str, str], Object] = {}
        self._events: list[tuple[int, str, str, str, Object]] = []
        self._oldest = 0
        self._version = 100
        self._changed = asyncio.Event()
        self._containers: dict[tuple[str, str], list[Container]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True
        self._watches = 0
        self._loop = asyncio.new_event_loop()
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(self._app(), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._serve, name="kubernetes-api", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.on_loop(self._close())
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

    def jobs(self) -> list[Object]:
        """All Jobs there are."""
        return self.on_loop(self._all("jobs"))

    def pods(self) -> list[Object]:
        """All pods there are."""
        return self.on_loop(self._all("pods"))

    def processes(self) -> int:
        """How many containers run."""
        return self.on_loop(self._count())

    def delete_pod(self, name: str, namespace: str = "jobs") -> None:
        """As an operator does."""
        self.on_loop(self._delete_pod(namespace, name))

    def evict(self, name: str, namespace: str = "jobs") -> None:
        """As a machine that runs out of disk does."""
        self.on_loop(self._evict(namespace, name))

    def delete_job(self, name: str, namespace: str = "jobs") -> None:
        """As `kubectl delete job` does: the pods follow."""
        self.on_loop(self._delete_job(namespace, name, "Background"))

    def add_job(self, body: Object, namespace: str = "jobs") -> None:
        """Somebody else's, that never runs."""
        self.on_loop(self._add("jobs", namespace, body))

    def expire(self) -> None:
        """Forget all changes: watches end, and go on from no version of before."""
        self.on_loop(self._expire())

    def end_watches(self) -> None:
        """End all watches, as a server that goes does."""
        self.on_loop(self._end_watches())

    def on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it where the server runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server._serve(sockets=[self._socket]))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _close(self) -> None:
        self._open = False
        self._notify()
        for containers in self._containers.values():
            for container in containers:
                _signal(container, signal.SIGKILL)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server.should_exit = True

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
            version = int(query.get("resourceVersion") or self._version)
            seconds = min(self.watch_seconds, float(query.get("timeoutSeconds", 300)))
            events = self._watch(resource, namespace, selector, version, seconds)
            return StreamingResponse(events, media_type="application/json")
        found = [
            copy.deepcopy(thing)
            for (kind, where, _), thing in self._objects.items()
            if kind == resource and where == namespace and matches(thing, selector)
        ]
        head = {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": str(self._version)}}
        return JSONResponse({**head, "items": found})

    async def _watch(
        self, resource: str, namespace: str, selector: str, version: int, seconds: float
    ) -> AsyncIterator[bytes]:
        until = _CLOCK.monotonic() + seconds
        watches = self._watches
        while self._open and watches == self._watches and _CLOCK.monotonic() < until:
            if version < self._oldest:
                gone = status_body(410, "Expired", f"too old resource version: {version} ({self._oldest})")
                yield _line("ERROR", gone)
                return
            changed = self._changed
            for number, kind, where, what, thing in list(self._events):
                if number > version:
                    version = number
                    if kind == resource and where == namespace and matches(thing, selector):
                        yield _line(what, thing)
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
        if ("jobs", namespace, name) in self._objects:
            return status(409, "AlreadyExists", f'jobs.batch "{name}" already exists')
        self.created.append(copy.deepcopy(body))
        job = await self._add("jobs", namespace, body)
        self._begin(self._control(namespace, name, job["metadata"]["uid"]))
        return JSONResponse(job, 201)

    async def _get(self, resource: str, request: Request) -> Response:
        thing = self._objects.get((resource, request.path_params["namespace"], request.path_params["name"]))
        return JSONResponse(thing) if thing is not None else not_found(resource, request.path_params["name"])

    async def _delete(self, resource: str, request: Request) -> Response:
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        options = json.loads(await request.body() or b"{}")
        job = self._objects.get((resource, namespace, name))
        if job is None:
            return not_found(resource, name)
        uid = options.get("preconditions", {}).get("uid")
        if uid is not None and uid != job["metadata"]["uid"]:
            told = f"the UID in the precondition ({uid}) does not match the UID in record"
            return status(409, "Conflict", f'Operation cannot be fulfilled on jobs.batch "{name}": {told}')
        await self._delete_job(namespace, name, options.get("propagationPolicy", "Background"))
        return JSONResponse(status_body(200, "", "", "Success"))

    async def _patch(self, resource: str, request: Request) -> Response:
        name = request.path_params["name"]
        job = self._objects.get((resource, request.path_params["namespace"], name))
        if job is None:
            return not_found(resource, name)
        patch = json.loads(await request.body())
        assert request.headers["content-type"] == "application/merge-patch+json" and set(patch) == {"spec"}
        self._put("jobs", {**job, "spec": {**job["spec"], **patch["spec"]}})
        return JSONResponse(self._objects[resource, request.path_params["namespace"], name])

    async def _log(self, resource: str, request: Request) -> Response:
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        wanted = request.query_params.get("container")
        containers = self._containers.get((namespace, name))
        if ("pods", namespace, name) not in self._objects or containers is None:
            return not_found("pods", name)
        found = [each for each in containers if each.name == wanted]
        if not found:
            return status(400, "BadRequest", f'container "{wanted}" in pod "{name}" is waiting to start')
        return StreamingResponse(self._follow(found[0]), media_type="text/plain")

    async def _follow(self, container: Container) -> AsyncIterator[bytes]:
        sent = 0
        while True:
            changed = self._changed
            if sent < len(container.log):
                piece = bytes(container.log[sent:])
                sent += len(piece)
                yield piece
            elif container.over or not self._open:
                return
            else:
                await changed.wait()

    async def _add(self, resource: str, namespace: str, body: Object) -> Object:
        thing = copy.deepcopy(body)
        told = {"namespace": namespace, "uid": str(uuid4()), "creationTimestamp": now()}
        thing["metadata"] = {**thing["metadata"], **told}
        thing.setdefault("status", {})
        return self._put(resource, thing, "ADDED")

    def _put(self, resource: str, thing: Object, what: str = "MODIFIED") -> Object:
        self._version += 1
        thing = copy.deepcopy(thing)
        metadata = thing["metadata"]
        metadata["resourceVersion"] = str(self._version)
        key = resource, metadata["namespace"], metadata["name"]
        if what == "DELETED":
            self._objects.pop(key, None)
        else:
            self._objects[key] = thing
        self._events.append((self._version, resource, metadata["namespace"], what, thing))
        self._notify()
        return thing

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _all(self, resource: str) -> list[Object]:
        return [copy.deepcopy(thing) for (kind, _, _), thing in self._objects.items() if kind == resource]

    async def _count(self) -> int:
        return sum(_runs(each) for containers in self._containers.values() for each in containers)

    async def _expire(self) -> None:
        self._version += 1
        self._oldest = self._version
        self._events.clear()
        self._notify()

    async def _end_watches(self) -> None:
        self._watches += 1
        self._notify()

    async def _control(self, namespace: str, name: str, uid: str) -> None:
        """What the Job controller does: one pod, and the condition that says how it ended."""
        job = self._objects["jobs", namespace, name]
        began = _CLOCK.monotonic()
        self._put("jobs", {**job, "status": {"startTime": now(), "active": 1}})
        template = job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": True}
        pod_name = f"{name}-{uid[:5]}"
        metadata = {**template.get("metadata", {}), "name": pod_name, "ownerReferences": [owner]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        body["status"] = {"phase": "Pending"}
        await self._add("pods", namespace, body)
        pod = self._loop.create_task(self._run_pod(namespace, pod_name))
        failed = ""
        while not pod.done():
            job = self._objects.get(("jobs", namespace, name), job)
            left = began + job["spec"]["activeDeadlineSeconds"] - _CLOCK.monotonic()
            if left <= 0 and not failed:
                failed = "DeadlineExceeded"
                self._begin(self._delete_pod(namespace, pod_name))
            await asyncio.wait({pod, self._loop.create_task(_CLOCK.sleep(0.1))}, return_when=asyncio.FIRST_COMPLETED)
        good = pod.result()
        job = self._objects.get(("jobs", namespace, name), {})
        if job.get("metadata", {}).get("uid") != uid or not self._open:
            return
        reason = failed or "BackoffLimitExceeded"
        told = {"type": "Failed", "status": "True", "reason": reason, "message": f"Job failed: {reason}"}
        condition = {"type": "Complete", "status": "True"} if good else told
        self._put("jobs", {**job, "status": {**job["status"], "active": 0, "conditions": [condition]}})

    async def _run_pod(self, namespace: str, name: str) -> bool:
        """What a machine does with a pod; tells whether it succeeded."""
        key = "pods", namespace, name
        spec = self._objects[key]["spec"]
        if spec.get("nodeSelector"):
            message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            return await self._wait_for_end(key, {"phase": "Pending", "conditions": [condition]})
        waiting = [each["name"] for each in spec["containers"] if each["image"] == "missing"]
        if waiting:
            state = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "missing"'}}
            statuses = [{"name": each, "state": state} for each in waiting]
            return await self._wait_for_end(key, {"phase": "Pending", "containerStatuses": statuses})
        while not self.startup() and self._is_wanted(key):
            await _CLOCK.sleep(0.02)
        if not self._is_wanted(key):
            self._end_pod(key, "Failed")
            return False
        containers = [Container(name=each["name"]) for each in spec["containers"]]
        self._containers[namespace, name] = containers
        self._look_for_overlap(key)
        runs = [self._run(container, each) for container, each in zip(containers, spec["containers"], strict=True)]
        begun = now()
        running = [{"name": each.name, "state": {"running": {"startedAt": begun}}} for each in containers]
        self._put("pods", {**self._objects[key], "status": {"phase": "Running", "containerStatuses": running}})
        codes = await asyncio.gather(*runs)
        ended = []
        for container, each, code in zip(containers, spec["containers"], codes, strict=True):
            memory = "memory" in each.get("resources", {}).get("limits", {})
            why = "OOMKilled" if code == 137 and memory else "Error" if code else "Completed"
            last = {"exitCode": code, "reason": why, "startedAt": begun, "finishedAt": now()}
            ended.append({"name": container.name, "state": {"terminated": last}})
        phase = "Succeeded" if not any(codes) else "Failed"
        self._end_pod(key, phase, ended)
        return phase == "Succeeded" and key in self._objects

    def _look_for_overlap(self, key: tuple[str, str, str]) -> None:
        label = "cronquorum.dev/execution"
        execution = self._objects[key]["metadata"].get("labels", {}).get(label)
        for (kind, namespace, name), pod in self._objects.items():
            if kind != "pods" or (kind, namespace, name) == key:
                continue
            running = any(map(_runs, self._containers.get((namespace, name), [])))
            if running and pod["metadata"]["labels"].get(label) == execution:
                self.overlaps.append(str(execution))

    async def _wait_for_end(self, key: tuple[str, str, str], state: Object) -> bool:
        self._put("pods", {**self._objects[key], "status": state})
        while self._is_wanted(key):
            changed = self._changed
            await changed.wait()
        self._end_pod(key, "Failed")
        return False

    def _is_wanted(self, key: tuple[str, str, str]) -> bool:
        pod = self._objects.get(key)
        return self._open and pod is not None and "deletionTimestamp" not in pod["metadata"]

    def _end_pod(self, key: tuple[str, str, str], phase: str, statuses: list[Object] | None = None) -> None:
        pod = self._objects.get(key)
        if pod is None:
            return
        told = {**pod["status"], "phase": phase}
        if statuses is not None:
            told["containerStatuses"] = statuses
        pod = self._put("pods", {**pod, "status": told})
        if "deletionTimestamp" in pod["metadata"]:
            self._put("pods", pod, "DELETED")

    async def _run(self, container: Container, spec: Object) -> int:
        environment = {"PATH": os.environ["PATH"]}
        for each in spec.get("env", []):
            environment[each["name"]] = expand(each["value"], environment)
        words = [expand(word, environment) for word in (*spec.get("command", ["true"]), *spec.get("args", []))]
        try:
            process = container.process = await asyncio.create_subprocess_exec(
                *words,
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError:
            container.over = True
            return 128
        assert process.stdout is not None
        while piece := await process.stdout.read(64 * 1024):
            container.log += piece
            self._notify()
        code = await process.wait()
        container.over = True
        self._notify()
        return 128 - code if code < 0 else code

    async def _delete_pod(self, namespace: str, name: str) -> None:
        key = "pods", namespace, name
        pod = self._objects.get(key)
        if pod is None:
            return
        if pod["status"].get("phase") in ("Succeeded", "Failed"):
            self._put("pods", pod, "DELETED")
            return
        if "deletionTimestamp" not in pod["metadata"]:
            metadata = {**pod["metadata"], "deletionTimestamp": now()}
            self._put("pods", {**pod, "metadata": metadata})
            grace = pod["spec"].get("terminationGracePeriodSeconds", GRACE)
            for container in self._containers.get((namespace, name), []):
                _signal(container, signal.SIGTERM)
                self._begin(_kill_after(container, grace))

    async def _evict(self, namespace: str, name: str) -> None:
        pod = self._objects["pods", namespace, name]
        told = {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
        self._put("pods", {**pod, "status": {**pod["status"], **told}})
        for container in self._containers.get((namespace, name), []):
            _signal(container, signal.SIGKILL)

    async def _delete_job(self, namespace: str, name: str, policy: str) -> None:
        key = "jobs", namespace, name
        job = self._objects[key]
        uid = job["metadata"]["uid"]
        if policy == "Foreground":
            if "deletionTimestamp" not in job["metadata"]:
                metadata = {**job["metadata"], "deletionTimestamp": now(), "finalizers": ["foregroundDeletion"]}
                self._put("jobs", {**job, "metadata": metadata})
                self._begin(self._delete_in_order(key, uid))
            return
        self._put("jobs", job, "DELETED")
        for pod in self._pods_of(uid):
            await self._delete_pod(namespace, pod["metadata"]["name"])

    async def _delete_in_order(self, key: tuple[str, str, str], uid: str) -> None:
        while pods := self._pods_of(uid):
            changed = self._changed
            for pod in pods:
                await self._delete_pod(key[1], pod["metadata"]["name"])
            if self._pods_of(uid):
                await changed.wait()
        self._put("jobs", self._objects[key], "DELETED")

    def _pods_of(self, uid: str) -> list[Object]:
        return [
            thing
            for (kind, _, _), thing in self._objects.items()
            if kind == "pods" and thing["metadata"]["ownerReferences"][0]["uid"] == uid
        ]


async def _kill_after(container: Container, seconds: float) -> None:
    until = _CLOCK.monotonic() + seconds
    while _runs(container) and _CLOCK.monotonic() < until:
        await _CLOCK.sleep(0.05)
    _signal(container, signal.SIGKILL)


def _runs(container: Container) -> bool:
    return container.process is not None and container.process.returncode is None


def _signal(container: Container, number: signal.Signals) -> None:
    process = container.process
    if process is not None and process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            # the first process gets the word, and all the end
            (os.killpg if number is signal.SIGKILL else os.kill)(process.pid, number)


def _line(what: str, thing: Mapping[str, Any]) -> bytes:
    return json.dumps({"type": what, "object": thing}).encode() + b"\n"


def now() -> str:
    """As Kubernetes writes times: whole seconds."""
    return _CLOCK.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def matches(thing: Object, selector: str) -> bool:
    """Whether its labels are those of a selector of equalities."""
    labels = thing["metadata"].get("labels", {})
    return all(labels.get(part.partition("=")[0]) == part.partition("=")[2] for part in selector.split(",") if part)


def expand(text: str, environment: Mapping[str, str]) -> str:
    """$(NAME) and $$, as Kubernetes replaces them in commands and environments."""

    def replaced(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else environment.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([A-Za-z0-9_.-]+)\)", replaced, text)


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
