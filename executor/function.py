"""A Python function that is a task, and how to call it."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFunction:
    """`location` is `module:qualname` when another process can import it, else None."""

    name: str
    function: Callable[..., Any]
    signature: inspect.Signature
    is_async: bool
    takes_context: bool
    location: str | None

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


def _location(function: Callable[..., Any]) -> str | None:
    module, path = function.__module__, function.__qualname__
    if module == "__main__":
        return None
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return f"{module}:{path}" if found is function else None
