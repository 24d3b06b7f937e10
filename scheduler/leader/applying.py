"""What an apply comes to, as a whole: which calendars and jobs change, and what is answered."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cronquorum.clock import Clock
from jobstore.changes import Change, PutCalendar, PutJob
from jobstore.model import Calendar, Job
from jobstore.trigger_spec import calendar_name
from scheduler.calendars.library import MOST_CALENDARS, Library, Name
from scheduler.definitions import Definition, compile_trigger
from scheduler.errors import Conflict, InvalidJob, Violation
from scheduler.leader.proposing import CalendarProposal, Moved, Proposal, propose, propose_calendar, renew
from scheduler.schedules import Schedule

LONGEST = 20.0
"""Seconds that an edit may take to decide: other edits wait for it. Some thousand jobs take about one."""
MOST_NAMED = 1_000
"""Moved triggers that an answer names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is to be applied: all of it, or nothing."""

    calendars: Sequence[CalendarProposal] = ()
    jobs: Sequence[Proposal] = ()
    dry_run: bool = False
    expected_revision: int = 0


class AppliedEdit:
    """What an apply comes to. Raises `InvalidJob` and `Conflict` when it is made, and then nothing is written."""

    def __init__(
        self,
        wanted: Request,
        calendars: Mapping[Name, Calendar],
        jobs: Mapping[Name, Job],
        library: Library,
        clock: Clock,
        now: datetime,
    ) -> None:
        self._clock = clock
        self._until = clock.monotonic() + LONGEST
        self._before = jobs
        self._calendars_before = calendars
        self._now = now
        self._library_before = library
        self._moved: list[Moved] = []
        self.compiled: dict[UUID, tuple[Definition, Mapping[str, Schedule]]] = {}
        self.calendars = [
            propose_calendar(each, calendars.get((each.namespace, each.name)), now) for each in wanted.calendars
        ]
        self.changed_calendars = [c for c in self.calendars if c is not calendars.get((c.namespace, c.name))]
        specs = {(each.namespace, each.name): each.spec for each in self.changed_calendars}
        self.library = library.having(specs) if specs else library
        self._affected = self.library.affected(specs)
        self._check_calendars()
        self.jobs = [self._propose(index, proposal) for index, proposal in enumerate(wanted.jobs)]
        named = {(job.namespace, job.name) for job in self.jobs}
        self._renewed = [self._renew(job) for name, job in jobs.items() if name not in named]
        self.changed = [job for job in (*self.jobs, *self._renewed) if job is not jobs.get((job.namespace, job.name))]
        for calendar in self.calendars:
            expect(wanted.expected_revision, calendars.get((calendar.namespace, calendar.name)))
        for job in self.jobs:
            expect(wanted.expected_revision, jobs.get((job.namespace, job.name)))

    def _check_calendars(self) -> None:
        if len(self.library) > MOST_CALENDARS:
            told = f"{len(self.library)} calendars of at most {MOST_CALENDARS}"
            raise InvalidJob(Violation("calendars", told))
        wrong: list[Violation] = []
        places = {(each.namespace, each.name): f"calendars[{n}]" for n, each in enumerate(self.calendars)}
        for name in sorted(self._affected):
            try:
                self.library.times(name)
            except InvalidJob as error:
                if name in places:
                    wrong.extend(violation.under(places[name]) for violation in error.violations)
                else:  # one that has a changed one as a base
                    wrong.append(Violation("calendars", f"calendar {'/'.join(name)}: {error}"))
        if wrong:
            raise InvalidJob(*wrong)

    def _check_time(self) -> None:
        if self._clock.monotonic() > self._until:
            told = f"to find all next fires takes longer than {LONGEST:g} s: apply fewer jobs at once"
            raise InvalidJob(Violation("jobs", told))

    def _propose(self, index: int, proposal: Proposal) -> Job:
        self._check_time()
        current = self._before.get((proposal.namespace, proposal.name))
        schedules = dict(proposal.schedules)
        try:
            # checked by whoever took the call, by the calendars that it knew
            for trigger in proposal.definition.spec.triggers:
                if trigger.calendars:
                    schedules[trigger.name] = compile_trigger(trigger, proposal.namespace, proposal.name, self.library)
            job = propose(proposal, schedules, current, self._now)
        except InvalidJob as error:
            raise InvalidJob(*(violation.under(f"jobs[{index}]") for violation in error.violations)) from None
        if job is current:
            return self._renew(job)
        self.compiled[job.uid] = proposal.definition, schedules
        return job

    def _renew(self, job: Job) -> Job:
        if not self._affected:
            return job
        self._check_time()
        try:
            renewed, moved = renew(
                job,
                self._affected,
                lambda trigger: compile_trigger(trigger, job.namespace, job.name, self.library),
                lambda trigger: compile_trigger(trigger, job.namespace, job.name, self._library_before),
                self._now,
            )
        except InvalidJob as error:
            place = self._place_of_calendar(job)
            raise InvalidJob(*(violation.under(place) for violation in error.violations)) from None
        self._moved += moved
        return renewed

    def _place_of_calendar(self, job: Job) -> str:
        """The first calendar of the request that a job has to do with."""
        uses = {calendar_name(each, job.namespace) for trigger in job.spec.triggers for each in trigger.calendars}
        for index, calendar in enumerate(self.calendars):
            if self.library.affected([(calendar.namespace, calendar.name)]) & uses:
                return f"calendars[{index}]"
        return "calendars"

    def _moves(self, calendar: Calendar) -> Set[Name]:
        """Itself and what has it as a base, when it changes."""
        changed = any(each is calendar for each in self.changed_calendars)
        return self.library.affected([(calendar.namespace, calendar.name)]) if changed else frozenset()

    def settle(self, let_go: Callable[[Job | None, Job], Job]) -> None:
        """Count what is recorded of triggers that will not go on as they were."""
        self.changed = [let_go(self._before.get((job.namespace, job.name)), job) for job in self.changed]

    def changes(self) -> list[Change]:
        """What is to be written."""
        return [*map(PutCalendar, self.changed_calendars), *map(PutJob, self.changed)]

    def facts(self) -> dict[str, Any]:
        """What is answered: plain JSON."""
        named = MOST_NAMED // max(1, len(self.calendars))
        return {
            "calendars": [
                {
                    **_applied(each, self._calendars_before.get((each.namespace, each.name))),
                    **_moved_by(self._moved, self._moves(each), named),
                }
                for each in self.calendars
            ],
            "jobs": [_applied(job, self._before.get((job.namespace, job.name))) for job in self.jobs],
        }


def _moved_by(moved: Sequence[Moved], calendars: Set[Name], most: int) -> dict[str, Any]:
    """The triggers that one of these calendars moved: how many, and at most so many by name."""
    found = [trigger for trigger in moved if trigger.calendars & calendars]
    named = [
        {
            "namespace": trigger.namespace,
            "job": trigger.job,
            "trigger": trigger.trigger,
            "before": trigger.before.isoformat() if trigger.before else None,
            "after": trigger.after.isoformat() if trigger.after else None,
        }
        for trigger in found[:most]
    ]
    return {"moved": named, "moved_count": len(found)}


def expect(revision: int, value: Job | Calendar | None) -> None:
    """Raises `Conflict` unless this is the present revision, or 0 for any."""
    present = value.revision if value else 0
    if revision and revision != present:
        raise Conflict(f"expected revision {revision}, and it is {present}", current_revision=str(present))


def _applied(value: Job | Calendar, before: Job | Calendar | None) -> dict[str, Any]:
    same = before is not None and value.revision == before.revision
    outcome = "created" if before is None else "unchanged" if same else "updated"
    return {"namespace": value.namespace, "name": value.name, "outcome": outcome, "revision": value.revision}
