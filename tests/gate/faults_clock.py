"""The wall clock of a node or of an executor is wrong by up to 288 s."""

from random import Random

from tests.gate.faults import CONTROL, WORK, Facts, Fault, Kind
from tests.gate.nodes import Member
from tests.gate.rig import Rig

MOST = 288.0


class Bump(Fault):
    member: Member

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self.seconds = round(dice.choice((-1, 1)) * dice.uniform(1, MOST), 1)
        self.hold = dice.uniform(6, 12)

    def begin(self, rig: Rig) -> Facts:
        rig.clocks.bump(self.member.name, self.seconds)
        return {"bump": self.seconds}

    def heal(self, rig: Rig) -> Facts:
        rig.clocks.bump(self.member.name, 0.0)
        return {}


class Leader(Bump):
    def aim(self, rig: Rig) -> str:
        self.member = rig.leader()
        return self.member.name


class LeaderRestarted(Leader):
    """It starts anew under the wrong clock, as a host that boots with one."""

    def begin(self, rig: Rig) -> Facts:
        facts = super().begin(rig)
        self.member.kill()
        self.member.start()
        return facts


class Executor(Bump):
    def aim(self, rig: Rig) -> str:
        self.member = self._dice.choice(list(rig.executors.values()))
        return self.member.name

    def begin(self, rig: Rig) -> Facts:
        return {**super().begin(rig), "executor": self.member.name}


KINDS = (
    Kind(name="clock-leader", about="bumped while it leads", make=Leader, lane=CONTROL),
    Kind(name="clock-leader-restart", about="killed, started with a wrong clock", make=LeaderRestarted, lane=CONTROL),
    Kind(name="clock-executor", about="bumped while it runs", make=Executor, lane=WORK, cheap=True),
)
