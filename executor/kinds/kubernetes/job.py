"""The Job of an attempt, and the attempt of a Job. Pure.

Kubernetes API reference: batch/v1 Job; core/v1 PodTemplateSpec.
"""

import copy
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from executor.assignment import Assignment, AttemptKey, KubernetesTask, instant
from executor.errors import Refusal
from executor.kinds import environment

PREFIX = "cronquorum.dev/"
EXECUTOR, EXECUTION, ASSIGNMENT = PREFIX + "executor", PREFIX + "execution", PREFIX + "assignment"
JOB = PREFIX + "job"
MANAGED_BY, US = "app.kubernetes.io/managed-by", "cronquorum"

ORPHANED = timedelta(hours=1)
"""How long a Job goes on when its executor does not come back: longer than an API server is away in an upgrade, since
what its executor cannot prolong meanwhile ends, too."""
KEPT = timedelta(hours=1)
"""How long a Job that has ended is kept for an executor that does not come back. One that does deletes it as soon as
the outcome is on the record."""
MARGIN = timedelta(minutes=5)
"""Beyond all of its own limits a Job is ended by Kubernetes itself."""
LONGEST_NAME = 40
"""Characters of the job's name in that of the Job, of 63 that the names of its pods leave."""

Object = dict[str, Any]
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)


def label(text: str) -> str:
    """The same text when it can be a label's value, else one that stands for it."""
    return text if _LABEL.fullmatch(text) else "x-" + hashlib.sha256(text.encode()).hexdigest()[:32]


def name_of(assignment: Assignment) -> str:
    """The same for all attempts of an execution, so that only one of them can be at a time."""
    key = assignment.key
    mark = hashlib.sha256(f"{key.execution_id}/{key.part}".encode()).hexdigest()[:20]
    return f"{assignment.job[:LONGEST_NAME].strip('-')}-{mark}"


def body_of(assignment: Assignment, owner: str) -> Object:
    """The Job to make; `owner` is the label of this executor. Raises `Refusal` for parameters that no environment can
    hold."""
    task = task_of(assignment)
    labels = {
        MANAGED_BY: US,
        EXECUTOR: owner,
        EXECUTION: label(assignment.key.execution_id),
        JOB: label(assignment.job),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_of(assignment),
            "labels": labels,
            "annotations": {ASSIGNMENT: _write(assignment)},
        },
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "activeDeadlineSeconds": active_deadline(assignment, timedelta()),
            "ttlSecondsAfterFinished": int(KEPT.total_seconds()),
            "template": _template(task.template, labels, environment.told(assignment)),
        },
    }


def active_deadline(assignment: Assignment, age: timedelta) -> int:
    """Seconds after its start at which Kubernetes is to end a Job of that age unless it is prolonged."""
    most = age + ORPHANED
    if assignment.timeout is not None:
        most = min(most, task_of(assignment).start_timeout + assignment.timeout + MARGIN)
    return max(1, math.ceil(most.total_seconds()))


def task_of(assignment: Assignment) -> KubernetesTask:
    """Its task. Raises `Refusal` for one of another kind."""
    if not isinstance(assignment.task, KubernetesTask):
        raise Refusal("unknownKind", "this is no kubernetes task")
    return assignment.task


def container_of(template: Mapping[str, Any], told: str) -> str:
    """Whose exit code and log are on the record. Raises `Refusal`."""
    containers = _mapping(template, "spec").get("containers")
    if not isinstance(containers, list) or not containers or not all(isinstance(each, dict) for each in containers):
        raise Refusal("badTask", "template.spec.containers: a list of at least one is needed")
    names = [str(each.get("name", "")) for each in containers]
    if told and told not in names:
        raise Refusal("badTask", f"container {told} is none of the template's")
    return told or names[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A Job that an executor of ours made, and for which attempt."""

    namespace: str
    name: str
    uid: str
    owner: str
    container: str
    deleting: bool
    assignment: Assignment

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "Found | None":
        """None for a Job that is none of ours."""
        try:
            metadata = body["metadata"]
            said = json.loads(metadata["annotations"][ASSIGNMENT])
            task = KubernetesTask(
                template=body["spec"]["template"],
                namespace=metadata["namespace"],
                container=said["container"],
                start_timeout=timedelta(seconds=said["startTimeout"]),
            )
            return cls(
                namespace=metadata["namespace"],
                name=metadata["name"],
                uid=metadata["uid"],
                owner=metadata["labels"][EXECUTOR],
                container=said["container"],
                deleting="deletionTimestamp" in metadata,
                assignment=_read(said, task),
            )
        except (KeyError, TypeError, ValueError):
            return None


def _write(assignment: Assignment) -> str:
    task = task_of(assignment)
    said = {
        "key": list(assignment.key),
        "namespace": assignment.namespace,
        "job": assignment.job,
        "trigger": assignment.trigger,
        "scheduledTime": assignment.scheduled_ms,
        "origin": assignment.origin,
        "epoch": assignment.epoch,
        "timeout": None if assignment.timeout is None else assignment.timeout.total_seconds(),
        "mayRerun": assignment.may_rerun,
        "container": container_of(task.template, task.container),
        "startTimeout": task.start_timeout.total_seconds(),
    }
    return json.dumps(said, separators=(",", ":"))


def _read(said: Mapping[str, Any], task: KubernetesTask) -> Assignment:
    execution_id, part, attempt, placement, incarnation = said["key"]
    instant(said["scheduledTime"])
    return Assignment(
        key=AttemptKey(str(execution_id), int(part), int(attempt), int(placement), str(incarnation)),
        namespace=str(said["namespace"]),
        job=str(said["job"]),
        trigger=str(said["trigger"]),
        scheduled_ms=int(said["scheduledTime"]),
        origin=str(said["origin"]),
        epoch=int(said["epoch"]),
        task=task,
        params={},  # which its pod has, and nobody else needs
        timeout=None if said["timeout"] is None else timedelta(seconds=said["timeout"]),
        may_rerun=bool(said["mayRerun"]),
    )


def _template(told: Mapping[str, Any], labels: Mapping[str, str], variables: Mapping[str, str]) -> Object:
    template = copy.deepcopy(dict(told))
    metadata = template["metadata"] = dict(_mapping(template, "metadata"))
    metadata["labels"] = {**_mapping(metadata, "labels"), **labels}
    spec = template["spec"] = dict(_mapping(template, "spec"))
    spec["restartPolicy"] = "Never"
    # a dollar begins a reference there, and two of them are one
    ours = [{"name": name, "value": value.replace("$", "$$")} for name, value in variables.items()]
    for which in ("initContainers", "containers"):
        if which in spec:
            spec[which] = [_told_to(container, ours, variables) for container in spec[which]]
    return template


def _told_to(container: Mapping[str, Any], ours: list[Object], variables: Mapping[str, str]) -> Object:
    """A container with our variables before its own, which may refer to them."""
    own = [
        each for each in container.get("env") or [] if not isinstance(each, dict) or each.get("name") not in variables
    ]
    return {**container, "env": [*ours, *own]}


def _mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name) or {}
    if not isinstance(found, Mapping):
        raise Refusal("badTask", f"template.{name} is not a mapping")
    return found


def moment(text: object) -> datetime | None:
    """A time of the API server's; None for none, and for 1970, which stands for none."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.year > 1970 else None
