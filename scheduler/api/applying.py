"""What an Apply asks for, read and compiled: on whichever node it comes in, with all that is wrong told at once."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from jobstore.calendar_spec import CalendarSpec
from jobstore.protocols import Records
from jobstore.spec import MAX_TRIGGERS, JobSpec
from schedapi.v1 import job_pb2
from schedapi.v1.job_service_pb2 import AppliedCalendar, AppliedJob, ApplyRequest, ApplyResponse, MovedTrigger
from scheduler import definition_wire, wire
from scheduler.api.checks import expected_revision, unreadable
from scheduler.api.findings import Findings, Head, violations
from scheduler.api.libraries import calendars_of, read_library
from scheduler.calendars import compile_calendar, read_calendar
from scheduler.calendars.library import Library
from scheduler.definitions import Defaults, compile_definition, compile_triggers, read_spec
from scheduler.errors import InvalidJob, InvalidRequest, Violation
from scheduler.leader.applying import Request
from scheduler.leader.proposing import CalendarProposal, Proposal

MOST_JOBS = 5_000
"""Jobs in one Apply: they are written in one transaction."""
MOST_CALENDARS = 100
"""Calendars in one Apply: the answer names what each of them moved."""


def read_apply(message: ApplyRequest, records: Records, defaults: Defaults) -> Request:
    """Read and compile. Raises `InvalidRequest` with the violations of all calendars and jobs."""
    _check_amounts(message)
    found = Findings()
    calendars = list(_calendars(message, found))
    jobs = list(_jobs(message, found))
    references = {name for head, spec in jobs for name in calendars_of(spec, head.name[0])}
    library = read_library(records, references, {head.name: spec for head, spec in calendars if head.right})
    library = _check_calendars(calendars, library, found)
    proposals = list(_proposals(jobs, library, defaults, found))
    found.settle()
    return Request(
        calendars=[
            CalendarProposal(namespace=head.name[0], name=head.name[1], labels=head.labels, spec=spec)
            for head, spec in calendars
        ],
        jobs=proposals,
        dry_run=message.dry_run,
        expected_revision=message.expected_revision,
    )


def _check_amounts(message: ApplyRequest) -> None:
    jobs, calendars = len(message.jobs), len(message.calendars)
    for field, count, most in (("jobs", jobs, MOST_JOBS), ("calendars", calendars, MOST_CALENDARS)):
        if count > most:
            raise InvalidRequest(Violation(field, f"{count} {field} of at most {most}"))
    if not jobs and not calendars:
        raise InvalidRequest(Violation("jobs", "there is no job in the request, and no calendar"))
    if expected_revision(message.expected_revision) and jobs + calendars != 1:
        raise InvalidRequest(Violation("expected_revision", "goes with a single job or a single calendar"))


def _calendars(message: ApplyRequest, found: Findings) -> Iterator[tuple[Head, CalendarSpec]]:
    for head, each in zip(found.heads(message.calendars, "calendars", "Calendar"), message.calendars, strict=True):
        spec = CalendarSpec()  # in the place of one that cannot be read, for those that refer to it
        with found.at(head.place):
            spec = read_calendar(definition_wire.read_calendar(each))
        yield head, spec


def _jobs(message: ApplyRequest, found: Findings) -> Iterator[tuple[Head, JobSpec]]:
    for head, each in zip(found.heads(message.jobs, "jobs", "Job"), message.jobs, strict=True):
        with found.at(head.place):
            spec = _read_job(each)
            # whose calendars those are is not known when its name is wrong
            yield head, spec if head.right else _without_calendars(spec)


def _read_job(message: job_pb2.Job) -> JobSpec:
    triggers = message.spec.triggers
    if len(triggers) > MAX_TRIGGERS:  # counted before anything is done with each
        raise InvalidJob(Violation("spec.triggers", f"{len(triggers)} of at most {MAX_TRIGGERS}"))
    try:
        value = definition_wire.read_job(message)
    except InvalidJob as error:
        task = message.spec.task
        places = {"spec.params": message.spec.params, "spec.task.python.params": task.python.params}
        places["spec.task.kubernetes.template"] = task.kubernetes.template
        places |= {f"spec.triggers[{index}].params": each.params for index, each in enumerate(triggers)}
        raise InvalidJob(*(tuple(unreadable(places)) or error.violations)) from None
    return read_spec(value)


def _without_calendars(spec: JobSpec) -> JobSpec:
    triggers = [trigger.model_copy(update={"calendars": []}) for trigger in spec.triggers]
    return spec.model_copy(update={"triggers": triggers})


def _check_calendars(calendars: list[tuple[Head, CalendarSpec]], library: Library, found: Findings) -> Library:
    """Compile them. Returns the library for what refers to them: what is wrong with one is not told of those, too."""
    empty: dict[tuple[str, str], CalendarSpec] = {}
    for head, spec in calendars:
        wrong = violations(partial(library.times, head.name)) if head.right else []
        if not head.right or any(violation.field.startswith("spec.base[") for violation in wrong):
            wrong += violations(partial(compile_calendar, spec))  # what was not looked at before its bases are right
        if wrong:
            empty[head.name] = CalendarSpec()
        with found.at(head.place):
            if wrong:
                raise InvalidJob(*wrong)
    return library.having(empty) if empty else library


def _proposals(
    jobs: list[tuple[Head, JobSpec]], library: Library, defaults: Defaults, found: Findings
) -> Iterator[Proposal]:
    for head, spec in jobs:
        definition = schedules = None
        with found.at(head.place):
            definition = compile_definition(spec, defaults)
        with found.at(head.place):
            schedules = compile_triggers(spec, *head.name, library)
        if definition is not None and schedules is not None:
            yield Proposal(
                namespace=head.name[0],
                name=head.name[1],
                labels=head.labels,
                definition=definition,
                schedules=schedules,
            )


def answer(facts: Mapping[str, Any]) -> ApplyResponse:
    """What the leader made of it."""
    return ApplyResponse(
        jobs=[AppliedJob(**each) for each in facts["jobs"]],
        calendars=[
            AppliedCalendar(**{**each, "moved": [_moved(trigger) for trigger in each["moved"]]})
            for each in facts["calendars"]
        ],
    )


def _moved(facts: Mapping[str, Any]) -> MovedTrigger:
    times = {key: wire.stamp(datetime.fromisoformat(facts[key])) for key in ("before", "after") if facts[key]}
    return MovedTrigger(namespace=facts["namespace"], job=facts["job"], trigger=facts["trigger"], **times)
