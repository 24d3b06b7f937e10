"""`schedctl job next`: when a job will fire, as its triggers and calendars stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from schedctl.command import Session
from schedctl.cron.options import count_option
from schedctl.exits import CommandError, complain
from schedctl.options import MOST_FIRES, JobName, coming_option
from schedctl.printing import Output, columns, emit

if TYPE_CHECKING:
    from schedapi.v1.job_service_pb2 import NextFire, NextFiresResponse

FIRES = 10
"""As many are asked for unless told."""

HEADER = ("TIME", "UTC", "TRIGGER", "REMARK")


def next_fires(
    session: Session,
    name: JobName,
    count: Annotated[int | None, count_option("How many fires: 10, or with --until all of them.")] = None,
    until: Annotated[
        datetime | None,
        coming_option("--until", "None later: an instant with an offset (RFC 3339), or so long from now."),
    ] = None,
) -> None:
    """Print the next fires of all triggers, calendars left out, with remarks on clock changes."""
    from schedapi.manifest import plain
    from schedapi.v1.job_service_pb2 import NextFiresRequest, NextFiresResponse

    namespace, name = session.qualified(name)
    request = NextFiresRequest(namespace=namespace, name=name, count=count or (0 if until else FIRES))
    if until is not None:
        request.until.FromDatetime(until)
    response = session.client.unary("JobService/NextFires", request, NextFiresResponse)
    if session.output is not Output.TABLE:
        emit({"state": response.state, "items": [plain(each) for each in response.fires]}, session.output)
    elif response.fires:
        columns(HEADER, [_row(each) for each in response.fires])
    _say_what_it_is(f"job {namespace}/{name}", response, count, until)


def _say_what_it_is(job: str, response: NextFiresResponse, count: int | None, until: datetime | None) -> None:
    """Say what the list is not. Raises CommandError when there is no fire at all."""
    found = len(response.fires)
    if response.state == "paused":
        complain([f"{job} is paused: these are its fires if it were resumed now"] if found else [f"{job} is paused"])
    if not found:
        raise CommandError(f"{job} has no fire until {_text(until)}" if until else f"{job} has no fire to come")
    if until is None and found < (count or FIRES):
        complain([f"no fire is known after {_text(response.fires[-1].time.ToDatetime(UTC))}"])
    if until is not None and count is None and found == MOST_FIRES:
        complain([f"these are the first {MOST_FIRES}: there may be more until {_text(until)}"])


def _row(fire: NextFire) -> tuple[str, ...]:
    time = fire.time.ToDatetime(UTC)
    return (_local(time, fire.time_zone), _text(time), fire.trigger, fire.remark)


def _local(time: datetime, zone: str) -> str:
    """The time by a zone's clock; in UTC where this machine's time zone database lacks the zone."""
    try:
        local = time.astimezone(ZoneInfo(zone))
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a folder's name an OSError
        return _text(time)
    return local.isoformat(timespec=_precision(time))


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec=_precision(time)).replace("+00:00", "Z")


def _precision(time: datetime) -> str:
    return "milliseconds" if time.microsecond >= 1000 else "seconds"
