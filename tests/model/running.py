"""Runs scripts, and makes those that fail short."""

import logging
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from unittest.mock import patch

from tests.model.kinds import KINDS, Step
from tests.model.loop import Restless
from tests.model.wires import wired
from tests.model.world import World


@dataclass
class Failure:
    """What went wrong, after which step: one past the last when it was at the end."""

    script: list[Step]
    at: int
    violations: list[str]

    def __str__(self) -> str:
        steps = "\n".join(f"    {step}," for step in self.script)
        told = "\n".join(f"  - {each}" for each in self.violations[:6])
        return f"after step {self.at} of {len(self.script)}:\n{told}\n  script:\n{steps}"


@contextmanager
def _drawn() -> Iterator[None]:
    """Nothing is random while this lasts, and nothing is logged."""
    draw = random.Random(7)
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with patch("jobstore.ids.os", SimpleNamespace(urandom=draw.randbytes)), wired():
            yield
    finally:
        logging.disable(disabled)


def run(script: Sequence[Step], done: Counter[str] | None = None, events: Counter[str] | None = None) -> Failure | None:
    """Do what a script says, heal everything, and check all along. The same script, the same answer."""
    with _drawn():
        world = World()
        at = 0
        try:
            for step in script:
                KINDS[step.kind][1](world, step.a, step.b)
                world.loop.drain()
                world.check()
                if done is not None:
                    done[step.kind] += 1
                if world.violations:
                    break
                at += 1
            else:
                world.heal()
        except Restless as error:
            world.wrong(str(error))
        finally:
            world.close()
            if events is not None:
                events.update(world.events)
        return Failure(list(script), at, world.violations) if world.violations else None


def shrink(failure: Failure, most: int = 3_000) -> Failure:
    """The same kind of failure, in as few steps and as small numbers as are found in so many runs."""
    best, runs = failure, 0
    kind = kind_of(failure)

    def fails(script: list[Step]) -> bool:
        nonlocal best, runs
        runs += 1
        found = run(script)
        if found is None or kind_of(found) != kind:
            return False
        best = found
        return True

    smaller = True
    while smaller and runs < most:
        smaller = False
        size = max(1, len(best.script) // 2)
        while size and runs < most:
            start = 0
            while start < len(best.script):
                if fails([*best.script[:start], *best.script[start + size :]]):
                    smaller = True
                else:
                    start += size
            size //= 2
        for index in range(len(best.script)):
            for a, b in _simpler(best.script[index]):
                changed = Step(best.script[index].kind, a, b)
                if fails([*best.script[:index], changed, *best.script[index + 1 :]]):
                    smaller = True
                    break
    return best


def _simpler(step: Step) -> Iterator[tuple[int, int]]:
    for a in range(step.a + 1):
        for b in range(step.b + 1):
            if (a, b) != (step.a, step.b):
                yield a, b


def kind_of(failure: Failure) -> str:
    """The words of the first violation, without what names anybody."""
    return " ".join(word for word in failure.violations[0].split() if word.isalpha())
