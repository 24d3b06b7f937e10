"""Which faults, in which order: made from a seed alone; and the loop that makes them, one or two at a time."""

import contextlib
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg2

from tests.gate.faults import Facts, Fault, Kind, kinds
from tests.gate.faults_postgres import LONG
from tests.gate.load_history import Journal, boot, wall
from tests.gate.nemesis_service import Service
from tests.gate.network import CannotMake
from tests.gate.rig import Rig

TOGETHER = 0.5
"""Of the faults that may have company, how many get it."""
PAUSE = (1.0, 3.0)
"""Seconds between the recovery from one and the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """A fault to be made, `delay` seconds after the step's begin; `seed` is for what is random about itself."""

    kind: str
    seed: str
    delay: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One fault, or two in different lanes; then everything is healed, and `pause` seconds pass."""

    faults: tuple[Planned, ...]
    pause: float


def plan(seed: int, deck: Sequence[Kind], rounds: int | None = None) -> Iterator[Step]:
    """Every kind once, in any order, then all again, endlessly or so many times."""
    dice = Random(f"faults {seed}")
    number = 0
    while rounds is None or number < rounds:
        number += 1
        left = dice.sample(list(deck), len(deck))
        while left:
            kind = left.pop(0)
            chosen = [Planned(kind=kind.name, seed=f"{seed} {kind.name} {number}")]
            company = [other for other in left if not other.alone and other.lane != kind.lane]
            if company and not kind.alone and dice.random() < TOGETHER:
                left.remove(company[0])
                name = company[0].name
                chosen.append(Planned(kind=name, seed=f"{seed} {name} {number}", delay=dice.uniform(0, 4)))
            yield Step(faults=tuple(chosen), pause=dice.uniform(*PAUSE))


def deck(only: Sequence[str] | None, *, short: bool, minutes: float) -> list[Kind]:
    """The kinds of a run; what is named in `only` is made time and again."""
    known = kinds()
    if only is not None:
        return [known[name] for name in only]
    return [kind for kind in known.values() if (kind.cheap or not short) and (kind.name != LONG or minutes >= 60)]


@dataclass(kw_only=True)
class _Made:
    """A fault on its way; times are ns since 1970."""

    number: int
    kind: Kind
    fault: Fault
    target: str = ""
    begin: int = 0
    healed: int = 0
    epoch: int = 0
    facts: Facts = field(default_factory=dict)


class Nemesis:
    """`play` makes faults until the time is over, or the plan is."""

    def __init__(
        self, rig: Rig, folder: Path, seed: int, only: Sequence[str] | None, *, short: bool, say: Callable[[str], None]
    ) -> None:
        self._rig = rig
        self._seed = seed
        self._only = only
        self._short = short
        self._say = say
        self._service = Service(rig)
        self._journal = Journal(folder / "faults.jsonl")
        self._made: list[_Made] = []
        self._count = 0

    def play(self, end: float) -> None:
        """`end` is monotonic. What has begun is healed before it returns."""
        minutes = (end - time.monotonic()) / 60
        kinds_left = deck(self._only, short=self._short, minutes=minutes)
        once = self._short and self._only is None
        self._service.wait()
        if kinds_left:
            for step in plan(self._seed, kinds_left, 1 if once else None):
                if self._rig.stop.is_set() or time.monotonic() >= end:
                    break
                self._make(step)
        if not once:
            self._rig.sleep(max(0.0, end - time.monotonic()))

    def finish(self) -> None:
        """When all has settled, and the store still runs: what can only be seen by then."""
        for one in self._made:
            with contextlib.suppress(psycopg2.Error):
                if later := one.fault.after(self._rig, one.begin / 1e9):
                    one.facts |= later
                    self._write(one, healed=one.healed)
                    told = ", ".join(f"{name} {value}" for name, value in later.items())
                    self._say(f"fault {one.number}: {one.kind.name} on {one.target}: {told}")

    def close(self) -> None:
        self._journal.close()
        self._service.close()

    def _make(self, step: Step) -> None:
        threads, made = [], []
        for planned in step.faults:
            self._count += 1
            kind = kinds()[planned.kind]
            one = _Made(number=self._count, kind=kind, fault=kind.make(Random(planned.seed)))
            made.append(one)
            thread = threading.Thread(target=self._do, args=(one, planned.delay), name=kind.name, daemon=True)
            threads.append(thread)
            thread.start()
        for thread in threads:
            thread.join()
        healed = time.monotonic()
        self._rig.ensure_members()
        service = self._service.wait(healed)
        for one in made:
            self._look_back(one, service)
        self._rig.sleep(step.pause)

    def _do(self, one: _Made, delay: float) -> None:
        rig, fault = self._rig, one.fault
        rig.sleep(delay)
        one.begin = wall()
        begun = False
        try:
            one.target = fault.aim(rig)
            one.epoch = rig.term()[0]
            one.begin = wall()
            self._write(one, healed=None)
            begun = True
            one.facts |= fault.begin(rig)
            one.begin = one.facts.pop("struck", one.begin)
            rig.sleep(fault.hold)
        except CannotMake as why:
            one.facts["notMade"] = str(why)
        except Exception as error:  # the others go on; and the run is told
            one.facts["broke"] = f"{type(error).__name__}: {error}"[:2000]
            self._say(traceback.format_exc())
        finally:
            try:
                if begun and "notMade" not in one.facts:
                    one.facts |= fault.heal(rig)
            except Exception as error:  # as above
                one.facts["broke"] = f"heal: {type(error).__name__}: {error}"[:2000]
                self._say(traceback.format_exc())
            one.healed = wall()

    def _look_back(self, one: _Made, service: float | None) -> None:
        fault, begin, healed = one.fault, one.begin / 1e9, one.healed / 1e9
        facts = one.facts
        facts |= {"figure": fault.figure, "from": "healed" if fault.since_healed else "begin", "service": service}
        try:
            if "notMade" not in facts:
                facts |= self._service.recovery(begin, healed, one.epoch, fault)
        except Exception as error:  # as above
            facts["broke"] = f"after: {type(error).__name__}: {error}"[:2000]
        self._write(one, healed=one.healed)
        self._made.append(one)
        told = ", ".join(f"{name} {value}" for name, value in facts.items() if value not in (None, ""))
        self._say(f"fault {one.number}: {one.kind.name} on {one.target}, {healed - begin:.1f} s: {told}")

    def _write(self, one: _Made, healed: int | None) -> None:
        self._journal.write(
            fault=one.number,
            kind=one.kind.name,
            target=one.target,
            begin=one.begin,
            healed=healed,
            facts=one.facts,
            boot=boot(),
        )
