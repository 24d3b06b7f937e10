"""What is behind a small API server of Kubernetes: its objects, their versions and changes, and what becomes of them.

A Job's one pod runs the command of its containers as processes of this host, so exit codes and logs are real. Images
are not looked at, but for one: `missing` cannot be pulled. With any `nodeSelector` nothing is scheduled.
"""

import asyncio
import contextlib
import copy
import os
import re
import signal
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any
from uuid import uuid4

from cronquorum.clock import SystemClock

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Resource, namespace and name."""

GRACE = 30
"""Kubernetes' own terminationGracePeriodSeconds."""
_CLOCK = SystemClock()


@dataclass(frozen=True, kw_only=True)
class Change:
    """An object became another, at a version: ADDED, MODIFIED or DELETED."""

    version: int
    key: Key
    what: str
    thing: Object


@dataclass(kw_only=True)
class Container:
    """A container that runs, or ran."""

    name: str
    log: bytearray = field(default_factory=bytearray)
    process: asyncio.subprocess.Process | None = None
    over: bool = False

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """The first process gets the word, and all the end."""
        if self.process is not None and self.runs:
            with contextlib.suppress(ProcessLookupError):
                (os.killpg if number is signal.SIGKILL else os.kill)(self.process.pid, number)

    async def end(self, grace: float) -> None:
        """SIGTERM, and SIGKILL for what is there after its grace."""
        self.signal(signal.SIGTERM)
        if self.process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), grace)
        self.signal(signal.SIGKILL)


