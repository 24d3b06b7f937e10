"""What is wrong with a manifest, and where."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that is wrong: `source: document 2 (name): field: message`, as far as they are known.

    `document` counts the documents of the source from 1; `field` is a path such as `spec.triggers[0].cron`,
    or a line.
    """

    source: str
    message: str
    document: int | None = None
    name: str = ""
    field: str = ""

    def __str__(self) -> str:
        number = f"document {self.document}" if self.document else ""
        name = f" ({self.name})" if self.name else ""
        return ": ".join(part for part in (self.source, number + name, self.field, self.message) if part)


class ManifestError(ValueError):
    """Manifests that cannot be used; `problems` has all that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))
