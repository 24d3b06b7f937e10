"""The Python functions that this executor may call, and nothing beyond them."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from cronquorum.names import shown, suggestion
from executor.config import TaskSource
from executor.errors import BadTasks, Refusal
from executor.function import TaskFunction
from executor.tasks import declared


class Catalog:
    """Made by `load`. A name is a declared one, or `module:function` of a module that was given."""

    def __init__(self, modules: Iterable[ModuleType], functions: Iterable[Callable[..., Any]]) -> None:
        self._modules = {module.__name__: module for module in modules}
        self._named: dict[str, TaskFunction] = {}
        self._found: dict[str, TaskFunction] = {}
        own = list(functions)
        for name, function in declared():
            if function.__module__ in self._modules or any(function is one for one in own):
                self._name(name, function)
        names = {function: name for name, function in declared()}
        for function in own:
            if function not in names:
                self._name(function.__name__, function)

    @classmethod
    def load(cls, sources: Iterable[TaskSource]) -> "Catalog":
        """Import what is to be imported; packages whole. Raises `BadTasks`."""
        modules: list[ModuleType] = []
        functions: list[Callable[..., Any]] = []
        for source in sources:
            if isinstance(source, str | ModuleType):
                module = _imported(source) if isinstance(source, str) else source
                modules.extend((module, *_submodules(module)))
            elif inspect.isfunction(source):
                functions.append(source)
            else:
                raise BadTasks(f"tasks: {shown(source)} is neither a module nor a function")
        return cls(modules, functions)

    @property
    def names(self) -> list[str]:
        """The declared names."""
        return sorted(self._named)

    def find(self, name: str) -> TaskFunction:
        """The function that a manifest means. Raises `Refusal`."""
        found = self._named.get(name) or self._found.get(name)
        if found is None:
            found = self._function_of_module(name)
            if found is None:
                told = "" if self._modules or self._named else " (no --tasks are given)"
                raise Refusal("unknownTask", f"no task {shown(name)} is here{told}{suggestion(name, self._named)}")
            self._found[name] = found
        return found

    def _function_of_module(self, name: str) -> TaskFunction | None:
        """Only what the module itself defines: what it imported is not its own to offer."""
        module_name, _, function_name = name.partition(":")
        module = self._modules.get(module_name)
        if module is None or function_name.startswith("_"):
            return None
        function = vars(module).get(function_name)
        if not inspect.isfunction(function) or function.__module__ not in self._modules:
            return None
        return TaskFunction.of(name, function)

    def _name(self, name: str, function: Callable[..., Any]) -> None:
        other = self._named.get(name)
        if other is not None and other.function is not function:
            raise BadTasks(f"two tasks are called {shown(name)}: {_place(other.function)} and {_place(function)}")
        self._named[name] = TaskFunction.of(name, function)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may do anything at its import, even exit
        raise BadTasks(
            f"cannot import task module {shown(name)}: {type(error).__name__}: {error}".splitlines()[0]
        ) from error


def _submodules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{package.__name__}."):
        if not found.name.endswith(".__main__"):  # importing a program runs it
            yield _imported(found.name)


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"
