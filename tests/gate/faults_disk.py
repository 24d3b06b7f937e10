"""Disks that are full: an executor's data folder, and PostgreSQL's write-ahead log."""

import contextlib
from pathlib import Path
from random import Random

from tests.gate.faults import CONTROL, WORK, Facts, Fault, Kind
from tests.gate.faults_postgres import RESUMED
from tests.gate.network import CannotMake
from tests.gate.rig import Rig

_CHUNK = b"\0" * 65536


def fill(folder: Path) -> Path:
    """Write until nothing more goes in; returns the file to be removed."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(_CHUNK)
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 512)
    return filler


class Executor(Fault):
    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self.hold = dice.uniform(6, 12)

    def aim(self, rig: Rig) -> str:
        self._name = self._dice.choice(list(rig.executors))
        return self._name

    def begin(self, rig: Rig) -> Facts:
        self._filler = fill(rig.disk_of(self._name))
        return {"executor": self._name, "filled": self._filler.stat().st_size}

    def heal(self, rig: Rig) -> Facts:
        self._filler.unlink(missing_ok=True)
        return {"ran": rig.executors[self._name].running}


class Wal(Fault):
    figure = RESUMED
    since_healed = True

    def __init__(self, dice: Random) -> None:
        self.hold = dice.uniform(8, 14)

    def aim(self, rig: Rig) -> str:
        return "postgres"

    def begin(self, rig: Rig) -> Facts:
        if rig.wal is None:
            raise CannotMake("the write-ahead log has no file system of its own: needs root and loop devices")
        self._filler = fill(rig.wal.parent)
        # segments that are there already would take a while to be written full
        with rig.query() as asking, contextlib.suppress(Exception):
            for _ in range(40):
                asking.execute("SELECT pg_switch_wal(), pg_logical_emit_message(false, 'gate', repeat('x', 1000))")
        return {"filled": self._filler.stat().st_size}

    def heal(self, rig: Rig) -> Facts:
        self._filler.unlink(missing_ok=True)
        died = not rig.postgres.process.running
        if died:
            rig.postgres.start()
        return {"died": died}


KINDS = (
    Kind(name="disk-executor", about="its data folder is full", make=Executor, lane=WORK),
    Kind(name="disk-wal", about="PostgreSQL can't write its log", make=Wal, lane=CONTROL, alone=True),
)
