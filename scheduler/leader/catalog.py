"""Jobs and their definitions, as far as the leader needs them now: a bounded cache over the store."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from cronquorum.logs import get_logger
from jobstore.model import Job
from jobstore.protocols import JobQuery, Records
from scheduler.calendars.library import Library
from scheduler.definitions import Defaults, Definition, compile_definition, compile_trigger
from scheduler.errors import InvalidJob
from scheduler.schedules import Schedule

MOST_JOBS = 50_000
MOST_DEFINITIONS = 50_000
MOST_SCHEDULES = 100_000

Revision = tuple[UUID, int]

K = TypeVar("K")
V = TypeVar("V")
_log = get_logger(__name__)


class Catalog:
    """The present jobs by uid, definitions by (job uid, revision), and all calendars.

    The leader is the only one who changes them, so what is here is right: it puts each job here when the
    edit is committed.
    """

    def __init__(self, records: Records, defaults: Defaults) -> None:
        self._records = records
        self._defaults = defaults
        self._jobs: OrderedDict[int, Job] = OrderedDict()
        self._uids: dict[tuple[str, str], UUID] = {}
        self._definitions: OrderedDict[tuple[int, int], Definition | InvalidJob] = OrderedDict()
        self._schedules: OrderedDict[tuple[int, int, str], Schedule | InvalidJob] = OrderedDict()
        self._library = Library({})

    def named(self, namespace: str, name: str) -> Job | None:
        """A job by its name, if it is here."""
        uid = self._uids.get((namespace, name))
        return None if uid is None else self._jobs.get(uid.int)

    def knows(self, job_uid: UUID) -> bool:
        """Whether a job is here."""
        return job_uid.int in self._jobs

    def job(self, job_uid: UUID) -> Job | None:
        """A job, if it is here. The times of its triggers are in the timetable, not in this value."""
        return self._jobs.get(job_uid.int)

    def definition(self, job_uid: UUID, revision: int) -> Definition | None:
        """A revision's definition, if it is here and can be read."""
        found = self._definitions.get((job_uid.int, revision))
        return found if isinstance(found, Definition) else None

    def has_definition(self, job_uid: UUID, revision: int) -> bool:
        """Whether a revision was read, or compiled, whatever came of it."""
        return (job_uid.int, revision) in self._definitions

    def compile(self, job: Job) -> Definition:
        """A job's present definition. Raises `InvalidJob` when it cannot be read any more."""
        key = (job.uid.int, job.revision)
        found = self._definitions.get(key)
        if found is None:
            try:
                found = compile_definition(job.spec, self._defaults)
            except InvalidJob as error:
                found = error
            _keep(self._definitions, key, found, MOST_DEFINITIONS)
        if isinstance(found, InvalidJob):
            raise found
        return found

    def schedule(self, job: Job, trigger: str) -> Schedule:
        """When a trigger of a job's present definition is due. Raises `InvalidJob` when it cannot be read any
        more: its time zone, or a calendar of its, may be gone from what this node knows."""
        key = (job.uid.int, job.revision, trigger)
        found = self._schedules.get(key)
        if found is None:
            spec = job.spec.trigger(trigger)
            try:
                if spec is None:
                    raise InvalidJob()
                found = compile_trigger(spec, job.namespace, job.name, self._library)
            except InvalidJob as error:
                found = error
            _keep(self._schedules, key, found, MOST_SCHEDULES)
        if isinstance(found, InvalidJob):
            raise found
        return found

    @property
    def library(self) -> Library:
        """The calendars."""
        return self._library

    def put_library(self, library: Library) -> None:
        """The calendars are read, or have changed."""
        self._library = library
        self._schedules.clear()

    def put(self, job: Job) -> None:
        """A job is written."""
        known = self._jobs.get(job.uid.int)
        if known is None or known.revision <= job.revision:
            self._uids[job.namespace, job.name] = job.uid
            for gone in _keep(self._jobs, job.uid.int, job, MOST_JOBS):
                self._forget_name(gone)

    def put_compiled(self, job: Job, definition: Definition, schedules: Mapping[str, Schedule]) -> None:
        """What a job's present definition, and its triggers' schedules by their names, were compiled to."""
        _keep(self._definitions, (job.uid.int, job.revision), definition, MOST_DEFINITIONS)
        for trigger, schedule in schedules.items():
            _keep(self._schedules, (job.uid.int, job.revision, trigger), schedule, MOST_SCHEDULES)

    def drop(self, job_uid: UUID) -> None:
        """A job is deleted."""
        gone = self._jobs.pop(job_uid.int, None)
        if gone is not None:
            self._forget_name(gone)

    def _forget_name(self, job: Job) -> None:
        if self._uids.get((job.namespace, job.name)) == job.uid:
            del self._uids[job.namespace, job.name]

    async def fetch_jobs(
        self, uids: Iterable[UUID], read: Callable[[Callable[[], list[Job]]], Awaitable[list[Job]]]
    ) -> None:
        """Read jobs that are not here. Those that cannot be read, or are gone, are still not here then.

        `read` asks behind every edit, so that a job deleted meanwhile is not put back.
        """
        missing = tuple(uid for uid in dict.fromkeys(uids) if uid.int not in self._jobs)
        if missing:
            query = JobQuery(uids=missing, limit=len(missing))
            for job in await read(lambda: self._records.jobs(query)):
                self.put(job)

    async def fetch_definitions(self, keys: Iterable[Revision]) -> None:
        """Read definitions that are not here."""
        missing = [key for key in dict.fromkeys(keys) if (key[0].int, key[1]) not in self._definitions]
        if missing:
            for key, found in await asyncio.to_thread(self._read, missing):
                _keep(self._definitions, (key[0].int, key[1]), found, MOST_DEFINITIONS)

    def _read(self, keys: Sequence[Revision]) -> list[tuple[Revision, Definition | InvalidJob]]:
        found: list[tuple[Revision, Definition | InvalidJob]] = []
        for key in keys:
            spec = self._records.spec(*key)
            try:
                if spec is None:
                    raise InvalidJob()
                found.append((key, compile_definition(spec, self._defaults)))
            except InvalidJob as error:
                _log.error("a definition cannot be read", job_uid=str(key[0]), revision=key[1])
                found.append((key, error))
        return found


def _keep(cache: "OrderedDict[K, V]", key: K, value: V, limit: int) -> list[V]:
    """Put a value in as the youngest; returns the oldest ones that had to go."""
    if key in cache:
        del cache[key]
    cache[key] = value
    return [cache.popitem(last=False)[1] for _ in range(len(cache) - limit)] if len(cache) > limit else []
