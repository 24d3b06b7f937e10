"""Concurrency policies: what becomes of a fire while another execution of its job is open."""

from collections.abc import Callable

POLICIES: dict[str, Callable[[int], bool]] = {
    "allow": lambda open_count: True,
    "skip": lambda open_count: open_count == 0,
}
"""Whether a new execution may be, with so many of its job that are not final, in the whole cluster."""

DEFAULT = "skip"
