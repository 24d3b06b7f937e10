"""What there is of one resource in one namespace, kept up to date by one thread."""

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

from cronquorum.logs import get_logger
from executor.kinds.kubernetes.cluster import Cluster, Resource, Stream, problem
from executor.kinds.kubernetes.errors import ClusterError, Expired, Unavailable
from executor.kinds.mailbox import Mailbox

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between two tries to reach an API server."""

_log = get_logger(__name__)

Object = dict[str, Any]


class Mirror:
    """Begun by `start`. `objects`, by name, are of the event loop; in it `on_change` is told what is new, changed or
    gone, `on_listed` that there is all that there was when it was asked, each time."""

    def __init__(
        self,
        cluster: Cluster,
        resource: Resource,
        namespace: str,
        selector: str,
        mailbox: Mailbox,
        on_change: Callable[[Object], None],
        on_listed: Callable[[], None] = lambda: None,
    ) -> None:
        self.objects: dict[str, Object] = {}
        self._cluster = cluster
        self._resource = resource
        self._namespace = namespace
        self._selector = selector
        self._mailbox = mailbox
        self._on_change = on_change
        self._on_listed = on_listed
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._failing = False

    def start(self) -> None:
        """Begin to list and watch."""
        name = f"{self._resource}-{self._namespace}"
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def close(self) -> None:
        """No more is told. The thread ends soon."""
        self._closed.set()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _serve(self) -> None:
        version, pause = "", FIRST_PAUSE
        while not self._closed.is_set():
            try:
                if not version:
                    found, version = self._cluster.list(self._resource, self._namespace, self._selector)
                    self._mailbox.post(lambda found=found: self._replace(found))  # type: ignore[misc]  # bound now
                    self._works()
                version = self._watch(version)
                pause = FIRST_PAUSE
            except Expired:
                version = ""
            except ClusterError as error:
                self._fails(error)
                self._closed.wait(pause)
                pause = min(LONGEST_PAUSE, 2 * pause)

    def _watch(self, version: str) -> str:
        """Pass on what changes, until the API server ends it; returns the version to go on from."""
        stream = self._cluster.watch(self._resource, self._namespace, self._selector, version)
        self._stream = stream
        if self._closed.is_set():  # which may have come before there was a stream to close
            stream.close()
        self._works()
        with contextlib.suppress(Unavailable):  # one that breaks off says nothing: the next try will
            for line in stream.lines():
                version = self._take(line)
        self._closed.wait(FIRST_PAUSE)
        return version

    def _take(self, line: bytes) -> str:
        try:
            event = json.loads(line)
            kind, thing = event["type"], event["object"]
            if kind == "ERROR":
                raise problem(int(thing.get("code", 500)), str(thing.get("reason", "")), str(thing.get("message", "")))
            version = str(thing["metadata"]["resourceVersion"])
        except (ValueError, KeyError, TypeError):
            raise Expired("a change that cannot be read") from None
        if kind != "BOOKMARK":
            self._mailbox.post(lambda: self._put(thing, kind == "DELETED"))
        return version

    def _put(self, thing: Object, gone: bool) -> None:
        name = thing["metadata"]["name"]
        if gone:
            self.objects.pop(name, None)
        else:
            self.objects[name] = thing
        self._on_change(thing)

    def _replace(self, found: list[Object]) -> None:
        before, self.objects = self.objects, {thing["metadata"]["name"]: thing for thing in found}
        for thing in {**before, **self.objects}.values():
            self._on_change(thing)
        self._on_listed()

    def _fails(self, error: ClusterError) -> None:
        if not self._failing and not self._closed.is_set():
            self._failing = True
            _log.warning(
                "Kubernetes does not tell what becomes of Jobs",
                resource=self._resource.value,
                kubernetes_namespace=self._namespace,
                error=str(error),
            )

    def _works(self) -> None:
        if self._failing:
            self._failing = False
            _log.info("Kubernetes tells again", resource=self._resource.value, kubernetes_namespace=self._namespace)
