"""One attempt: its Job is made, watched, and ended.

placing ──► waiting ──► running ──► over ──► its log is read ──► ended
   │           │           │
   └───────────┴───────────┴──► ending: its Job is deleted, and none of its pods runs
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from cronquorum.clock import Clock, wait_for_event
from cronquorum.durations import format_duration
from cronquorum.logs import get_logger
from executor.assignment import Assignment
from executor.kinds.kubernetes import standing
from executor.kinds.kubernetes.cluster import Cluster, Resource
from executor.kinds.kubernetes.errors import ClusterError, Declined, NotHeard
from executor.kinds.kubernetes.job import EXECUTION, Found, active_deadline, label, moment, task_of
from executor.kinds.kubernetes.log import Log
from executor.kinds.kubernetes.way import Place
from executor.kinds.protocol import Reporter
from executor.report import Ended, TaskFailure, clean_text

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds between two tries of what the API server did not do."""
LOOK_SECONDS = 5.0
"""The longest time between two looks at what does not change."""
LOG_SECONDS = 10.0
"""How long the end of the log is waited for."""
PROLONG = timedelta(minutes=5)
"""How often a Job without a timeout is told to go on."""
CUT = b"\n[... the rest of the log could not be read ...]\n"

Object = dict[str, Any]
T = TypeVar("T")
_log = get_logger(__name__)


class Site(Protocol):
    """What all runs of an executor share."""

    cluster: Cluster
    clock: Clock

    def call(self, function: Callable[..., T], *arguments: Any) -> Awaitable[T]:
        """Have a thread call it."""
        ...

    def job(self, namespace: str, name: str) -> Object | None:
        """As it was last heard of."""
        ...

    def pods(self, namespace: str, uid: str) -> list[Object]:
        """Those of a Job, as they were last heard of."""
        ...

    def follow(self, log: Log, done: Callable[[], None]) -> None:
        """Have a thread read it; `done` is called in the event loop."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A Job that was made, and when: monotonic seconds."""

    name: str
    uid: str
    at: float


