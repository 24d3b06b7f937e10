"""Everything in one process: the composition root of the embedded mode, and `schedctl dev`.

The same node, the same executor, and the same gRPC between them as in a cluster; only the election and the
registry are in-process, and the store is SQLite unless told otherwise.
"""

import asyncio
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from cronquorum import garbage, logs
from cronquorum.clock import SystemClock
from cronquorum.coordination.inprocess import InProcessCoordinator
from cronquorum.settings import is_loopback, split_host_port
from executor.config import LEASE, SLOTS, ExecutorConfig, TaskSource
from executor.service import Executor
from jobstore.errors import StoreError
from jobstore.opening import open_store
from jobstore.protocols import ExecutionQuery
from jobstore.schema import upgrade
from jobstore.states import State
from schedapi.client import Client, new_request_id
from schedapi.errors import ApiError
from schedapi.manifest import Document, read_documents
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.job_service_pb2 import AppliedCalendar, AppliedJob, ApplyResponse, RunJobRequest, RunJobResponse
from schedctl.applying import applied_lines, apply_request
from schedctl.exits import CommandError, ExitCode, from_api
from schedctl.printing import printable
from schedctl.sources import read_sources
from schedctl.view import View
from scheduler.leader.leader import Policy
from scheduler.node import Node, NodeConfig

DRAIN = 10.0
"""Seconds that running tasks get to finish when everything is stopped."""
START_TIMEOUT = 30.0
STOP_TIMEOUT = 30.0

T = TypeVar("T")


def _in_one_process(policy: Policy) -> Policy:
    """Nothing is recorded ahead of its time: the executor dies with the leader, and then nobody could tell that it was
    not sent."""
    return replace(policy, ahead=timedelta(0))


