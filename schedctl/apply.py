"""`schedctl apply`: what the manifests say becomes so, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from schedctl.command import NAMESPACE, Session, command
from schedctl.exits import CommandError, from_api
from schedctl.printing import Output, emit, printable

if TYPE_CHECKING:
    from schedapi.manifest import Document

LARGEST_REQUEST = 4 * 1024 * 1024 - 1024
"""Bytes: gRPC servers refuse messages beyond 4 MiB."""


def register(app: typer.Typer) -> None:
    command(app, "apply")(apply)


def apply(
    session: Session,
    file: Annotated[
        list[str],
        typer.Option("--file", "-f", metavar="FILE|DIR|-", help="Manifests; may be given several times."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, say what would happen, change nothing.")
    ] = False,
) -> None:
    """Create or update jobs and calendars from manifests: all of them, or none."""
    from schedapi.errors import ApiError
    from schedapi.manifest import plain
    from schedapi.v1 import job_service_pb2
    from schedctl.applying import applied_lines, apply_request
    from schedctl.sources import read_sources

    documents = read_sources(file)
    _name_namespaces(documents, session.namespace or NAMESPACE)
    request = apply_request(documents, dry_run=dry_run)
    if request.ByteSize() > LARGEST_REQUEST:
        raise CommandError(f"{len(documents)} manifests are more than one apply takes (4 MiB): apply them in parts")
    try:
        response = session.client.unary("JobService/Apply", request, job_service_pb2.ApplyResponse)
    except ApiError as error:
        raise from_api(error, documents) from None
    if session.output is not Output.TABLE:
        calendars = [plain(each) for each in response.calendars]
        emit({"calendars": calendars, "items": [plain(each) for each in response.jobs]}, session.output)
        return
    for line in applied_lines(response, dry_run=dry_run):
        print(printable(line))


def _name_namespaces(documents: Sequence[Document], namespace: str) -> None:
    """Fill in the namespace where a manifest has none, and refuse two manifests of one job or calendar."""
    first: dict[tuple[str, str, str], Document] = {}
    lines: list[str] = []
    for each in documents:
        metadata = each.message.metadata
        metadata.namespace = metadata.namespace or namespace
        other = first.setdefault((each.kind, metadata.namespace, metadata.name), each)
        if other is not each:
            where = f"{other.source}: document {other.index}"
            message = f"{metadata.namespace}/{metadata.name} is already in {where}"
            lines.append(str(each.problem("metadata.name", message)))
    if lines:
        raise CommandError(*lines)
