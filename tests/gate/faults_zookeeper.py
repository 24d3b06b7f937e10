"""ZooKeeper loses its leader, its quorum, or everything."""

from random import Random

from tests.gate.faults import CONTROL, Facts, Fault, Kind
from tests.gate.rig import SESSION_TIMEOUT, Rig

RESUMED = 5.0
"""Seconds from the return of the quorum to the next dispatch."""


class ZooKeeperFault(Fault):
    figure: float | None = RESUMED
    since_healed = True

    def aim(self, rig: Rig) -> str:
        return "zookeeper"

    def heal(self, rig: Rig) -> Facts:
        rig.zookeeper.start()
        return {}


class LeaderKilled(ZooKeeperFault):
    since_healed = False

    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(4, 7)

    def begin(self, rig: Rig) -> Facts:
        leader = rig.zookeeper.leader()
        leader.kill()
        return {"server": leader.number}


class QuorumLost(ZooKeeperFault):
    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(5, 25)

    def begin(self, rig: Rig) -> Facts:
        leader = rig.zookeeper.leader()
        for server in rig.zookeeper.members:
            if server is not leader:
                server.kill()
        return {"seconds": round(self.hold, 1)}


class QuorumLostLong(QuorumLost):
    """The leader goes on vouching for its executors; no attempt may end for it."""

    def __init__(self, dice: Random) -> None:
        self.hold = 60.0


class AllStopped(ZooKeeperFault):
    """All sessions expire together, once it is back."""

    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(1.2, 3) * SESSION_TIMEOUT

    def begin(self, rig: Rig) -> Facts:
        for server in rig.zookeeper.members:
            server.suspend()
        return {"seconds": round(self.hold, 1)}

    def heal(self, rig: Rig) -> Facts:
        for server in rig.zookeeper.members:
            server.resume()
        return super().heal(rig)


class Restart(ZooKeeperFault):
    """All at once."""

    hold = 0.5

    def __init__(self, dice: Random) -> None:
        pass

    def begin(self, rig: Rig) -> Facts:
        for server in rig.zookeeper.members:
            server.stop()
        return {}


KINDS = (
    Kind(name="zookeeper-leader-kill", about="kill -9", make=LeaderKilled, lane=CONTROL, cheap=True),
    Kind(name="zookeeper-quorum", about="two of three killed for 5-25 s", make=QuorumLost, lane=CONTROL),
    Kind(name="zookeeper-quorum-60", about="for 60 s", make=QuorumLostLong, lane=CONTROL, alone=True),
    Kind(name="zookeeper-stop", about="all SIGSTOP longer than T", make=AllStopped, lane=CONTROL),
    Kind(name="zookeeper-restart", about="all at once", make=Restart, lane=CONTROL, cheap=True),
)
