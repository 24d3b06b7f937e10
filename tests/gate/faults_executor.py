"""An executor dies, its host dies, or it stands still for longer than its lease."""

from collections.abc import Callable
from random import Random

from tests.gate.faults import WORK, Facts, Fault, Kind
from tests.gate.load_history import boot
from tests.gate.nodes import Member
from tests.gate.rig import LEASE, SESSION_TIMEOUT, Rig

GIVEN_AWAY = SESSION_TIMEOUT + 1.1 * LEASE + 2
VOUCHED = 2.0


class ExecutorFault(Fault):
    """`after` tells how long it took until its attempts were given away."""

    executor: Member
    give_away: float = GIVEN_AWAY

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._incarnation = ""

    def aim(self, rig: Rig) -> str:
        self.executor = self._dice.choice(list(rig.executors.values()))
        with rig.query() as asking:
            asking.execute(
                "SELECT incarnation FROM executions WHERE executor_id = %s AND dispatched IS NOT NULL "
                "ORDER BY dispatched DESC LIMIT 1",
                [self.executor.name],
            )
            self._incarnation = (asking.fetchone() or [""])[0]
        return self.executor.name

    def whom(self, **facts: object) -> Facts:
        return {"executor": self.executor.name, "incarnation": self._incarnation, **facts}

    def after(self, rig: Rig, begin: float) -> Facts:
        with rig.query() as asking:
            asking.execute(
                "SELECT count(*), min(extract(epoch FROM ended)) - %s, max(extract(epoch FROM ended)) - %s FROM ("
                "SELECT ended FROM attempts WHERE executor_id = %s AND incarnation = %s AND outcome = 'lost' UNION ALL "
                "SELECT ended FROM executions WHERE executor_id = %s AND incarnation = %s AND state = 'lost') gone "
                "WHERE extract(epoch FROM ended) > %s",
                [begin, begin, *[self.executor.name, self._incarnation] * 2, begin],
            )
            count, first, last = asking.fetchone() or (0, None, None)
        seconds = [None if value is None else round(float(value), 2) for value in (first, last)]
        return {"lost": count, "givenAway": seconds, "toBeGivenAway": self.give_away}


class Kill(ExecutorFault):
    """Its guardian lives, if it has one."""

    def begin(self, rig: Rig) -> Facts:
        guarded = self.executor.has_guardian
        if guarded:
            self.hold, self.give_away = 4.0, VOUCHED
            self.executor.kill()
        else:
            self.hold = GIVEN_AWAY
            self.executor.kill_host()
        return self.whom(guardian=guarded)


class KillHost(ExecutorFault):
    """It, its guardian, and all that it started; for longer than anybody waits for it."""

    def begin(self, rig: Rig) -> Facts:
        self.hold = GIVEN_AWAY
        killed = self.executor.kill_host()
        return self.whom(killed=killed, dead=boot())


class KillHostBriefly(ExecutorFault):
    """It is back at once under its old id, and says truthfully that it has nothing of it."""

    def begin(self, rig: Rig) -> Facts:
        self.hold = self._dice.uniform(0, 2)
        killed = self.executor.kill_host()
        return self.whom(killed=killed, dead=boot())


class Pause(ExecutorFault):
    """SIGSTOP to the executor alone: what it has started runs on, unless its guardian ends it."""

    def begin(self, rig: Rig) -> Facts:
        self.hold = 1.1 * LEASE + self._dice.uniform(4, 10)
        self._resume: Callable[[], None] = self.executor.suspend()
        return self.whom(guardian=self.executor.has_guardian, seconds=round(self.hold, 1))

    def heal(self, rig: Rig) -> Facts:
        self._resume()
        return {}


KINDS = (
    Kind(name="executor-kill", about="kill -9; its guardian lives", make=Kill, lane=WORK),
    Kind(name="executor-host-kill", about="it, its guardian, and its tasks", make=KillHost, lane=WORK),
    Kind(name="executor-host-restart", about="the same, but back at once", make=KillHostBriefly, lane=WORK, cheap=True),
    Kind(name="executor-pause", about="SIGSTOP longer than its lease", make=Pause, lane=WORK, cheap=True),
)
