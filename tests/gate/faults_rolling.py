"""Rolling restarts: each is stopped gracefully, and is back before the next one."""

from random import Random

from tests.gate.faults import CONTROL, WORK, Facts, Fault, Kind
from tests.gate.rig import DRAIN, Rig


class Rolling(Fault):
    hold = 0.0

    def __init__(self, dice: Random) -> None:
        self._dice = dice

    def aim(self, rig: Rig) -> str:
        return "all"


class Nodes(Rolling):
    def begin(self, rig: Rig) -> Facts:
        exits = []
        for node in self._dice.sample(list(rig.nodes.values()), len(rig.nodes)):
            exits.append(node.terminate(30))
            node.start()
            node.wait_started()
            rig.sleep(1)
        return {"exits": exits}


class Executors(Rolling):
    def begin(self, rig: Rig) -> Facts:
        exits = []
        for executor in self._dice.sample(list(rig.executors.values()), len(rig.executors)):
            exits.append(executor.terminate(DRAIN + 30))
            executor.start()
            executor.wait_started()
            rig.sleep(1)
        return {"exits": exits}


class ZooKeeper(Rolling):
    def begin(self, rig: Rig) -> Facts:
        for server in rig.zookeeper.members:
            server.stop()
            server.start()
            rig.sleep(1)
        return {}


KINDS = (
    Kind(name="rolling-nodes", about="SIGTERM, start, one by one", make=Nodes, lane=CONTROL, alone=True),
    Kind(name="rolling-executors", about="SIGTERM, start, one by one", make=Executors, lane=WORK, alone=True),
    Kind(name="rolling-zookeeper", about="SIGTERM, start, one by one", make=ZooKeeper, lane=CONTROL),
)
