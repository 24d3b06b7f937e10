"""What a manifest is, once it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from cronquorum.names import is_dns_label, shown
from schedapi.manifest.problems import Problem
from schedapi.v1 import calendar_pb2, job_pb2

API_VERSION = "sched/v1"

Manifest: TypeAlias = job_pb2.Job | calendar_pb2.Calendar

KINDS: Mapping[str, type[job_pb2.Job] | type[calendar_pb2.Calendar]] = MappingProxyType(
    {"Job": job_pb2.Job, "Calendar": calendar_pb2.Calendar}
)
"""The kinds of manifests, and what each is on the wire."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One manifest of a source; `index` counts the documents from 1, `line` is where it starts.

    `files` are those that were read into it: the path of each, by the field that now has its text.
    """

    source: str
    index: int
    line: int
    message: Manifest
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """One of `KINDS`."""
        return self.message.kind

    @property
    def job(self) -> job_pb2.Job:
        """The message of a document of kind Job. Raises `TypeError` for another one."""
        if isinstance(self.message, job_pb2.Job):
            return self.message
        raise TypeError(f"a {self.kind} is no Job")

    @property
    def calendar(self) -> calendar_pb2.Calendar:
        """The message of a document of kind Calendar. Raises `TypeError` for another one."""
        if isinstance(self.message, calendar_pb2.Calendar):
            return self.message
        raise TypeError(f"a {self.kind} is no Calendar")

    def problem(self, field: str, message: str) -> Problem:
        """Something that is wrong with this document, found by whoever else looked at it."""
        if field in self.files:
            message = f"{self.files[field]}: {message}"
            field = field.removesuffix("text") + "file"
        name = shown_name(self.message.metadata.name)
        return Problem(source=self.source, document=self.index, name=name, field=field, message=message)


def shown_name(name: str) -> str:
    """A manifest's name as problems have it: as it stands if it is one, else escaped."""
    return name if is_dns_label(name) or not name else shown(name)
