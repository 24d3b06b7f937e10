"""What executors of Jobs are told to do."""

from datetime import timedelta
from typing import Any

from executor.assignment import Assignment, AttemptKey, KubernetesTask
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.leader import Stream
from tests.rig.kubernetes_api import KubernetesApi
from tests.rig.waiting import eventually_async

JOB = "nightly"
FOREVER = "trap 'echo told to end; exit 7' TERM; echo up; while :; do sleep 0.05; done"


def task(command: str, **more: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "busybox", "command": ["/bin/sh", "-c", command], **more.pop("main", {})}
    spec = {
        "containers": [container, *more.pop("beside", [])],
        "terminationGracePeriodSeconds": 1,
        **more.pop("spec", {}),
    }
    return {"kubernetes": {"template": {"spec": spec}, **more}}


async def begin(stream: Stream, command: str, key: pb.AttemptKey | None = None, **more: Any) -> pb.AttemptKey:
    options = {name: more.pop(name) for name in ("timeout", "params") if name in more}
    return await stream.dispatch(task(command, **more), key, job=JOB, **options)


async def up(stream: Stream, **more: Any) -> pb.AttemptKey:
    """A Job that runs until it is ended."""
    key = await begin(stream, FOREVER, **more)
    await stream.wait_output(key, b"up\n")
    await stream.started(key)
    return key


async def all_gone(api: KubernetesApi) -> None:
    await eventually_async(lambda: not api.jobs() and not api.pods() and not api.processes())


def assignment(key: pb.AttemptKey, **more: Any) -> Assignment:
    told: dict[str, Any] = {
        "key": AttemptKey(key.execution_id, key.part, key.attempt, key.placement, key.incarnation),
        "namespace": "default",
        "job": JOB,
        "trigger": "trigger",
        "scheduled_ms": 0,
        "origin": "schedule",
        "epoch": 1,
        "task": KubernetesTask(template=task(FOREVER)["kubernetes"]["template"]),
        "params": {},
        "timeout": timedelta(hours=1),
        "may_rerun": True,
    }
    return Assignment(**(told | more))
