"""`schedctl exec`: the records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from schedctl.command import Session, command
from schedctl.options import Limit
from schedctl.printing import NOTHING, Output, columns, emit, moment, outcome, printable, stands_for, took

if TYPE_CHECKING:
    from schedapi.v1.execution_pb2 import Execution

PAGE = 500

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of an execution.", show_default=False)]

HEADER = ("ID", "JOB", "TRIGGER", "SCHEDULED", "STATE", "ATTEMPT", "EXECUTOR", "DURATION", "NOTE")


class State(StrEnum):
    """The states of an execution."""

    PENDING = "pending"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    RETRYING = "retrying"
    HELD = "held"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timedOut"
    LOST = "lost"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Executions: what became of each fire.", rich_markup_mode=None)
    command(group, "list")(list_executions)
    command(group, "get")(get)
    command(group, "logs")(logs)
    command(group, "cancel")(cancel)
    app.add_typer(group, name="exec")


def list_executions(
    session: Session,
    job: Annotated[str, typer.Option("--job", metavar="NAME", help="Only of this job.")] = "",
    state: Annotated[
        list[State] | None, typer.Option("--state", help="Only in this state; may be given several times.")
    ] = None,
    limit: Limit = 50,
) -> None:
    """List executions, the newest scheduled time first, of all namespaces unless one is given."""
    from schedapi.manifest import plain

    found = _executions(session, job, [each.value for each in state or []], limit)
    if session.output is Output.TABLE:
        columns(HEADER, [row(each) for each in found])
    else:
        emit({"items": [plain(each) for each in found]}, session.output)


def _executions(session: Session, job: str, states: list[str], limit: int) -> Iterator[Execution]:
    from schedapi.v1 import execution_service_pb2

    namespace, name = session.qualified(job) if job else (session.namespace or "", "")
    only = execution_service_pb2.ExecutionFilter(namespace=namespace, job=name, states=states)
    token, left = "", limit
    while left > 0:
        request = execution_service_pb2.ListExecutionsRequest(filter=only, page_size=min(left, PAGE), page_token=token)
        answer = execution_service_pb2.ListExecutionsResponse
        response = session.client.unary("ExecutionService/List", request, answer)
        yield from response.executions
        token, left = response.next_page_token, left - len(response.executions)
        if not token:
            return


def row(execution: Execution) -> tuple[str, ...]:
    """An execution's line in a table, as `HEADER` has it."""
    return (
        execution.id,
        f"{execution.namespace}/{execution.job}",
        execution.trigger or execution.origin,
        moment(execution.scheduled_time),
        outcome(execution),
        str(execution.attempt) if execution.attempt else NOTHING,
        execution.executor_id,
        took(execution),
        stands_for(execution),
    )


def _show(session: Session, execution: Execution, line: str | None = None) -> None:
    from schedapi.manifest import plain
    from schedctl.describe import describe_execution

    if session.output is not Output.TABLE:
        emit(plain(execution), session.output)
    elif line is not None:
        print(line)
    else:
        describe_execution(execution)


def get(session: Session, id: Id) -> None:
    """Show all about one execution, its earlier attempts too."""
    from schedapi.v1 import execution_pb2, execution_service_pb2

    request = execution_service_pb2.GetExecutionRequest(id=id)
    _show(session, session.client.unary("ExecutionService/Get", request, execution_pb2.Execution))


def logs(
    session: Session,
    id: Id,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the execution has ended.")] = False,
    attempt: Annotated[int | None, typer.Option("--attempt", min=1, help="An earlier attempt's.")] = None,
) -> None:
    """Print what an execution wrote, stdout and stderr in their order."""
    from schedapi.client import TIMEOUT
    from schedapi.v1 import execution_service_pb2

    request = execution_service_pb2.LogsRequest(id=id, attempt=attempt or 0, follow=follow)
    terminal = sys.stdout.isatty()
    chunks = session.client.stream(
        "ExecutionService/Logs", request, execution_service_pb2.LogChunk, timeout=None if follow else TIMEOUT
    )
    for chunk in chunks:
        data = _harmless(chunk.data) if terminal else chunk.data
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def _harmless(data: bytes) -> bytes:
    """Output for a terminal: nothing that moves the cursor or speaks to the terminal; lines and tabs stay."""
    text = data.decode(errors="replace")
    return "".join(c if c in "\n\r\t" else printable(c) for c in text).encode()


def cancel(
    session: Session,
    id: Id,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the record.")] = "",
) -> None:
    """End an execution: at once when it has not started; what runs is asked to end."""
    from schedapi.v1 import execution_pb2, execution_service_pb2

    request = execution_service_pb2.CancelExecutionRequest(id=id, reason=reason)
    execution = session.client.unary("ExecutionService/Cancel", request, execution_pb2.Execution)
    state = "cancelling" if execution.cancelling and execution.state != "cancelled" else execution.state
    _show(session, execution, f"execution {execution.id} {state}")
