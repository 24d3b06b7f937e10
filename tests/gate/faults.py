"""What a fault is, and all kinds of them by name."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.gate.rig import Rig

Facts = dict[str, Any]

CONTROL, WORK = "control", "work"
"""Lanes: a fault of the one may be made beside a fault of the other."""


class Fault(ABC):
    """One fault, once: `aim`, `begin`, `heal`, each called once, in this order.

    `hold` is how long (seconds) it lasts after `begin` has returned. Each may raise `CannotMake`.
    """

    hold: float = 2.0
    figure: float | None = None
    """Seconds till the next dispatch that the design promises."""
    since_healed = False
    """Whether these count from the heal, and not from the begin."""
    since_due = False
    """Whether they count from when something was due, if that is later: for a figure of a second, as fires are due on
    whole seconds."""
    seen_by = "dispatched"
    """What shows that it is over: `dispatched` is written before it is sent, `started` needs an executor."""

    @abstractmethod
    def aim(self, rig: Rig) -> str:
        """Choose whom it hits; returns the name."""

    @abstractmethod
    def begin(self, rig: Rig) -> Facts: ...

    def heal(self, rig: Rig) -> Facts:
        """Undo it. What was killed is started again by the nemesis."""
        return {}

    def after(self, rig: Rig, begin: float) -> Facts:
        """What it came to, asked when the run is over; `begin` is in seconds since 1970."""
        return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A kind of fault. `cheap`: in the short gate. `alone`: beside no other fault. `make` draws what is random."""

    name: str
    about: str
    make: Callable[[Random], Fault]
    lane: str
    cheap: bool = False
    alone: bool = False


@functools.cache
def kinds() -> dict[str, Kind]:
    """All kinds, by name, in a fixed order."""
    from tests.gate import (
        faults_clock,
        faults_disk,
        faults_executor,
        faults_failpoint,
        faults_leader,
        faults_liar,
        faults_network,
        faults_postgres,
        faults_rolling,
        faults_zookeeper,
    )

    modules = (
        faults_leader,
        faults_failpoint,
        faults_network,
        faults_zookeeper,
        faults_postgres,
        faults_executor,
        faults_clock,
        faults_rolling,
        faults_disk,
        faults_liar,
    )
    return {kind.name: kind for module in modules for kind in module.KINDS}
