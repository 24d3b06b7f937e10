"""From a file's text to the messages of the wire, by their descriptors."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from cronquorum.names import is_dns_label, shown, suggestion
from schedapi.manifest.problems import ManifestError, Problem
from schedapi.manifest.text import Parsed, parse
from schedapi.v1 import job_pb2

API_VERSION = "sched/v1"
KIND = "Job"
FEW = 4
"""So many fields are all named when an unknown one is near to none of them."""

_WHOLE = {FieldDescriptor.CPPTYPE_INT32: 31, FieldDescriptor.CPPTYPE_INT64: 53}


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One job of a source; `index` counts the documents from 1, `line` is where it starts."""

    source: str
    index: int
    line: int
    job: job_pb2.Job

    def problem(self, field: str, message: str) -> Problem:
        """Something that is wrong with this document, found by whoever else looked at it."""
        name = _shown_name(self.job.metadata.name)
        return Problem(source=self.source, document=self.index, name=name, field=field, message=message)


def read_documents(text: str, source: str) -> list[Document]:
    """Read the jobs of a text in YAML or JSON, one or several documents; `source` is its name in problems.

    Status is read-only, and left out. What the values mean (a cron expression, a zone) is checked by the
    server. Raises `ManifestError` with the problems of all documents, also when there is no document.
    """
    documents: list[Document] = []
    problems: list[Problem] = []
    for index, parsed in enumerate(parse(text, source), 1):
        reader = _Reader()
        job = reader.job(parsed)
        found = [*parsed.problems, *reader.problems]
        name = _shown_name(_name_of(parsed.value))
        problems += [
            Problem(source=source, document=index, name=name, field=field, message=message) for field, message in found
        ]
        documents.append(Document(source=source, index=index, line=parsed.line, job=job))
    if not documents:
        problems.append(Problem(source=source, message="no documents: a manifest starts with apiVersion and kind"))
    if problems:
        raise ManifestError(problems)
    return documents


def _name_of(value: Any) -> str:
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _shown(value: Any) -> str:
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or value is True or value is False
        else shown(value)
    )


def _shown_name(name: str) -> str:
    return name if is_dns_label(name) or not name else shown(name)


class _Reader:
    """Fills messages, and collects what does not fit: pairs of a field's path and a message."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []

    def job(self, parsed: Parsed) -> job_pb2.Job:
        job = job_pb2.Job()
        if not isinstance(parsed.value, dict):
            self._wrong("", f"{shown(parsed.value)} is not a manifest, which starts with apiVersion and kind")
            return job
        self._fill(job, {key: value for key, value in parsed.value.items() if key != "status"}, "")
        for field, value, right in (("apiVersion", job.api_version, API_VERSION), ("kind", job.kind, KIND)):
            if value != right and not any(place == field for place, _ in self.problems):
                self._wrong(field, f"{_shown(value)} is not {right!r}" if value else f"missing: must be {right!r}")
        if not job.metadata.name and not any(place.startswith("metadata") for place, _ in self.problems):
            self._wrong("metadata.name", "missing")
        return job

    def _wrong(self, path: str, message: str) -> None:
        self.problems.append((path, message))

    def _fill(self, message: Message, value: Any, path: str) -> None:
        fields: dict[str, Any] = {field.json_name: field for field in message.DESCRIPTOR.fields}
        if not isinstance(value, dict):
            self._wrong(path, f"{_shown(value)} is not a mapping with fields such as {', '.join(list(fields)[:3])}")
            return
        message.SetInParent()
        for key, part in value.items():
            if key not in fields:
                few = f"; known are {', '.join(fields)}" if len(fields) <= FEW else ""
                self._wrong(_inside(path, key), f"unknown field{suggestion(key, fields) or few}")
            elif part is not None:
                self._one_of(message, fields[key], path)
                self._field(message, fields[key], part, _inside(path, key))

    def _one_of(self, message: Message, field: FieldDescriptor, path: str) -> None:
        other = message.WhichOneof(field.containing_oneof.name) if field.containing_oneof else None
        if other is not None and other != field.name:
            also = message.DESCRIPTOR.fields_by_name[other].json_name
            self._wrong(path, f"{also!r} and {field.json_name!r} are given; choose one")

    def _field(self, message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
        kind = field.message_type
        if kind is not None and kind.GetOptions().map_entry:
            for key, part in self._entries(value, path):
                self._put(getattr(message, field.name), key, part, kind.fields_by_name["value"], _inside(path, key))
        elif field.is_repeated:
            self._repeated(message, field, value, path)
        elif kind is None:
            self._put(message, field.name, value, field, path)
        elif kind.full_name == "google.protobuf.Struct":
            for key, part in self._entries(value, path):
                self._parameter(getattr(message, field.name), key, part, _inside(path, key))
            if isinstance(value, dict):
                getattr(message, field.name).SetInParent()
        else:
            self._fill(getattr(message, field.name), value, path)

    def _repeated(self, message: Message, field: FieldDescriptor, value: Any, path: str) -> None:
        if not isinstance(value, list):
            self._wrong(path, f"{_shown(value)} is not a list")
            return
        items = getattr(message, field.name)
        for index, part in enumerate(value):
            if field.message_type is not None:
                self._fill(items.add(), part, f"{path}[{index}]")
            else:
                self._put(items, None, part, field, f"{path}[{index}]")

    def _entries(self, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            yield from value.items()
        else:
            self._wrong(path, f"{_shown(value)} is not a mapping")

    def _parameter(self, struct: Any, key: str, value: Any, path: str) -> None:
        try:
            struct.update({key: value})
        except ValueError:
            self._wrong(path, f"{_shown(value)} is not valid Unicode")

    def _put(self, target: Any, key: str | None, value: Any, field: FieldDescriptor, path: str) -> None:
        """Set a scalar: of a message (by attribute), of a map (by key), or the next one of a list."""
        wrong = _scalar_problem(field, value)
        if wrong:
            self._wrong(path, wrong)
            return
        try:
            if key is None:
                target.append(value)
            elif isinstance(target, Message):
                setattr(target, key, value)
            else:
                target[key] = value
        except ValueError:
            self._wrong(path, f"{_shown(value)} is not valid here")


def _scalar_problem(field: FieldDescriptor, value: Any) -> str:
    kind = field.cpp_type
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == FieldDescriptor.CPPTYPE_STRING and not isinstance(value, str):
        quotes = "; put it in quotes" if value is not None and not isinstance(value, dict | list) else ""
        return f"{_shown(value)} is not a text{quotes}"
    if kind == FieldDescriptor.CPPTYPE_BOOL and not isinstance(value, bool):
        return f"{_shown(value)} is not true or false"
    if kind == FieldDescriptor.CPPTYPE_DOUBLE and not (whole or isinstance(value, float)):
        return f"{_shown(value)} is not a number"
    if kind in _WHOLE:
        if not whole:
            return f"{_shown(value)} is not a whole number"
        if abs(value) >= 2 ** _WHOLE[kind]:
            return f"{_shown(value)} is out of range"
    return ""


def _inside(path: str, key: str) -> str:
    simple = key.replace("-", "").replace("_", "").replace("/", "").isalnum() and key.isascii() and len(key) <= 60
    if not simple:
        return f"{path}[{shown(key)}]"
    return f"{path}.{key}" if path else key
