"""Processes die, or stop, exactly at a failpoint."""

import functools
import re
import time
from pathlib import Path
from random import Random

from cronquorum import failpoints
from tests.gate.faults import CONTROL, WORK, Facts, Fault, Kind
from tests.gate.faults_leader import SUCCESSION
from tests.gate.network import CannotMake
from tests.gate.nodes import Member
from tests.gate.rig import LEASE, SESSION_TIMEOUT, Rig

HIT_SECONDS = 12.0
"""How long to wait for somebody to pass there: under load, all but an edit come many times a second."""
REFUSAL = re.compile(r"epoch \d+ is over|StaleTerm|idle-in-transaction timeout")
"""What a node says of a write that the store refused for its epoch (jobstore.errors.StaleTerm), and PostgreSQL of one
who stood still inside a transaction."""
WAKE_SECONDS = 0.5
"""For a leader that goes on to try what it was about to do."""
TAKE_OVER = "leader.takeOver"


def _await_hit(rig: Rig, failpoint: str, armed: list[Member]) -> Member:
    end = time.monotonic() + HIT_SECONDS
    while time.monotonic() < end and not rig.stop.is_set():
        for member in armed:
            if member.was_hit(failpoint):
                for other in armed:
                    other.disarm(failpoint)
                return member
        rig.sleep(0.02)
    for member in armed:
        member.disarm(failpoint)
    raise CannotMake(f"nobody passed failpoint {failpoint} within {HIT_SECONDS:g} s")


class StopLeader(Fault):
    """SIGSTOP before a commit, between commit and send, or inside a transaction, for 1-3 T."""

    figure = SUCCESSION

    def __init__(self, failpoint: str, dice: Random) -> None:
        self._failpoint = failpoint
        self.hold = dice.uniform(1, 3) * SESSION_TIMEOUT

    def aim(self, rig: Rig) -> str:
        self._leader = rig.leader()
        self._logs = {path: path.stat().st_size for path in (self._leader.process.log, rig.postgres.process.log)}
        return self._leader.name

    def begin(self, rig: Rig) -> Facts:
        self._leader.arm(self._failpoint, "stop")
        _await_hit(rig, self._failpoint, [self._leader])
        return {"struck": time.time_ns(), "seconds": round(self.hold, 1)}

    def heal(self, rig: Rig) -> Facts:
        self._leader.wake()
        rig.sleep(WAKE_SECONDS)
        return {"staleRefused": sum(map(self._refusals, self._logs))}

    def _refusals(self, path: Path) -> int:
        """How many writes the store refused since the fault began, as a log tells."""
        with path.open("rb") as log:
            log.seek(self._logs[path])
            return len(REFUSAL.findall(log.read().decode(errors="replace")))


class KillNode(Fault):
    """SIGKILL at a failpoint of the leader, or of whoever is about to lead."""

    figure = SUCCESSION

    def __init__(self, failpoint: str, dice: Random) -> None:
        self._failpoint = failpoint
        self.hold = dice.uniform(5, 8)

    def aim(self, rig: Rig) -> str:
        self._leader = rig.leader()
        return self._leader.name

    def begin(self, rig: Rig) -> Facts:
        armed = [self._leader]
        if self._failpoint == TAKE_OVER:
            armed = [node for node in rig.nodes.values() if node is not self._leader]
        for member in armed:
            member.arm(self._failpoint, "kill")
        if self._failpoint == TAKE_OVER:
            self._leader.kill()
        hit = _await_hit(rig, self._failpoint, armed)
        return {"struck": time.time_ns(), "hit": hit.name}


class KillExecutor(Fault):
    """SIGKILL at a failpoint of an executor. One without a guardian goes with all that it started, like its host."""

    def __init__(self, failpoint: str, dice: Random) -> None:
        self._failpoint = failpoint
        self._dice = dice
        self.hold = SESSION_TIMEOUT + 1.1 * LEASE + 2 if dice.random() < 0.5 else 2.0

    def aim(self, rig: Rig) -> str:
        self._executor = self._dice.choice(list(rig.executors.values()))
        return self._executor.name

    def begin(self, rig: Rig) -> Facts:
        executor = self._executor
        guarded = executor.has_guardian
        executor.arm(self._failpoint, "kill")
        _await_hit(rig, self._failpoint, [executor])
        struck = time.time_ns()
        if guarded:
            self.hold = 2.0
        else:
            executor.kill_host()
        return {"struck": struck, "executor": executor.name, "guardian": guarded}


_LEADER = tuple(name for name in failpoints.NAMES if not name.startswith("executor."))
_EXECUTOR = tuple(name for name in failpoints.NAMES if name.startswith("executor."))
_CHEAP = ("leader.recorded", "leader.acknowledge")

KINDS = (
    *(
        Kind(
            name=f"leader-stop-{name}",
            about=f"SIGSTOP at {name} for 1-3 T",
            make=functools.partial(StopLeader, name),
            lane=CONTROL,
            cheap=name != "leader.recorded",
        )
        for name in ("leader.record", "leader.recorded", "store.transaction")
    ),
    *(
        Kind(
            name=f"leader-kill-{name}",
            about=f"SIGKILL at {name}",
            make=functools.partial(KillNode, name),
            lane=CONTROL,
            cheap=name in _CHEAP,
        )
        for name in _LEADER
    ),
    *(
        Kind(
            name=f"executor-kill-{name}",
            about=f"SIGKILL at {name}",
            make=functools.partial(KillExecutor, name),
            lane=WORK,
        )
        for name in _EXECUTOR
    ),
)
