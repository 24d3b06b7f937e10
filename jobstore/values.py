"""Frozen values that cost little.

`dataclasses` sets each field of a frozen value by a call of `object.__setattr__`, and its `replace` sends all of them
through `__init__` by name: measured on Python 3.11 for the 37 fields of an execution, 7 microseconds to make one and
6 to replace two fields. Here it is 0.8 and 1.3. The type checker sees the real `dataclass(frozen=True)` and the real
`replace`, and it is the one that keeps such values from being changed; whoever changes one without it has changed it.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["replace", "value"]

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import dataclass as value
    from dataclasses import replace
else:
    _COPIES: dict[type, Callable[[Any], Any]] = {}

    def value(*, frozen: bool, slots: bool, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
        """A dataclass that is hashed and compared as a frozen one, and how it is copied."""
        assert frozen and slots, "any other one is a dataclass of the standard library"

        def decorate(cls: type[T]) -> type[T]:
            made = dataclasses.dataclass(kw_only=kw_only, slots=True, unsafe_hash=True)(cls)
            _COPIES[made] = _copier(made)
            return made

        return decorate

    def replace(of: T, /, **changes: Any) -> T:
        """The same value with other fields. Raises AttributeError for one that it has not."""
        made = _COPIES[type(of)](of)
        for name, field in changes.items():
            setattr(made, name, field)
        return made

    def _copier(cls: type) -> Callable[[Any], Any]:
        """A function that copies one of this class: written out, as `dataclasses` writes `__init__`."""
        lines = [f"    made.{field.name} = of.{field.name}" for field in dataclasses.fields(cls)]
        source = "\n".join(["def copy(of):", "    made = new(cls)", *lines, "    return made"])
        names: dict[str, Any] = {"new": object.__new__, "cls": cls}
        exec(source, names)
        return names["copy"]
