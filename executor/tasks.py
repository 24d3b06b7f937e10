"""The decorator that gives a function a name under which manifests may call it."""

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}", re.ASCII)
_declared: dict[tuple[str, str], tuple[str, Callable[..., Any]]] = {}
"""By module and qualified name, so that a module that is loaded again replaces its own."""


@overload
def task(name: F) -> F: ...
@overload
def task(name: str | None = None) -> Callable[[F], F]: ...
def task(name: F | str | None = None) -> F | Callable[[F], F]:
    """Declare a task: `@task("name")`, or `@task` for one that is called like its function.

    The function stays as it is. An executor calls it only when its module is one of those given by `--tasks`.
    Raises TypeError for what is no function, ValueError for a name that cannot be one.
    """
    if callable(name):
        return _declare(name, name.__name__)

    def declare(function: F) -> F:
        return _declare(function, function.__name__ if name is None else name)

    return declare


def declared() -> Iterator[tuple[str, Callable[..., Any]]]:
    """All that was declared in this process: name and function."""
    return iter(list(_declared.values()))


def _declare(function: F, name: str) -> F:
    if not inspect.isfunction(function):
        raise TypeError(f"@task is for functions, not for {function!r}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"task name {name!r} is not 1 to 127 letters, digits, and _ . -")
    _declared[function.__module__, function.__qualname__] = (name, function)
    return function
