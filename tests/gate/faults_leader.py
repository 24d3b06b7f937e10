"""The node that leads dies, leaves, or stands still; or all nodes die."""

from collections.abc import Callable
from random import Random

from tests.gate.faults import CONTROL, Facts, Fault, Kind
from tests.gate.nodes import Member
from tests.gate.rig import LEASE, SESSION_TIMEOUT, Rig

SUCCESSION = 8.0
"""Seconds in which a dead leader's successor dispatches."""


class LeaderFault(Fault):
    """What hits the leader of the moment."""

    figure: float | None = SUCCESSION
    leader: Member

    def aim(self, rig: Rig) -> str:
        self.leader = rig.leader()
        return self.leader.name


class Kill(LeaderFault):
    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(5, 9)

    def begin(self, rig: Rig) -> Facts:
        self.leader.kill()
        return {}


class Terminate(LeaderFault):
    figure = 1.0
    since_due = True

    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(2, 5)

    def begin(self, rig: Rig) -> Facts:
        return {"exit": self.leader.terminate(30)}


class Pause(LeaderFault):
    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(1, 3) * SESSION_TIMEOUT

    def begin(self, rig: Rig) -> Facts:
        self._resume: Callable[[], None] = self.leader.suspend()
        return {"seconds": round(self.hold, 1)}

    def heal(self, rig: Rig) -> Facts:
        self._resume()
        return {}


class AllKilled(Fault):
    """No leader at all for two leases, while the executors live: ZooKeeper has to vouch for them."""

    figure = SUCCESSION
    since_healed = True

    def __init__(self, dice: Random) -> None:
        self.hold = 2 * LEASE

    def aim(self, rig: Rig) -> str:
        return "nodes"

    def begin(self, rig: Rig) -> Facts:
        for node in rig.nodes.values():
            node.kill()
        return {}


KINDS = (
    Kind(name="leader-kill", about="kill -9", make=Kill, lane=CONTROL, cheap=True),
    Kind(name="leader-term", about="SIGTERM", make=Terminate, lane=CONTROL, cheap=True),
    Kind(name="leader-pause", about="SIGSTOP for 1-3 T, then SIGCONT", make=Pause, lane=CONTROL, cheap=True),
    Kind(name="nodes-all-killed", about="for two leases", make=AllKilled, lane=CONTROL, alone=True),
)
