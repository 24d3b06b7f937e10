"""Jobs of a Kubernetes cluster, as the executor sees them."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from cronquorum.clock import Clock, wait_for_event
from cronquorum.logs import get_logger
from cronquorum.names import shown
from executor.assignment import Assignment, AttemptKey
from executor.config import ExecutorConfig
from executor.errors import Refusal
from executor.kinds.kubernetes.cluster import Cluster, Resource
from executor.kinds.kubernetes.errors import ClusterError
from executor.kinds.kubernetes.job import EXECUTOR, Found, body_of, container_of, label, moment, name_of, task_of
from executor.kinds.kubernetes.log import Log
from executor.kinds.kubernetes.mirror import Mirror
from executor.kinds.kubernetes.run import FIRST_PAUSE, LONGEST_PAUSE, JobRun
from executor.kinds.kubernetes.standing import belongs
from executor.kinds.kubernetes.way import Place
from executor.kinds.mailbox import Mailbox
from executor.kinds.protocol import Reporter, Run
from executor.kinds.thread_pool import ThreadPool
from executor.report import Ended

CALLS = 8
"""Calls to an API server at once."""
LOGS = 32
"""Logs that are followed at once; the others are read as soon as one of these ends."""
FIND_SECONDS = 10.0
"""How long a start waits for the API server to say what earlier incarnations left."""
TRIES = 10
"""To delete what is done with. Kubernetes itself does it later."""

Object = dict[str, Any]
T = TypeVar("T")
_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """A Job that is done with as soon as its outcome is on the record."""

    namespace: str
    name: str
    uid: str


class KubernetesKind:
    """A `LastingKind`, and the `Site` of its runs."""

    name = "kubernetes"

    def __init__(self, config: ExecutorConfig, executor_id: str, clock: Clock) -> None:
        self.clock = clock
        self.cluster = Cluster.connect(config.kubernetes_config)
        self.namespaces = config.kubernetes_namespaces or (self.cluster.namespace,)
        # pods of several namespaces may be called alike
        self._owner = label(f"{self.cluster.namespace}.{executor_id}")
        self._incarnation = config.incarnation
        self._calls, self._logs = ThreadPool(CALLS), ThreadPool(LOGS)
        self._mailbox: Mailbox | None = None
        self._mirrors: dict[tuple[Resource, str], Mirror] = {}
        self._unlisted = set(self.namespaces)
        self._listed = asyncio.Event()
        self._looking = True
        self._waiting: dict[AttemptKey, tuple[Found, Object]] = {}
        self._runs: dict[tuple[str, str], JobRun] = {}
        self._left: dict[tuple[str, int, int, int], Left] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._mailbox = mailbox = Mailbox(asyncio.get_running_loop())
        selector = f"{EXECUTOR}={self._owner}"
        for namespace in self.namespaces:
            for resource, changed in ((Resource.JOBS, _job_of), (Resource.PODS, _owners_of)):
                mirror = Mirror(
                    self.cluster,
                    resource,
                    namespace,
                    selector,
                    mailbox,
                    partial(self._on_change, namespace, changed),
                    partial(self._on_listed, resource, namespace),
                )
                self._mirrors[resource, namespace] = mirror
                mirror.start()

    async def found(self) -> Sequence[Assignment]:
        if not await wait_for_event(self._listed, self.clock, FIND_SECONDS):
            _log.warning(
                "Kubernetes does not say which Jobs earlier incarnations left",
                kubernetes_namespaces=list(self.namespaces),
            )
        self._looking = False
        assignments = []
        for namespace in self.namespaces:
            if namespace in self._unlisted:
                continue
            for job in self._jobs(namespace):
                found = Found.read(job)
                if found is not None:
                    key = found.assignment.key._replace(incarnation=self._incarnation)
                    self._waiting[key] = found, job
                    self._left[key[:4]] = Left(namespace=namespace, name=found.name, uid=found.uid)
                    assignments.append(found.assignment._replace(key=key))
        return assignments

    def run(self, assignment: Assignment, reporter: Reporter) -> Run:
        task = task_of(assignment)
        namespace = task.namespace or self.namespaces[0]
        if namespace not in self.namespaces:
            allowed = ", ".join(self.namespaces)
            raise Refusal("badTask", f"namespace {shown(namespace)}: Jobs of this executor may be in {allowed}")
        place = Place(
            cluster=self.cluster,
            namespace=namespace,
            name=name_of(assignment),
            key=assignment.key,
            owner=self._owner,
            body=body_of(assignment, self._owner),
        )
        run = JobRun(self, assignment, reporter, container_of(task.template, task.container), place)
        return self._begin(run, assignment.key)

    def resume(self, assignment: Assignment, reporter: Reporter) -> Run:
        found, job = self._waiting.pop(assignment.key)
        self._left.pop(assignment.key[:4], None)
        place = Place(
            cluster=self.cluster,
            namespace=found.namespace,
            name=found.name,
            key=assignment.key,
            owner=self._owner,
            body={},  # it is made already
        )
        run = JobRun(self, assignment, reporter, found.container, place)
        run.resume(found, moment(job["metadata"].get("creationTimestamp")))
        return self._begin(run, assignment.key)

    def acknowledged(self, key: AttemptKey) -> None:
        left = self._left.pop(key[:4], None)
        if left is not None:
            self._spawn(self._delete(left))

    async def close(self) -> None:
        for run in self._runs.values():
            run.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for mirror in self._mirrors.values():
            mirror.close()
        self._calls.close()
        self._logs.close()
        self.cluster.close()

    def call(self, function: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
        """See `Site`."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        mailbox = self._mailbox
        assert mailbox is not None

        def work() -> None:
            try:
                result = function(*arguments)
            except BaseException as error:
                mailbox.post(partial(_fail, future, error))
            else:
                mailbox.post(partial(_succeed, future, result))

        self._calls.submit(work)
        return future

    def job(self, namespace: str, name: str) -> Object | None:
        """See `Site`."""
        return self._mirrors[Resource.JOBS, namespace].objects.get(name)

    def pods(self, namespace: str, uid: str) -> list[Object]:
        """See `Site`."""
        return [pod for pod in self._mirrors[Resource.PODS, namespace].objects.values() if belongs(pod, uid)]

    def follow(self, log: Log, done: Callable[[], None]) -> None:
        """See `Site`."""
        mailbox = self._mailbox
        assert mailbox is not None

        def work() -> None:
            try:
                log.read()
            except Exception:
                _log.exception("a log cannot be read")
            finally:
                mailbox.post(done)

        self._logs.submit(work)

    def _begin(self, run: JobRun, key: AttemptKey) -> JobRun:
        self._runs[run.namespace, run.name] = run
        self._spawn(self._live(run, key))
        return run

    async def _live(self, run: JobRun, key: AttemptKey) -> None:
        ended = await self._outlive(run)
        if self._runs.get((run.namespace, run.name)) is run:
            del self._runs[run.namespace, run.name]
        if run.uid:
            self._left[key[:4]] = Left(namespace=run.namespace, name=run.name, uid=run.uid)
        run.report(ended)

    async def _outlive(self, run: JobRun) -> Ended:
        """A mistake of ours ends the Job, and is no reason to say that it has ended before it has."""
        while True:
            try:
                return await run.live()
            except Exception as error:
                _log.exception("a run of a Job broke", **run.told)
                run.fail(f"{type(error).__name__}: {error}")
                await self.clock.sleep(LONGEST_PAUSE)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_change(self, namespace: str, names: Callable[[Object], Iterable[str]], thing: Object) -> None:
        for name in names(thing):
            run = self._runs.get((namespace, name))
            if run is not None:
                run.wake()
            else:
                self._end_late(namespace, name)

    def _jobs(self, namespace: str) -> list[Object]:
        return list(self._mirrors[Resource.JOBS, namespace].objects.values())

    def _on_listed(self, resource: Resource, namespace: str) -> None:
        if resource is not Resource.JOBS or namespace not in self._unlisted:
            return
        self._unlisted.discard(namespace)
        if not self._unlisted:
            self._listed.set()
        if not self._looking:
            self._end_strays(namespace)

    def _end_late(self, namespace: str, name: str) -> None:
        """A Job that we ourselves asked for, and that came to be after its attempt had ended, since no answer came."""
        job = self.job(namespace, name)
        found = Found.read(job) if job is not None else None
        if found is None or found.deleting:
            return
        key = found.assignment.key
        if key.incarnation == self._incarnation and key[:4] not in self._left:
            self._spawn(self._delete(Left(namespace=namespace, name=name, uid=found.uid)))

    def _end_strays(self, namespace: str) -> None:
        """What earlier incarnations left, and was heard of too late to go on: the leader has been told that it is not
        here."""
        for job in self._jobs(namespace):
            found = Found.read(job)
            if found is not None and (namespace, found.name) not in self._runs:
                told = {**found.assignment.named, "kubernetes_job": f"{namespace}/{found.name}"}
                _log.warning("a Job of an earlier incarnation is ended", **told)
                self._spawn(self._delete(Left(namespace=namespace, name=found.name, uid=found.uid)))

    async def _delete(self, left: Left) -> None:
        pause = FIRST_PAUSE
        for _ in range(TRIES):
            with contextlib.suppress(ClusterError):
                await self.call(self.cluster.delete_job, left.namespace, left.name, left.uid)
                return
            await self.clock.sleep(pause)
            pause = min(LONGEST_PAUSE, 2 * pause)


def _job_of(job: Object) -> Iterable[str]:
    return [job["metadata"]["name"]]


def _owners_of(pod: Object) -> Iterable[str]:
    return [owner.get("name", "") for owner in pod["metadata"].get("ownerReferences") or []]


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)