class JobRun:
    """`live` in a task of its own; `wake` when there is news of the Job or its pods."""

    def __init__(self, site: Site, assignment: Assignment, reporter: Reporter, container: str, place: Place) -> None:
        self.name = place.name
        self.namespace = place.namespace
        self._site = site
        self._clock = site.clock
        self._assignment = assignment
        self._reporter = reporter
        self._container = container
        self._place = place
        self._news = asyncio.Event()
        self._stopping = False
        self._over = False
        self._resumed = False
        self._made: Made | None = None
        self._deleted = False
        self._begun = False
        self._late = ""
        self._broken = ""
        self._sure = True
        self._trouble = ""
        self._pause = FIRST_PAUSE
        self._prolonged = 0.0
        self._log: Log | None = None
        self._log_read = asyncio.Event()

    def resume(self, found: Found, created: datetime | None) -> None:
        """Go on with a Job that is there."""
        age = max(0.0, (self._clock.now() - created).total_seconds()) if created is not None else 0.0
        self._resumed = True
        self._made = Made(name=found.name, uid=found.uid, at=self._clock.monotonic() - age)

    @property
    def uid(self) -> str:
        """Of the Job; empty as long as there is none."""
        return self._made.uid if self._made is not None else ""

    @property
    def told(self) -> dict[str, object]:
        """What a line of the log names of it: a Job of Kubernetes is no job of ours."""
        return {**self._assignment.named, "kubernetes_job": f"{self.namespace}/{self.name}"}

    def wake(self) -> None:
        """There is news."""
        self._news.set()

    def stop(self, grace: float) -> bool:
        """A Job is deleted; how long its pods may take is for their template to say."""
        if self._over:
            return False
        self._stopping = True
        self._news.set()
        return True

    async def live(self) -> Ended:
        """From beginning to end; `report` it then."""
        if self._made is None:
            failed = await self._make()
            if failed is not None:
                return failed
        assert self._made is not None
        made = self._made
        while True:
            self._news.clear()
            ended = await self._turn(made)
            if ended is not None:
                return ended
            await wait_for_event(self._news, self._clock, self._until_next(made))

    async def _make(self) -> Ended | None:
        """Make the Job. Returns how the attempt ended when it did not come to that."""
        until = self._clock.monotonic() + task_of(self._assignment).start_timeout.total_seconds()
        while True:
            if not self._reporter.may_start():
                self._stopping = True
            if self._stopping or self._broken or self._clock.monotonic() >= until:
                return await self._unmake()
            try:
                self._news.clear()
                made = await self._site.call(self._place.make, self._sure)
            except Declined as error:
                return Ended(error=TaskFailure(type="declined", message=f"Kubernetes declined: {error}", tail=""))
            except ClusterError as error:
                self._sure = self._sure and isinstance(error, NotHeard)
                self._trouble = f"Kubernetes cannot make its Job: {error}"
            else:
                if isinstance(made, dict):
                    metadata = made["metadata"]
                    self._made = Made(name=metadata["name"], uid=metadata["uid"], at=self._clock.monotonic())
                    self._pause = FIRST_PAUSE
                    return None
                self._trouble = made
            await wait_for_event(self._news, self._clock, self._next_pause())

    async def _unmake(self) -> Ended:
        """It is not to be made any more; or was it, by a call that was not answered?"""
        while not self._sure:
            try:
                job = await self._site.call(self._site.cluster.job, self.namespace, self.name)
                found = Found.read(job) if job is not None else None
                if job is None or found is None or found.assignment.key != self._assignment.key:
                    break
                await self._site.call(self._site.cluster.delete_job, self.namespace, self.name, found.uid)
            except ClusterError as error:
                self._trouble = f"Kubernetes does not say whether its Job is gone: {error}"
            await self._clock.sleep(self._next_pause())
        return self._ended_by_us(None, self._trouble)

    async def _turn(self, made: Made) -> Ended | None:
        """Look at how things stand, and do what is to be done. Returns how it ended, once it has."""
        try:
            job = await self._look(made)
            pods = self._site.pods(self.namespace, made.uid)
            self._look_at_start(pods)
            if job is None or (standing.ended_as(job) is not None and not any(map(standing.runs, pods))):
                pods = await self._site.call(self._list_pods, made.uid)
                if not any(map(standing.runs, pods)):
                    return await self._end(job, pods)
            elif standing.ended_as(job) is None:
                await self._act(made, job, pods)
            self._pause = FIRST_PAUSE
        except ClusterError as error:
            self._tell(error)
            await wait_for_event(self._news, self._clock, self._next_pause())
            self._news.set()  # it is not done yet
        return None

    def _tell(self, error: ClusterError) -> None:
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.warning("Kubernetes does not do what a Job needs", **self.told, error=self._trouble)

    async def _look(self, made: Made) -> Object | None:
        """The Job; None when it is gone for certain."""
        job = self._site.job(self.namespace, made.name)
        if job is not None and job["metadata"]["uid"] == made.uid:
            return job
        # not heard of yet, or not any more
        job = await self._site.call(self._site.cluster.job, self.namespace, made.name)
        return job if job is not None and job["metadata"]["uid"] == made.uid else None

    def _list_pods(self, uid: str) -> list[Object]:
        selector = f"{EXECUTION}={label(self._assignment.key.execution_id)}"
        pods, _ = self._site.cluster.list(Resource.PODS, self.namespace, selector)
        return [pod for pod in pods if standing.belongs(pod, uid)]

    def _look_at_start(self, pods: Sequence[Object]) -> None:
        begun = None if self._begun else standing.begun(pods, self._container)
        if begun is None:
            return
        self._begun = True
        # what has just begun began now: clocks of other machines are asked only about what was found
        until = self._clock.now() if self._resumed and begun.until is None else begun.until or begun.since
        self._reporter.started(max(0.0, (until - begun.since).total_seconds()))
        self._log = Log(self._site.cluster, self.namespace, begun.pod, self._container, self._reporter.line)
        self._site.follow(self._log, self._log_read.set)

    async def _act(self, made: Made, job: Object, pods: Sequence[Object]) -> None:
        """Delete the Job when it is to end, else prolong it when that is due."""
        now = self._clock.monotonic()
        waited = now - made.at
        if not self._begun and not self._stopping and waited >= task_of(self._assignment).start_timeout.total_seconds():
            self._late = self._late or standing.waits_for(job, pods)
        if (self._stopping or self._late or self._broken) and not self._deleted:
            await self._site.call(self._site.cluster.delete_job, self.namespace, made.name, made.uid)
            self._deleted = True
        elif not self._deleted and now - max(self._prolonged, made.at) >= PROLONG.total_seconds():
            age = self._age(job, waited)
            seconds = active_deadline(self._assignment, age)
            if seconds > job["spec"].get("activeDeadlineSeconds", 0):
                await self._site.call(self._site.cluster.extend_job, self.namespace, made.name, seconds)
            self._prolonged = now

    def _age(self, job: Object, waited: float) -> timedelta:
        started = moment((job.get("status") or {}).get("startTime"))
        return self._clock.now() - started if self._resumed and started is not None else timedelta(seconds=waited)

    async def _end(self, job: Object | None, pods: Sequence[Object]) -> Ended:
        """Nothing runs any more: read the rest of the log, and say how it ended."""
        condition = standing.ended_as(job) if job is not None else None
        natural = condition is not None and not (self._deleted and condition.get("type") == "Failed")
        self._over = natural
        self._look_at_start(pods)
        await self._read_log()
        code = standing.exit_code(pods, self._container)
        if natural:
            assert job is not None
            return standing.verdict(job, pods, self._container)
        if self._stopping or self._late or self._broken:
            return self._ended_by_us(code, self._late)
        return Ended(
            exit_code=code, error=TaskFailure(type="jobDeleted", message="its Job was deleted by somebody else")
        )

    async def _read_log(self) -> None:
        if self._log is None:
            return
        self._log.over()
        if not await wait_for_event(self._log_read, self._clock, LOG_SECONDS):
            self._log.close()
            self._reporter.output("stdout", CUT)

    def fail(self, why: str) -> None:
        """Have it end, by a mistake of ours; `live` is to be called again."""
        self._broken = why
        self._sure = False

    def report(self, ended: Ended) -> None:
        """Nothing of it runs any more."""
        self._reporter.ended(ended)

    def close(self) -> None:
        """This executor goes; the Job stays."""
        if self._log is not None:
            self._log.close()

    def _ended_by_us(self, code: int | None, why: str) -> Ended:
        if self._broken:
            return Ended(exit_code=code, error=TaskFailure(type="internal", message=clean_text(self._broken)))
        if self._stopping:
            return Ended(exit_code=code, stopped=True)
        limit = format_duration(task_of(self._assignment).start_timeout)
        return Ended(error=TaskFailure(type="notStarted", message=f"did not start within {limit}: {why}", tail=""))

    def _next_pause(self) -> float:
        pause, self._pause = self._pause, min(LONGEST_PAUSE, 2 * self._pause)
        return pause

    def _until_next(self, made: Made) -> float:
        if self._begun or self._deleted:
            return LOOK_SECONDS
        left = made.at + task_of(self._assignment).start_timeout.total_seconds() - self._clock.monotonic()
        return max(0.05, min(LOOK_SECONDS, left))
