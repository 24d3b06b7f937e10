"""`schedctl job`: the definitions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schedctl.command import Session, command
from schedctl.exits import CommandError, ExitCode
from schedctl.options import duration_option
from schedctl.printing import NOTHING, Output, columns, emit, moment

if TYPE_CHECKING:
    from schedapi.v1.job_pb2 import Job

PAGE = 500

Name = Annotated[str, typer.Argument(metavar="NAME", help="A job, as NAME or NAMESPACE/NAME.", show_default=False)]

HEADER = ("NAMESPACE", "NAME", "STATE", "NEXT FIRE", "LAST")


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Job definitions.", rich_markup_mode=None)
    command(group, "list")(list_jobs)
    command(group, "get")(get)
    command(group, "describe")(describe)
    command(group, "delete")(delete)
    command(group, "pause")(pause)
    command(group, "resume")(resume)
    command(group, "run")(run)
    app.add_typer(group, name="job")


def list_jobs(
    session: Session,
    selector: Annotated[
        str, typer.Option("--selector", "-l", metavar="SELECTOR", help="Labels: 'team=data,tier in (a,b)'.")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="At most so many.")] = 10_000,
) -> None:
    """List jobs, of all namespaces unless one is given."""
    from schedapi.manifest import to_document

    jobs = _jobs(session, selector, limit)
    if session.output is Output.TABLE:
        columns(HEADER, [row(each) for each in jobs])
    else:
        emit({"items": [to_document(each) for each in jobs]}, session.output)


def _jobs(session: Session, selector: str, limit: int) -> Iterator[Job]:
    from schedapi.v1 import job_service_pb2

    token, left = "", limit
    while True:
        request = job_service_pb2.ListJobsRequest(
            namespace=session.namespace or "",
            page_size=min(left, PAGE),
            page_token=token,
            label_selector=selector,
        )
        response = session.client.unary("JobService/List", request, job_service_pb2.ListJobsResponse)
        yield from response.jobs
        token, left = response.next_page_token, left - len(response.jobs)
        if not token:
            return
        if left <= 0:
            print(f"schedctl: there are more than {limit} jobs: use --limit or --selector", file=sys.stderr)
            return


def row(job: Job) -> tuple[str, ...]:
    """A job's line in a table, as `HEADER` has it."""
    status, last = job.status, job.status.last_execution
    ended = f"{last.state} {moment(last.scheduled_time)}" if last.id else NOTHING
    return (job.metadata.namespace, job.metadata.name, status.state, moment(status.next_fire), ended)


def _get(session: Session, name: str) -> Job:
    from schedapi.v1 import job_pb2, job_service_pb2

    namespace, name = session.job(name)
    request = job_service_pb2.GetJobRequest(namespace=namespace, name=name)
    return session.client.unary("JobService/Get", request, job_pb2.Job)


def _show(session: Session, job: Job, line: str | None = None) -> None:
    from schedapi.manifest import to_document

    if session.output is not Output.TABLE:
        emit(to_document(job), session.output)
    elif line is not None:
        print(line)
    else:
        columns(HEADER, [row(job)])


def get(session: Session, name: Name) -> None:
    """Show one job; `-o yaml` is its manifest, which can be applied again."""
    _show(session, _get(session, name))


def describe(session: Session, name: Name) -> None:
    """Show all about one job, with its latest executions."""
    from schedapi.v1 import execution_service_pb2
    from schedctl.describe import describe_job

    job = _get(session, name)
    if session.output is not Output.TABLE:
        _show(session, job)
        return
    only = execution_service_pb2.ExecutionFilter(namespace=job.metadata.namespace, job=job.metadata.name)
    request = execution_service_pb2.ListExecutionsRequest(filter=only, page_size=5)
    answer = execution_service_pb2.ListExecutionsResponse
    describe_job(job, session.client.unary("ExecutionService/List", request, answer).executions)


