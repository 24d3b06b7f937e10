"""PostgreSQL is restarted, killed, or away."""

from random import Random

from tests.gate.faults import CONTROL, Facts, Fault, Kind
from tests.gate.rig import Rig

RESUMED = 3.0
"""Seconds from its return to the next dispatch."""


class PostgresFault(Fault):
    figure: float | None = RESUMED
    since_healed = True

    def aim(self, rig: Rig) -> str:
        return "postgres"

    def heal(self, rig: Rig) -> Facts:
        rig.postgres.start()
        return {}


class Restart(PostgresFault):
    def __init__(self, dice: Random) -> None:
        self.hold = 0.0

    def begin(self, rig: Rig) -> Facts:
        rig.postgres.stop("fast")
        return {}


class Kill(PostgresFault):
    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(0, 2)

    def begin(self, rig: Rig) -> Facts:
        rig.postgres.kill()
        return {}


class Away(PostgresFault):
    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(30, 60)

    def begin(self, rig: Rig) -> Facts:
        rig.postgres.stop("immediate")
        return {"seconds": round(self.hold, 1)}


class LongAway(Away):
    def __init__(self, dice: Random) -> None:
        self.hold = 600.0


LONG = "postgres-away-600"
"""Only in runs of an hour or more."""

KINDS = (
    Kind(name="postgres-restart", about="fast shutdown and start", make=Restart, lane=CONTROL),
    Kind(name="postgres-kill", about="kill -9 of all its processes", make=Kill, lane=CONTROL, cheap=True),
    Kind(name="postgres-away", about="for 30-60 s", make=Away, lane=CONTROL, alone=True),
    Kind(name=LONG, about="for ten minutes (--minutes 60 or more)", make=LongAway, lane=CONTROL, alone=True),
)
