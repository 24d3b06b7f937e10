"""The door to the client library. Everything here blocks, and may be called from any thread.

What goes in and out are plain JSON values: models of the library cost time, and know only what was known when it was
made.
"""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import urllib3

# by name: the library loads the rest only when it is asked for, which takes seconds
from kubernetes.client import ApiClient, BatchV1Api, Configuration, CoreV1Api
from kubernetes.client.exceptions import ApiException
from kubernetes.config import list_kube_config_contexts, load_incluster_config, load_kube_config

from executor.errors import StartError
from executor.kinds.kubernetes.errors import ClusterError, Declined, Exists, Expired, NotHeard, NotThere, Unavailable
from executor.report import clean_text

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
WATCH_SECONDS = 60
"""How long a watch is told to last: so a connection that died silently is found out in little more than that."""
LOG_SILENCE = 300.0
"""A container may be silent for longer; then its log is opened anew."""
CONNECTIONS = 64
PIECE = 64 * 1024
MOST_WORDS = 1000
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

Object = dict[str, Any]


class Resource(StrEnum):
    """What can be listed and watched."""

    JOBS = "jobs"
    PODS = "pods"


class Stream:
    """What comes bit by bit. `close` ends it from another thread."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        """Pieces as they come, until the other side ends it. Raises `Unavailable` when it breaks off."""
        try:
            yield from self._response.stream(PIECE)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(_words(error)) from None
        finally:
            self._response.close()

    def lines(self) -> Iterator[bytes]:
        """Whole lines."""
        rest = b""
        for piece in self:
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines

    def close(self) -> None:
        # its reader wakes up, and closes the rest
        with contextlib.suppress(ValueError, RuntimeError, OSError):
            self._response.shutdown()


class Cluster:
    """An API server, as one account sees it. `namespace` is that of the configuration."""

    def __init__(self, configuration: Any, namespace: str) -> None:
        self.namespace = namespace
        configuration.retries = False  # whether to try again is not the library's to say
        configuration.connection_pool_maxsize = CONNECTIONS
        self._client = ApiClient(configuration)
        batch, core = BatchV1Api(self._client), CoreV1Api(self._client)
        self._batch, self._core = batch, core
        self._lists = {Resource.JOBS: batch.list_namespaced_job, Resource.PODS: core.list_namespaced_pod}

    @classmethod
    def connect(cls, kubeconfig: Path | None) -> "Cluster":
        """As a kubeconfig file says, or as the service account of the pod that we are. Nothing is sent yet.

        Raises `StartError`.
        """
        configuration = Configuration()
        try:
            if kubeconfig is None:
                load_incluster_config(configuration)
                return cls(configuration, _account_namespace())
            with kubeconfig.open("rb"):
                pass
            load_kube_config(str(kubeconfig), client_configuration=configuration)
            _, current = list_kube_config_contexts(str(kubeconfig))
            return cls(configuration, current["context"].get("namespace") or "default")
        except OSError as error:
            raise StartError(f"kubernetes config {kubeconfig}: {(error.strerror or str(error)).lower()}") from None
        except Exception as error:  # a file may be broken in many ways, and the library tells of them in as many
            told = clean_text(" ".join(str(error).split()), 300)
            if kubeconfig is not None:
                raise StartError(f"kubernetes config {kubeconfig}: {told}") from None
            raise StartError(
                f"kind kubernetes: this is no pod with a service account ({told}): give a kubeconfig file "
                "(--kubernetes-config)"
            ) from None

    def create_job(self, namespace: str, body: Object) -> Object:
        """Raises `Exists`, `Declined`, `Unavailable`."""
        return _read(self._batch.create_namespaced_job, namespace, body, field_validation="Strict")

    def job(self, namespace: str, name: str) -> Object | None:
        """None when there is none. Raises `Declined`, `Unavailable`."""
        try:
            return _read(self._batch.read_namespaced_job, name, namespace)
        except NotThere:
            return None

    def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Have it end with its pods: it is there until they are gone. No error when it, or this one, is not there.

        Raises `Declined`, `Unavailable`.
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Foreground",
            "preconditions": {"uid": uid},
        }
        with contextlib.suppress(NotThere, Exists):
            _read(self._batch.delete_namespaced_job, name, namespace, body=options)

    def extend_job(self, namespace: str, name: str, seconds: int) -> None:
        """Let it be active for so long since its start. Raises `NotThere`, `Declined`, `Unavailable`."""
        body = {"spec": {"activeDeadlineSeconds": seconds}}
        _read(self._batch.patch_namespaced_job, name, namespace, body, _content_type="application/merge-patch+json")

    def list(self, resource: Resource, namespace: str, selector: str) -> tuple[list[Object], str]:
        """What there is, and from which version on changes are to be watched. Raises `Declined`, `Unavailable`."""
        found = _read(self._lists[resource], namespace, label_selector=selector)
        return found.get("items") or [], found["metadata"]["resourceVersion"]

    def watch(self, resource: Resource, namespace: str, selector: str, version: str) -> Stream:
        """Changes since a version, a line of JSON each. Raises `Expired`, `Declined`, `Unavailable`."""
        return _open(
            self._lists[resource],
            namespace,
            label_selector=selector,
            watch=True,
            allow_watch_bookmarks=True,
            resource_version=version,
            timeout_seconds=WATCH_SECONDS,
            _request_timeout=(CONNECT_SECONDS, WATCH_SECONDS + READ_SECONDS),
        )

    def log(self, namespace: str, pod: str, container: str) -> Stream:
        """A container's output from its beginning, and what comes until it ends.

        Raises `NotThere`, `Declined` (also when the container has not begun), `Unavailable`.
        """
        return _open(
            self._core.read_namespaced_pod_log,
            pod,
            namespace,
            container=container,
            follow=True,
            _request_timeout=(CONNECT_SECONDS, LOG_SILENCE),
        )

    def close(self) -> None:
        """Let go of idle connections."""
        self._client.rest_client.pool_manager.clear()


def _read(call: Callable[..., Any], *arguments: Any, **options: Any) -> Object:
    response = _open(call, *arguments, **{"_request_timeout": (CONNECT_SECONDS, READ_SECONDS)} | options)
    try:
        found = json.loads(b"".join(response))
    except ValueError:
        raise Unavailable("the answer is no JSON") from None
    if not isinstance(found, dict):
        raise Unavailable("the answer is no JSON object")
    return found


def _open(call: Callable[..., Any], *arguments: Any, **options: Any) -> Stream:
    try:
        return Stream(call(*arguments, _preload_content=False, **options))
    except ApiException as error:
        raise _problem(error) from None
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
        raise NotHeard(_words(error)) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(_words(error)) from None
    except ValueError as error:  # what the library itself finds wrong with a Job
        raise Declined(_words(error)) from None


def _problem(error: ApiException) -> ClusterError:
    status = error.status or 0
    said: Mapping[str, Any] = {}
    with contextlib.suppress(ValueError, TypeError):
        said = json.loads(error.body or "")
    message = said.get("message") if isinstance(said, dict) else None
    words = clean_text(f"{message or error.reason or 'no message'} (HTTP {status})", MOST_WORDS)
    return problem(status, said.get("reason", "") if isinstance(said, dict) else "", words)


def problem(status: int, reason: str, words: str) -> ClusterError:
    """What a Status of the API server comes to."""
    match status:
        case 404:
            return NotThere(words)
        case 409 if reason == "AlreadyExists" or "precondition" in words.lower():
            return Exists(words)
        case 410:
            return Expired(words)
        # credentials are renewed, and a conflict or a server's failure is over some time
        case 401 | 429:
            return NotHeard(words)
        case 0 | 408 | 409:
            return Unavailable(words)
        case _ if status >= 500:
            return Unavailable(words)
        case _:
            return Declined(words)


def _words(error: Exception) -> str:
    return clean_text(" ".join(str(error).split()) or type(error).__name__, MOST_WORDS)


def _account_namespace() -> str:
    try:
        return (ACCOUNT / "namespace").read_text().strip() or "default"
    except OSError:
        return "default"