def delete(
    session: Session,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a job: what has not started is cancelled, what runs finishes."""
    from schedapi.manifest import plain
    from schedapi.v1 import job_service_pb2

    namespace, name = session.job(name)
    if not yes and not sys.stdin.isatty():
        raise CommandError("nobody is there to ask: delete needs --yes", code=ExitCode.USAGE)
    if not yes and not typer.confirm(f"Delete job {namespace}/{name}?", err=True):
        raise CommandError("not deleted")
    request = job_service_pb2.DeleteJobRequest(namespace=namespace, name=name)
    response = session.client.unary("JobService/Delete", request, job_service_pb2.DeleteJobResponse)
    if session.output is not Output.TABLE:
        emit(plain(response), session.output)
        return
    cancelled = f" ({response.cancelled} waiting executions cancelled)" if response.cancelled else ""
    print(f"job {namespace}/{name} deleted{cancelled}")


def pause(session: Session, name: Name) -> None:
    """Let a job's triggers rest."""
    from schedapi.v1 import job_pb2, job_service_pb2

    namespace, name = session.job(name)
    request = job_service_pb2.PauseJobRequest(namespace=namespace, name=name)
    job = session.client.unary("JobService/Pause", request, job_pb2.Job)
    _show(session, job, f"job {namespace}/{name} paused")


def resume(session: Session, name: Name) -> None:
    """Let a paused job go on from now: what fell into the pause is not run."""
    from schedapi.v1 import job_pb2, job_service_pb2

    namespace, name = session.job(name)
    request = job_service_pb2.ResumeJobRequest(namespace=namespace, name=name)
    job = session.client.unary("JobService/Resume", request, job_pb2.Job)
    _show(session, job, f"job {namespace}/{name} resumed")


def run(
    session: Session,
    name: Name,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param",
            metavar="KEY=VALUE",
            help="Override a parameter. The value is read as JSON if it is a number, true, false, null or "
            "starts with [ { or a quote; else it is a text. May be given several times.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end: exit code 8 when it did not succeed.")
    ] = False,
    timeout: Annotated[timedelta | None, duration_option("--timeout", "Wait no longer: exit code 7.")] = None,
) -> int:
    """Run a job once, now, whatever its triggers say."""
    from schedapi.manifest import plain
    from schedctl.running import run_job

    if timeout is not None and not wait:
        raise CommandError("--timeout is for --wait", code=ExitCode.USAGE)
    namespace, name = session.job(name)
    execution, code = run_job(session.client, namespace, name, parameters(param or []), wait=wait, timeout=timeout)
    if session.output is not Output.TABLE:
        emit(plain(execution), session.output)
    else:
        print(f"execution {execution.id} {execution.state}")
        if code is ExitCode.EXECUTION_FAILED:
            reason = execution.error.message or execution.reason
            raise CommandError(f"execution {execution.id} {execution.state}{': ' * bool(reason)}{reason}", code=code)
        if code is ExitCode.TIMED_OUT:
            why = f": {execution.reason}" if execution.reason else ""
            raise CommandError(f"execution {execution.id} is still {execution.state}{why}", code=code)
    return code


def parameters(pairs: list[str]) -> dict[str, Any]:
    """The values of `--param KEY=VALUE`. Raises `CommandError`."""
    from cronquorum.names import shown

    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise CommandError(f"--param: {shown(pair)} is not KEY=VALUE", code=ExitCode.USAGE)
        if key in found:
            raise CommandError(f"--param: {shown(key)} is given twice", code=ExitCode.USAGE)
        try:
            found[key] = _value(text)
        except ValueError as error:
            raise CommandError(f"--param: {key}: {error}", code=ExitCode.USAGE) from None
    return found


def _value(text: str) -> Any:
    """A parameter's value; ManifestError and ScalarError, which say what is wrong, are ValueErrors."""
    from cronquorum.names import shown
    from schedapi.manifest.text import parse, resolve

    if text[:1] not in ("[", "{", '"'):
        return resolve(text) if text else ""
    documents = parse(text, shown(text))
    problems = [message for document in documents for _, message in document.problems]
    if problems or len(documents) != 1:
        raise ValueError(problems[0] if problems else f"{shown(text)} is more than one value")
    return documents[0].value
