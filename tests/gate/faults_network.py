"""Links are cut, both ways or one way, or lose packets."""

import functools
import time
from random import Random

from tests.gate.faults import CONTROL, WORK, Facts, Fault, Kind
from tests.gate.faults_leader import LeaderFault
from tests.gate.network import Direction, Link
from tests.gate.nodes import Member
from tests.gate.rig import LEASE, SESSION_TIMEOUT, Rig

LOST_PERCENT = 30

SPARED = 10 * SESSION_TIMEOUT
"""Seconds in which a leader that reaches no executor gives way once: one that just did so isn't cut from them again."""


class CutLeader(LeaderFault):
    """The leader, and it alone, is cut from one thing."""

    def __init__(self, link: Link, direction: Direction, dice: Random) -> None:
        self._link = link
        self._direction = direction
        self.seen_by = "started" if link is Link.EXECUTORS else "dispatched"
        self.hold = dice.uniform(9, 14)

    def aim(self, rig: Rig) -> str:
        name = super().aim(rig)
        while self._is_spared(rig, self.leader) and not rig.stop.is_set():
            rig.sleep(1)
            name = super().aim(rig)
        return name

    def _is_spared(self, rig: Rig, leader: Member) -> bool:
        gave_way = rig.gave_way.get(leader.name)
        return self._link is Link.EXECUTORS and gave_way is not None and time.monotonic() - gave_way < SPARED

    def begin(self, rig: Rig) -> Facts:
        rig.network.cut(self.leader.name, self._link, self._direction)
        return {"seconds": round(self.hold, 1)}

    def heal(self, rig: Rig) -> Facts:
        rig.network.heal(self.leader.name)
        if self._link is Link.EXECUTORS:
            rig.gave_way[self.leader.name] = time.monotonic()
        return {}


class CutExecutor(Fault):
    """An executor is alone for longer than its lease."""

    figure = None

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self.hold = SESSION_TIMEOUT + 1.1 * LEASE + dice.uniform(2, 6)

    def aim(self, rig: Rig) -> str:
        self._name = self._dice.choice(list(rig.executors))
        return self._name

    def begin(self, rig: Rig) -> Facts:
        rig.network.cut(self._name, Link.ALL)
        return {"executor": self._name, "seconds": round(self.hold, 1)}

    def heal(self, rig: Rig) -> Facts:
        rig.network.heal(self._name)
        return {}


class Loss(Fault):
    """One kind of link loses packets at random: of every node, and of every executor that has such a link."""

    figure = None

    def __init__(self, link: Link, dice: Random) -> None:
        self._link = link
        self.hold = dice.uniform(8, 14)

    def aim(self, rig: Rig) -> str:
        return self._link.value

    def begin(self, rig: Rig) -> Facts:
        members = rig.members if self._link is Link.ZOOKEEPER else rig.nodes
        for name in members:
            rig.network.lose(name, self._link, LOST_PERCENT)
        return {"percent": LOST_PERCENT, "seconds": round(self.hold, 1)}

    def heal(self, rig: Rig) -> Facts:
        for name in rig.members:
            rig.network.heal(name)
        return {}


_WAYS = {Direction.BOTH: "", Direction.OUT: "-out", Direction.IN: "-in"}
_ABOUT = {Direction.BOTH: "both ways", Direction.OUT: "what it sends is lost", Direction.IN: "what it is sent is lost"}
_LINKS = (Link.ZOOKEEPER, Link.POSTGRES, Link.EXECUTORS)

KINDS = (
    *(
        Kind(
            name=f"leader-cut-{link.value}{_WAYS[direction]}",
            about=_ABOUT[direction],
            make=functools.partial(CutLeader, link, direction),
            lane=CONTROL,
            cheap=link is Link.ZOOKEEPER and direction is Direction.BOTH,
        )
        for link in _LINKS
        for direction in Direction
    ),
    Kind(name="executor-cut", about="from all, longer than its lease", make=CutExecutor, lane=WORK),
    *(
        Kind(
            name=f"loss-{link.value}",
            about=f"{LOST_PERCENT} % of the packets",
            make=functools.partial(Loss, link),
            lane=CONTROL,
            alone=True,
        )
        for link in _LINKS
    ),
)
