"""Tasks of the cluster that bad input is given to."""

import os  # noqa: F401 - so that `os` is something this module has, and yet offers to nobody
from typing import Any

from executor import task


@task("nested")
def nested(depth: int) -> Any:
    """A result with so many lists inside of each other."""
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


def _private() -> None: ...
