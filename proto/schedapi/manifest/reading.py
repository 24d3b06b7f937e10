"""From a file's text to the messages of the wire."""

from pathlib import Path
from typing import Any

from cronquorum.names import suggestion
from schedapi.manifest.documents import API_VERSION, KINDS, Document, Manifest, shown_name
from schedapi.manifest.files import Files
from schedapi.manifest.filling import Filler, shown_value
from schedapi.manifest.problems import ManifestError, Problem
from schedapi.manifest.text import parse
from schedapi.v1 import calendar_pb2, job_pb2

HEAD = ("apiVersion", "kind", "metadata")
"""What is read of a document whose kind is none: the rest depends on the kind."""


def read_documents(text: str, source: str, folder: Path | None = None) -> list[Document]:
    """Read the manifests of a text in YAML or JSON, one or several documents; `source` is its name in problems.

    Status is read-only, and left out. What the values mean (a cron expression, a zone) is checked by the
    server. Files that a calendar names are looked for in `folder` and replaced by their texts; without a folder
    no file is touched. Raises `ManifestError` with the problems of all documents, also when there is no document.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    files = Files(folder) if folder is not None else None
    for index, parsed in enumerate(parse(text, source), 1):
        filler = Filler()
        message = _read(parsed.value, filler)
        embedded: dict[str, str] = {}
        if files is not None and isinstance(message, calendar_pb2.Calendar):
            embedded, wrong = files.embed(message)
            filler.problems += wrong
        found = [*parsed.problems, *filler.problems]
        name = shown_name(_name_of(parsed.value))
        problems += [
            Problem(source=source, document=index, name=name, field=field, message=message) for field, message in found
        ]
        documents.append(Document(source=source, index=index, line=parsed.line, message=message, files=embedded))
    if not documents:
        problems.append(Problem(source=source, message="no documents: a manifest starts with apiVersion and kind"))
    if problems:
        raise ManifestError(problems)
    return documents


def _name_of(value: Any) -> str:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _read(value: Any, filler: Filler) -> Manifest:
    """The message that a document's value stands for; where there are problems, whatever there is of it."""
    if not isinstance(value, dict):
        filler.wrong("", f"{shown_value(value)} is not a manifest, which starts with apiVersion and kind")
        return job_pb2.Job()
    kind = value.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        message: Manifest = KINDS[kind]()
        filler.fill(message, {key: part for key, part in value.items() if key != "status"})
    else:
        message = job_pb2.Job()
        filler.fill(message, {key: part for key, part in value.items() if key in HEAD})
    places = [place for place, _ in filler.problems]
    _check_word(filler, places, "apiVersion", message.api_version, (API_VERSION,))
    _check_word(filler, places, "kind", message.kind, tuple(KINDS))
    if not message.metadata.name and not any(place.startswith("metadata") for place in places):
        filler.wrong("metadata.name", "missing")
    return message


def _check_word(filler: Filler, told: list[str], field: str, value: str, right: tuple[str, ...]) -> None:
    if value not in right and field not in told:
        names = " or ".join(map(repr, right))
        near = suggestion(value, right) if len(right) > 1 else ""
        filler.wrong(field, f"{shown_value(value)} is not {names}{near}" if value else f"missing: must be {names}")
