"""What a step of a script is, and the kinds that there are. Each takes two numbers; where it makes no sense, it does
nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tests.model.world import World

T = TypeVar("T")


@dataclass(frozen=True)
class Step:
    """One step of a script."""

    kind: str
    a: int = 0
    b: int = 0

    def __str__(self) -> str:
        return f"{self.kind}({self.a}, {self.b})"


Do = Callable[[World, int, int], object]
KINDS: dict[str, tuple[int, Do]] = {}
"""Every kind of step, with how often it comes."""


def step(weight: int) -> Callable[[Do], Do]:
    """Make a function a kind of step, which comes so often."""

    def add(do: Do) -> Do:
        KINDS[do.__name__] = (weight, do)
        return do

    return add


def one(found: Sequence[T], which: int) -> T | None:
    """One of them, if there are any."""
    return found[which % len(found)] if found else None
