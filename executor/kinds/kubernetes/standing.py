"""What a Job and its pods say of the attempt. Pure.

Kubernetes API reference: JobStatus, PodStatus, ContainerStatus.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from executor.kinds.kubernetes.job import moment
from executor.report import Ended, TaskFailure, clean_text

Object = Mapping[str, Any]


def ended_as(job: Object) -> Object | None:
    """The condition that says how a Job ended; None while it has not."""
    for condition in _status(job).get("conditions") or []:
        if condition.get("type") in ("Complete", "Failed") and condition.get("status") == "True":
            return dict(condition)
    return None


def belongs(pod: Object, uid: str) -> bool:
    """Whether a pod is one of a Job's."""
    return any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or [])


def runs(pod: Object) -> bool:
    """Whether something of a pod runs, or may yet."""
    return _status(pod).get("phase") not in ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """A container that runs, or ran: in which pod, and from when until when by the clock of its machine."""

    pod: str
    since: datetime
    until: datetime | None


def begun(pods: Sequence[Object], container: str) -> Begun | None:
    """The container, if it has begun."""
    for pod in pods:
        state = _state(pod, container)
        for which in ("running", "terminated"):
            since = moment((state.get(which) or {}).get("startedAt"))
            if since is not None:
                until = moment(state[which].get("finishedAt"))
                return Begun(pod=pod["metadata"]["name"], since=since, until=until)
    return None


def waits_for(job: Object | None, pods: Sequence[Object]) -> str:
    """Why nothing runs yet."""
    for pod in pods:
        for each in _all_states(pod):
            waiting = each.get("state", {}).get("waiting") or {}
            if waiting.get("reason") not in (None, "PodInitializing", "ContainerCreating"):
                return _words(f"container {each.get('name')}", waiting)
        for condition in _status(pod).get("conditions") or []:
            if condition.get("status") == "False" and condition.get("reason") in ("Unschedulable", "SchedulingGated"):
                return _words("", condition)
    if pods:
        return "its pod is being made ready"
    return "no pod was made for it" if job is not None else "its Job is not there"


def verdict(job: Object, pods: Sequence[Object], container: str) -> Ended:
    """How a Job that has ended did."""
    condition = ended_as(job) or {}
    code = exit_code(pods, container)
    if condition.get("type") == "Complete":
        return Ended(exit_code=code)
    return Ended(exit_code=code, error=_failure(condition, pods, container))


def exit_code(pods: Sequence[Object], container: str) -> int | None:
    """The container's, of the pod that came last."""
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True):
        code = _state(pod, container).get("terminated", {}).get("exitCode")
        if isinstance(code, int):
            return code
    return None


def _failure(condition: Object, pods: Sequence[Object], container: str) -> TaskFailure:
    for pod in pods:
        status = _status(pod)
        terminated = _state(pod, container).get("terminated") or {}
        if terminated.get("reason") == "OOMKilled":
            code = terminated.get("exitCode")
            return TaskFailure(type="oomKilled", message=f"container {container}: out of memory (exit code {code})")
        if status.get("reason"):  # of the pod as a whole: Evicted, Preempting, NodeLost, Terminated, ...
            return TaskFailure(type=_type(status["reason"]), message=_words("its pod", status))
        if condition.get("reason") == "DeadlineExceeded":
            break
        if terminated.get("exitCode"):
            return TaskFailure(type="exitCode", message=_exited("", terminated))
        for each in _all_states(pod):
            other = each.get("state", {}).get("terminated") or {}
            if other.get("exitCode"):
                return TaskFailure(type="exitCode", message=_exited(f"container {each.get('name')}: ", other))
    told = _words("", condition)
    if not pods:
        return TaskFailure(type="podGone", message=f"its pod is gone: {told}")
    return TaskFailure(type=_type(condition.get("reason") or "failed"), message=told)


def _exited(whose: str, terminated: Object) -> str:
    why = terminated.get("reason")
    # what did not even begin (StartError, ContainerCannotRun) says why; a plain Error says nothing
    told = "" if why in (None, "Error", "Completed") else f" ({_words('', terminated)})"
    return clean_text(f"{whose}exit code {terminated['exitCode']}{told}")


def _words(whose: str, said: Object) -> str:
    return clean_text(": ".join(str(part) for part in (whose, said.get("reason"), said.get("message")) if part))


def _type(reason: object) -> str:
    text = str(reason)
    return clean_text(text[:1].lower() + text[1:], 200)


def _state(pod: Object, container: str) -> Object:
    for each in _status(pod).get("containerStatuses") or []:
        if each.get("name") == container:
            return dict(each.get("state") or {})
    return {}


def _all_states(pod: Object) -> Iterator[Object]:
    for which in ("initContainerStatuses", "containerStatuses"):
        yield from _status(pod).get(which) or []


def _status(thing: Object) -> Object:
    return thing.get("status") or {}
