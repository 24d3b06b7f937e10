"""Somebody who calls the API all the while, and how long they have to wait for an answer."""

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Self

from cronquorum.clock import SystemClock
from schedapi.client import Client
from schedapi.errors import ApiError
from schedapi.v1 import job_pb2
from schedapi.v1.job_service_pb2 import GetJobRequest, RunJobRequest, RunJobResponse

PAUSE = 0.05
"""Seconds between two calls."""
TIMEOUT = timedelta(seconds=5)
NAMESPACE, JOB = "probe", "probe"

_clock = SystemClock()


def read(client: Client) -> None:
    """A call that any node answers."""
    client.unary("JobService/Get", GetJobRequest(namespace=NAMESPACE, name=JOB), job_pb2.Job, timeout=TIMEOUT)


def write(client: Client) -> None:
    """A call that only the leader answers."""
    client.unary("JobService/Run", RunJobRequest(namespace=NAMESPACE, name=JOB), RunJobResponse, timeout=TIMEOUT)


class Caller:
    """A thread that calls until it leaves its `with` block. `told` says where the nodes are now."""

    def __init__(self, call: Callable[[Client], None], endpoints: Sequence[str]) -> None:
        self.answered = 0
        self.failed: list[str] = []
        """What calls that failed have said, which the client had tried again as long as it does."""
        self.away = 0.0
        """The longest time without an answer, in seconds: from a call, and from the first of several that failed."""
        self._call = call
        self._endpoints = list(endpoints)
        self._fresh = True
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=call.__name__, daemon=True)

    def told(self, endpoints: Sequence[str]) -> None:
        """The nodes are these from the next call on."""
        self._endpoints, self._fresh = list(endpoints), True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        client = Client(self._endpoints)
        since: float | None = None
        while not self._stop.is_set():
            if self._fresh:
                self._fresh = False
                client.close()
                client = Client(self._endpoints)
            begun = _clock.monotonic()
            since = begun if since is None else since
            try:
                self._call(client)
            except ApiError as error:
                self.failed.append(str(error))
            else:
                self.answered += 1
                self.away = max(self.away, _clock.monotonic() - since)
                since = None
            self._stop.wait(PAUSE)
        client.close()
