"""What manifests are to the API when they are applied, and what its answer is to people."""

from collections.abc import Iterator, Sequence

from schedapi.manifest import Document
from schedapi.v1.job_service_pb2 import AppliedCalendar, ApplyRequest, ApplyResponse, MovedTrigger
from schedctl.printing import moment

MOST_MOVED = 20
"""Triggers that are named for one calendar: `-o json` has those that the server names."""


def apply_request(documents: Sequence[Document], *, dry_run: bool = False) -> ApplyRequest:
    """The request that applies manifests; each kind in the order of the documents, by which violations count."""
    return ApplyRequest(
        jobs=[each.job for each in documents if each.kind == "Job"],
        calendars=[each.calendar for each in documents if each.kind == "Calendar"],
        dry_run=dry_run,
    )


def applied_lines(response: ApplyResponse, *, dry_run: bool = False) -> Iterator[str]:
    """A line for each calendar, with the triggers that it moved below, and then for each job."""
    dry = " (dry run)" if dry_run else ""
    for calendar in response.calendars:
        yield f"calendar {calendar.namespace}/{calendar.name} {calendar.outcome}{dry}"
        if calendar.outcome != "unchanged":  # what others moved is told of those
            yield from _moved_lines(calendar)
    for job in response.jobs:
        yield f"job {job.namespace}/{job.name} {job.outcome}{dry}"


def _moved_lines(calendar: AppliedCalendar) -> Iterator[str]:
    named = calendar.moved[:MOST_MOVED]
    for each in named:
        yield f"  trigger {each.trigger} of job {each.namespace}/{each.job}: {_times(each)}"
    if calendar.moved_count > len(named):
        yield f"  ... and {calendar.moved_count - len(named)} more"


def _times(trigger: MovedTrigger) -> str:
    before = moment(trigger.before) if trigger.HasField("before") else "never"
    after = moment(trigger.after) if trigger.HasField("after") else "never"
    return f"{before} -> {after}"
