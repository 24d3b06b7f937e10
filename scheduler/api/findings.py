"""All that is wrong with a request, gathered while it is read."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cronquorum.names import is_dns_label, shown
from scheduler.api.checks import DEFAULT_NAMESPACE
from scheduler.calendars.library import Name
from scheduler.definition_wire import API_VERSION
from scheduler.definitions import check_metadata
from scheduler.errors import InvalidJob, InvalidRequest, Violation

MOST_VIOLATIONS = 1_000
"""With so many, the rest of a request is not looked at: an answer has room for a few dozen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """Which job or calendar a message of a request is. `right`: its name is one, and no earlier one's."""

    place: str
    name: Name
    labels: Mapping[str, str]
    right: bool


class Findings:
    """Violations, with places in the request."""

    def __init__(self) -> None:
        self._violations: list[Violation] = []

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """What is wrong inside is wrong there; it is kept, and raised when there are `MOST_VIOLATIONS`."""
        try:
            yield
        except InvalidJob as error:
            self._add(place, error.violations)

    def heads(self, messages: Sequence[Any], field: str, kind: str) -> list[Head]:
        """The heads of manifests, checked."""
        heads: list[Head] = []
        names: set[Name] = set()
        for index, message in enumerate(messages):
            name = (message.metadata.namespace or DEFAULT_NAMESPACE, message.metadata.name)
            labels = dict(message.metadata.labels)
            wrong = list(check_metadata(name[1], name[0], labels))
            if name in names and all(map(is_dns_label, name)):
                wrong.append(Violation("metadata.name", f"{'/'.join(name)} is in this request twice"))
            heads.append(Head(place=f"{field}[{index}]", name=name, labels=labels, right=not wrong))
            names.add(name)
            for word, value, right in (("apiVersion", message.api_version, API_VERSION), ("kind", message.kind, kind)):
                if value not in ("", right):
                    wrong.append(Violation(word, f"{shown(value)} is not {right!r}"))
            self._add(heads[-1].place, wrong)
        return heads

    def _add(self, place: str, found: Iterable[Violation]) -> None:
        self._violations.extend(violation.under(place) for violation in found)
        if len(self._violations) >= MOST_VIOLATIONS:
            self.settle()

    def settle(self) -> None:
        """Raises `InvalidRequest` when anything was found."""
        if self._violations:
            raise InvalidRequest(*self._violations)


def violations(check: Callable[[], object]) -> list[Violation]:
    """What a check finds wrong."""
    try:
        check()
    except InvalidJob as error:
        return list(error.violations)
    return []