class KubernetesCluster:
    """Jobs and pods. Everything is to be called on one event loop."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.containers: dict[tuple[str, str], list[Container]] = {}
        """Of each pod, by its namespace and name."""
        self.changes: list[Change] = []
        """In order; those up to `oldest` are forgotten."""
        self.oldest = 0
        self.version = 100
        self.changed = asyncio.Event()
        """Set at the next change; another one stands here from then on."""
        self.overlaps: list[str] = []
        """Executions that had two pods with processes at a time."""
        self.open = True
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Kill everything."""
        self.open = False
        self.notify()
        for containers in self.containers.values():
            for container in containers:
                container.signal(signal.SIGKILL)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def all(self, resource: str) -> list[Object]:
        """Copies of all of its objects."""
        return [copy.deepcopy(thing) for (kind, _, _), thing in self.objects.items() if kind == resource]

    def processes(self) -> int:
        """How many containers run."""
        return sum(each.runs for containers in self.containers.values() for each in containers)

    def add(self, resource: str, namespace: str, body: Object) -> Object:
        """A new object, with what Kubernetes gives to each."""
        thing = copy.deepcopy(body)
        told = {"namespace": namespace, "uid": str(uuid4()), "creationTimestamp": now()}
        thing["metadata"] = {**thing["metadata"], **told}
        thing.setdefault("status", {})
        return self.put(resource, thing, "ADDED")

    def put(self, resource: str, thing: Object, what: str = "MODIFIED") -> Object:
        """Make it what is there now, or take it away."""
        self.version += 1
        thing = copy.deepcopy(thing)
        metadata = thing["metadata"]
        metadata["resourceVersion"] = str(self.version)
        key = resource, metadata["namespace"], metadata["name"]
        if what == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = thing
        self.changes.append(Change(version=self.version, key=key, what=what, thing=thing))
        self.notify()
        return thing

    def expire(self) -> None:
        """Forget all changes."""
        self.version += 1
        self.oldest = self.version
        self.changes.clear()
        self.notify()

    def notify(self) -> None:
        """Wake whoever waits for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    def run_job(self, namespace: str, body: Object) -> Object:
        """A Job, and what its controller makes of it."""
        job = self.add("jobs", namespace, body)
        self._begin(self._control(("jobs", namespace, job["metadata"]["name"]), job["metadata"]["uid"]))
        return job

    def delete_job(self, namespace: str, name: str, policy: str) -> None:
        """With policy `Foreground` the pods go first, else they follow."""
        key = "jobs", namespace, name
        job = self.objects[key]
        uid = job["metadata"]["uid"]
        if policy == "Foreground":
            if "deletionTimestamp" not in job["metadata"]:
                metadata = {**job["metadata"], "deletionTimestamp": now(), "finalizers": ["foregroundDeletion"]}
                self.put("jobs", {**job, "metadata": metadata})
                self._begin(self._delete_in_order(key, uid))
            return
        self.put("jobs", job, "DELETED")
        for pod in self._pods_of(uid):
            self.delete_pod(namespace, pod["metadata"]["name"])

    def delete_pod(self, namespace: str, name: str) -> None:
        """Its containers have their grace."""
        pod = self.objects.get(("pods", namespace, name))
        if pod is None:
            return
        if pod["status"].get("phase") in ("Succeeded", "Failed"):
            self.put("pods", pod, "DELETED")
        elif "deletionTimestamp" not in pod["metadata"]:
            metadata = {**pod["metadata"], "deletionTimestamp": now()}
            self.put("pods", {**pod, "metadata": metadata})
            grace = pod["spec"].get("terminationGracePeriodSeconds", GRACE)
            for container in self.containers.get((namespace, name), []):
                self._begin(container.end(grace))

    def evict(self, namespace: str, name: str) -> None:
        """As a machine that runs out of disk does."""
        pod = self.objects["pods", namespace, name]
        told = {"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
        self.put("pods", {**pod, "status": {**pod["status"], **told}})
        for container in self.containers.get((namespace, name), []):
            container.signal(signal.SIGKILL)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _control(self, key: Key, uid: str) -> None:
        """What the Job controller does: one pod, and the condition that says how it ended."""
        _, namespace, name = key
        job = self.objects[key]
        began = _CLOCK.monotonic()
        self.put("jobs", {**job, "status": {"startTime": now(), "active": 1}})
        template = job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": True}
        pod_name = f"{name}-{uid[:5]}"
        metadata = {**template.get("metadata", {}), "name": pod_name, "ownerReferences": [owner]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
        self.add("pods", namespace, {**body, "status": {"phase": "Pending"}})
        pod = asyncio.create_task(self._run_pod(("pods", namespace, pod_name)))
        failed = ""
        while not pod.done():
            job = self.objects.get(key, job)
            left = began + job["spec"]["activeDeadlineSeconds"] - _CLOCK.monotonic()
            if left <= 0 and not failed:
                failed = "DeadlineExceeded"
                self.delete_pod(namespace, pod_name)
            change = asyncio.create_task(self.changed.wait())
            await asyncio.wait({pod, change}, timeout=None if failed else left, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
        good = pod.result()
        job = self.objects.get(key, {})
        metadata = job.get("metadata", {})
        if metadata.get("uid") != uid or "deletionTimestamp" in metadata or not self.open:
            return  # whoever deletes a Job goes by its end and not by how it ended
        reason = failed or "BackoffLimitExceeded"
        told = {"type": "Failed", "status": "True", "reason": reason, "message": f"Job failed: {reason}"}
        condition = {"type": "Complete", "status": "True"} if good else told
        self.put("jobs", {**job, "status": {**job["status"], "active": 0, "conditions": [condition]}})

    async def _run_pod(self, key: Key) -> bool:
        """What a machine does with a pod; tells whether it succeeded."""
        spec = self.objects[key]["spec"]
        if spec.get("nodeSelector"):
            message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
            condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            return await self._wait_for_end(key, {"phase": "Pending", "conditions": [condition]})
        waiting = [each["name"] for each in spec["containers"] if each["image"] == "missing"]
        if waiting:
            state = {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "missing"'}}
            statuses = [{"name": each, "state": state} for each in waiting]
            return await self._wait_for_end(key, {"phase": "Pending", "containerStatuses": statuses})
        if not self._is_wanted(key):
            self._end_pod(key, "Failed")
            return False
        containers = [Container(name=each["name"]) for each in spec["containers"]]
        self.containers[key[1:]] = containers
        self._look_for_overlap(key)
        runs = [self._run(key, container, each) for container, each in zip(containers, spec["containers"], strict=True)]
        begun = now()
        running = [{"name": each.name, "state": {"running": {"startedAt": begun}}} for each in containers]
        self.put("pods", {**self.objects[key], "status": {"phase": "Running", "containerStatuses": running}})
        codes = await asyncio.gather(*runs)
        ended = []
        for container, each, code in zip(containers, spec["containers"], codes, strict=True):
            memory = "memory" in each.get("resources", {}).get("limits", {})
            why = "OOMKilled" if code == 137 and memory else "Error" if code else "Completed"
            last = {"exitCode": code, "reason": why, "startedAt": begun, "finishedAt": now()}
            ended.append({"name": container.name, "state": {"terminated": last}})
        phase = "Succeeded" if not any(codes) else "Failed"
        self._end_pod(key, phase, ended)
        return phase == "Succeeded" and key in self.objects

    async def _run(self, key: Key, container: Container, spec: Object) -> int:
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
        if not self._is_wanted(key):
            container.signal(signal.SIGKILL)  # whoever deleted the pod found no process yet
        assert process.stdout is not None
        while piece := await process.stdout.read(64 * 1024):
            container.log += piece
            self.notify()
        code = await process.wait()
        container.over = True
        self.notify()
        return 128 - code if code < 0 else code

    def _look_for_overlap(self, key: Key) -> None:
        label = "cronquorum.dev/execution"
        execution = self.objects[key]["metadata"].get("labels", {}).get(label)
        for other, pod in self.objects.items():
            if other[0] != "pods" or other == key:
                continue
            running = any(each.runs for each in self.containers.get(other[1:], []))
            if running and pod["metadata"]["labels"].get(label) == execution:
                self.overlaps.append(str(execution))

    async def _wait_for_end(self, key: Key, state: Object) -> bool:
        self.put("pods", {**self.objects[key], "status": state})
        while self._is_wanted(key):
            await self.changed.wait()
        self._end_pod(key, "Failed")
        return False

    def _is_wanted(self, key: Key) -> bool:
        pod = self.objects.get(key)
        return self.open and pod is not None and "deletionTimestamp" not in pod["metadata"]

    def _end_pod(self, key: Key, phase: str, statuses: list[Object] | None = None) -> None:
        pod = self.objects.get(key)
        if pod is None:
            return
        told = {**pod["status"], "phase": phase}
        if statuses is not None:
            told["containerStatuses"] = statuses
        pod = self.put("pods", {**pod, "status": told})
        if "deletionTimestamp" in pod["metadata"]:
            self.put("pods", pod, "DELETED")

    async def _delete_in_order(self, key: Key, uid: str) -> None:
        while pods := self._pods_of(uid):
            changed = self.changed
            for pod in pods:
                self.delete_pod(key[1], pod["metadata"]["name"])
            if self._pods_of(uid):
                await changed.wait()
        self.put("jobs", self.objects[key], "DELETED")

    def _pods_of(self, uid: str) -> list[Object]:
        return [
            thing
            for (kind, _, _), thing in self.objects.items()
            if kind == "pods" and thing["metadata"]["ownerReferences"][0]["uid"] == uid
        ]


def now() -> str:
    """As Kubernetes writes times: whole seconds."""
    return _CLOCK.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def expand(text: str, environment: Mapping[str, str]) -> str:
    """$(NAME) and $$, as Kubernetes replaces them in commands and environments."""

    def replaced(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else environment.get(found[1], found[0])

    return re.sub(r"\$\$|\$\(([A-Za-z0-9_.-]+)\)", replaced, text)
