"""`schedctl job`: the definitions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from schedctl import job_next, job_run
from schedctl.asking import Yes, ask_to_delete
from schedctl.command import Session, command
from schedctl.options import JobName, Limit
from schedctl.printing import NOTHING, Output, columns, emit, emit_manifests, moment

if TYPE_CHECKING:
    from schedapi.v1.job_pb2 import Job

PAGE = 500

HEADER = ("NAMESPACE", "NAME", "STATE", "NEXT FIRE", "LAST")


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Job definitions.", rich_markup_mode=None)
    command(group, "list")(list_jobs)
    command(group, "get")(get)
    command(group, "describe")(describe)
    command(group, "delete")(delete)
    command(group, "pause")(pause)
    command(group, "resume")(resume)
    command(group, "run")(job_run.run)
    command(group, "next")(job_next.next_fires)
    app.add_typer(group, name="job")


def list_jobs(
    session: Session,
    selector: Annotated[
        str, typer.Option("--selector", "-l", metavar="SELECTOR", help="Labels: 'team=data,tier in (a,b)'.")
    ] = "",
    limit: Limit = 10_000,
) -> None:
    """List jobs, of all namespaces unless one is given."""
    from schedapi.manifest import to_document

    jobs = _jobs(session, selector, limit)
    if session.output is Output.TABLE:
        columns(HEADER, [row(each) for each in jobs])
    else:
        emit_manifests((to_document(each) for each in jobs), session.output)


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

    namespace, name = session.qualified(name)
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


def get(session: Session, name: JobName) -> None:
    """Show one job; `-o yaml` is its manifest, which can be applied again."""
    _show(session, _get(session, name))


def describe(session: Session, name: JobName) -> None:
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


def delete(session: Session, name: JobName, yes: Yes = False) -> None:
    """Delete a job: what has not started is cancelled, what runs finishes."""
    from schedapi.manifest import plain
    from schedapi.v1 import job_service_pb2

    namespace, name = session.qualified(name)
    ask_to_delete(f"job {namespace}/{name}", yes)
    request = job_service_pb2.DeleteJobRequest(namespace=namespace, name=name)
    response = session.client.unary("JobService/Delete", request, job_service_pb2.DeleteJobResponse)
    if session.output is not Output.TABLE:
        emit(plain(response), session.output)
        return
    cancelled = f" ({response.cancelled} waiting executions cancelled)" if response.cancelled else ""
    print(f"job {namespace}/{name} deleted{cancelled}")


def pause(session: Session, name: JobName) -> None:
    """Let a job's triggers rest."""
    from schedapi.v1 import job_pb2, job_service_pb2

    namespace, name = session.qualified(name)
    request = job_service_pb2.PauseJobRequest(namespace=namespace, name=name)
    job = session.client.unary("JobService/Pause", request, job_pb2.Job)
    _show(session, job, f"job {namespace}/{name} paused")


def resume(
    session: Session,
    name: JobName,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="What fell into the pause was missed: the misfire policies decide.")
    ] = False,
) -> None:
    """Let a paused job go on from now: what fell into the pause is not run, unless told."""
    from schedapi.v1 import job_pb2, job_service_pb2

    namespace, name = session.qualified(name)
    request = job_service_pb2.ResumeJobRequest(namespace=namespace, name=name, catch_up=catch_up)
    job = session.client.unary("JobService/Resume", request, job_pb2.Job)
    _show(session, job, f"job {namespace}/{name} resumed{', catching up' if catch_up else ''}")
