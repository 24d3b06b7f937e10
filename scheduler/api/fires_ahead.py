"""Looking for the fires ahead of a job: in threads of its own, and not for ever."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from cronquorum.clock import Clock
from jobstore.model import Job
from jobstore.protocols import JobQuery, Records
from schedapi.errors import DeadlineExceeded
from schedapi.v1.job_service_pb2 import NextFire, NextFiresRequest, NextFiresResponse
from scheduler import wire
from scheduler.api.checks import instant, job_name
from scheduler.api.libraries import calendars_of, read_library
from scheduler.api.next_fires import Ahead, Fire, next_fires
from scheduler.definitions import compile_trigger
from scheduler.errors import InvalidJob, InvalidRequest, NotFound, Violation
from scheduler.schedules import Schedule

DEFAULT_COUNT, MOST_FIRES = 10, 10_000
LONGEST_SEARCH = 5.0
"""Seconds: calendars may leave out so much that the fires between are hard to find."""
MOST_SEARCHES = 2
"""Searches at once on a node: each takes a processor."""


class FiresAhead:
    """Answers `JobService.NextFires` from the store."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._pool = ThreadPoolExecutor(MOST_SEARCHES, "next-fires")

    async def answer(self, request: NextFiresRequest, time_left: float | None) -> NextFiresResponse:
        """Raises `InvalidRequest`, `NotFound`, and `DeadlineExceeded`: of the call, or of `LONGEST_SEARCH`."""
        name = job_name(request)
        until = instant(request, "until", "until")
        if not 0 <= request.count <= MOST_FIRES:
            raise InvalidRequest(Violation("count", f"{request.count} is not in 1-{MOST_FIRES}, nor 0 for the default"))
        count = request.count or (DEFAULT_COUNT if until is None else MOST_FIRES)
        ahead = Ahead(now=self._clock.now(), count=count, until=until)
        seconds = min(LONGEST_SEARCH, time_left) if time_left is not None else LONGEST_SEARCH
        check = self._patience(seconds)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._search, name, ahead, check)

    def _patience(self, seconds: float) -> Callable[[], None]:
        end = self._clock.monotonic() + seconds

        def check() -> None:
            if self._clock.monotonic() > end:
                told = f"the fires were not all found within {seconds:.3g} s: ask for fewer, or with an until"
                raise DeadlineExceeded(told)

        return check

    def _search(self, name: tuple[str, str], ahead: Ahead, check: Callable[[], None]) -> NextFiresResponse:
        jobs = self._records.jobs(JobQuery(names=(name,), limit=1))
        if not jobs:
            raise NotFound(f"there is no job {'/'.join(name)}")
        fires = next_fires(jobs[0], self._schedules(jobs[0]), ahead, check)
        return NextFiresResponse(fires=map(_message, fires), state=jobs[0].state)

    def _schedules(self, job: Job) -> dict[str, Schedule]:
        """Those that can be compiled: the leader would set the others aside."""
        library = read_library(self._records, calendars_of(job.spec, job.namespace))
        found: dict[str, Schedule] = {}
        for trigger in job.spec.triggers:
            try:
                found[trigger.name] = compile_trigger(trigger, job.namespace, job.name, library)
            except InvalidJob:
                continue
        return found


def _message(fire: Fire) -> NextFire:
    return NextFire(trigger=fire.trigger, time=wire.stamp(fire.time), time_zone=fire.time_zone, remark=fire.remark)