class Embedded:
    """The engine inside a program of your own: `with Embedded(store=..., tasks=[...]) as cluster:`.

    `store` is a URL as for `python -m jobstore`; its schema is brought up to date. `tasks` are modules (or
    their names) and functions that jobs may call. `data` is a folder in which the executor keeps its id; without it
    nothing is kept but in the store. It listens on loopback, on a free port unless told.
    """

    def __init__(
        self,
        *,
        store: str = "sqlite://",
        tasks: Sequence[TaskSource] = (),
        listen: str = "127.0.0.1:0",
        data: Path | None = None,
        slots: int = SLOTS,
        lease: timedelta = LEASE,
        policy: Policy | None = None,
    ) -> None:
        self._clock = SystemClock()
        self._store = open_store(store)
        coordinator = InProcessCoordinator()
        self._node = Node(
            NodeConfig(node_id="embedded", listen=listen, policy=_in_one_process(policy or Policy())),
            self._store,
            coordinator,
            self._clock,
        )
        self._beside = InProcessCoordinator(beside=coordinator)
        self._executor = Executor(
            ExecutorConfig(
                executor_id="embedded",
                listen="127.0.0.1:0",
                tasks=tuple(tasks),
                slots=slots,
                lease=lease,
                data=data,
            ),
            self._clock,
            self._beside,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cronquorum", daemon=True)
        self._client: Client | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start everything, in a thread of its own; returns when the first term has begun.

        Raises the `StoreError`, `SchedulerError` or `ExecutorError` that prevents it; then nothing is left.
        """
        upgrade(self._store)
        self._thread.start()
        try:
            self._do(self._start(), START_TIMEOUT)
        except BaseException:
            self._shut()
            self._store.close()
            raise
        self._client = Client([self.address])

    async def _start(self) -> None:
        # the executor first: the leader of a store that went back hears of it before it decides anything
        await self._beside.start()
        await self._executor.start()
        try:
            await self._node.start()
            async with asyncio.timeout(START_TIMEOUT):
                await self._node.led()
        except BaseException:
            await self._executor.stop(0)
            await self._node.stop()
            raise

    def stop(self) -> None:
        """Let running tasks finish, for at most `DRAIN` seconds, and stop everything but the store. Idempotent."""
        if self._client is not None:
            self._client.close()
            self._client = None
            try:
                self._do(self._stop(), DRAIN + STOP_TIMEOUT)
            finally:
                self._shut()

    def close(self) -> None:
        """Stop, and let go of the store. Idempotent."""
        self.stop()
        self._store.close()

    async def _stop(self) -> None:
        # the executor first: what it finishes is still settled
        await self._executor.stop(DRAIN)
        await self._beside.close()
        await self._node.stop()

    def _shut(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    @property
    def address(self) -> str:
        """Where the API is served: for `schedctl --endpoint`, or a client of your own."""
        return self._node.address

    @property
    def client(self) -> Client:
        """A client of the API."""
        if self._client is None:
            raise RuntimeError("the cluster is not running: use it inside its with block")
        return self._client

    def apply(self, manifests: str, source: str = "text") -> list[AppliedCalendar | AppliedJob]:
        """Apply the manifests of a YAML text: all or none. Raises `ManifestError` or `ApiError`.

        Files that it names are looked for in the working directory. What is returned has the calendars first.
        """
        return self._apply(read_documents(manifests, source, Path()))

    def apply_files(self, paths: Sequence[str | Path]) -> list[AppliedCalendar | AppliedJob]:
        """As `apply`, for files and folders; what a file names is looked for beside it."""
        return self._apply(read_sources([str(path) for path in paths]))

    def _apply(self, documents: Sequence[Document]) -> list[AppliedCalendar | AppliedJob]:
        applied = self.apply_documents(documents)
        return [*applied.calendars, *applied.jobs]

    def apply_documents(self, documents: Sequence[Document]) -> ApplyResponse:
        """Apply manifests that are read already: all or none. Raises `ApiError`."""
        return self.client.unary("JobService/Apply", apply_request(documents), ApplyResponse)

    def run(
        self,
        name: str,
        *,
        namespace: str = "default",
        params: Mapping[str, Any] | None = None,
        trigger: str = "",
        wait: bool = False,
        timeout: timedelta = timedelta(minutes=5),
    ) -> Execution:
        """Run a job now, with the parameters of a `trigger` if one is named; with `wait`, return when its execution
        has ended. Raises `ApiError`."""
        request = RunJobRequest(request_id=new_request_id(), namespace=namespace, name=name, trigger=trigger, wait=wait)
        request.params.update(dict(params or {}))
        return self.client.unary("JobService/Run", request, RunJobResponse, timeout=timeout).execution

    def totals(self) -> Counter[State]:
        """How many executions there are in each state: all that the store has. Also after `stop`."""
        found: Counter[State] = Counter()
        after = None
        while True:
            page = self._store.executions(ExecutionQuery(after=after, limit=1000))
            found.update(execution.state for execution in page)
            if len(page) < 1000:
                return found
            after = (page[-1].scheduled_time, page[-1].id)


def run(
    data: Path | None,
    listen: str,
    tasks: Sequence[str],
    apply: Sequence[Path],
    for_: timedelta | None,
    watch: bool,
) -> int:
    """`schedctl dev`: run until SIGTERM, Ctrl-C, or for so long; returns the exit code."""
    _check_listen(listen)
    documents = read_sources([str(path) for path in apply])  # what is wrong there is said before anything starts
    logs.configure("warning" if watch else "info")
    logs.listen()
    garbage.look_rarely()
    sys.path.insert(0, str(Path.cwd()))  # where the user's own task modules are
    with tempfile.TemporaryDirectory(prefix="cronquorum-") as nowhere:
        folder = data or Path(nowhere)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(f"--data: {folder}: {(error.strerror or str(error)).lower()}") from None
        try:
            cluster = Embedded(
                store=f"sqlite:///{(folder / 'cronquorum.sqlite').absolute()}",
                tasks=tasks,
                listen=listen,
                data=folder / "executor",
            )
        except StoreError as error:
            raise CommandError(f"--data: {error}") from None
        return _until_told(cluster, documents, for_, watch)


def _check_listen(listen: str) -> None:
    try:
        host, _ = split_host_port(listen)
    except ValueError as error:
        raise CommandError(f"--listen: {error}", code=ExitCode.USAGE) from None
    if not is_loopback(host):
        told = f"--listen: {host} is not loopback, and the traffic is plain text: listen on 127.0.0.1"
        raise CommandError(told, code=ExitCode.USAGE)


def _until_told(cluster: Embedded, documents: Sequence[Document], for_: timedelta | None, watch: bool) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        cluster.start()
    except Exception as error:
        raise CommandError(str(error)) from error
    try:
        # tasks of this process that call the API find it as `schedctl` would
        os.environ["CRONQUORUM_ENDPOINT"] = cluster.address
        print(f"serving on {cluster.address}", file=sys.stderr)
        _apply(cluster, documents)
        View(cluster.client, live=watch).show(stop, for_)
        cluster.stop()
        totals = cluster.totals()
    finally:
        cluster.close()
    failed = totals[State.FAILED] + totals[State.TIMED_OUT] + totals[State.LOST]
    if for_ is None and not watch:
        return 0
    print(f"{totals[State.SUCCEEDED]} succeeded, {failed} failed")
    return 0 if totals[State.SUCCEEDED] and not failed else 1


def _apply(cluster: Embedded, documents: Sequence[Document]) -> None:
    try:
        applied = cluster.apply_documents(documents) if documents else ApplyResponse()
    except ApiError as error:
        raise from_api(error, documents) from None
    for line in applied_lines(applied):
        print(printable(line), file=sys.stderr)
