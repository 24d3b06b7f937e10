"""A Python function that is a task, and how to call it."""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_SHAPES = 100
"""Sets of arguments that a function is known to take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFunction:
    """`location` is `module:qualname` when another process can import it, else None."""

    name: str
    function: Callable[..., Any]
    signature: inspect.Signature
    is_async: bool
    takes_context: bool
    location: str | None
    _taken: set[tuple[str, ...]] = field(default_factory=set, compare=False, repr=False)

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> "TaskFunction":
        signature = inspect.signature(function)
        return cls(
            name=name,
            function=function,
            signature=signature,
            is_async=inspect.iscoroutinefunction(function),
            takes_context="context" in signature.parameters,
            location=_location(function),
        )

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Raises TypeError when the function cannot be called with these. What it takes is a matter of their names."""
        names = tuple(arguments)
        if names in self._taken:
            return
        try:
            self.signature.bind(**arguments)
        except TypeError as error:
            raise TypeError(f"{self.name}{self.signature}: {error}") from None
        if len(self._taken) < MOST_SHAPES:
            self._taken.add(names)


def _location(function: Callable[..., Any]) -> str | None:
    module, path = function.__module__, function.__qualname__
    if module == "__main__":
        return None
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return f"{module}:{path}" if found is function else None
