"""One run: the rig comes up, the load and the nemesis do their work, everything settles, and is taken down."""

import contextlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests.gate.ledger import write_ledger
from tests.gate.load import LONG, Size
from tests.gate.load_history import History, boot, wall
from tests.gate.load_run import Load
from tests.gate.nemesis import Nemesis
from tests.gate.rig import LEASE, SESSION_TIMEOUT, Rig
from tests.gate.run_looks import Looks
from tests.gate.run_snapshots import Snapshots
from tests.gate.world_watch import WorldWatch

SETTLE_SECONDS = 150.0
"""The longest task (40 s), the longest way of an execution whose executor was lost (25 s), and retries."""
SEEN_SECONDS = 20.0
"""The same when a failure was seen: what is broken may never be final."""
QUIET_SECONDS = 3.0
SNAPSHOTS, LEAST_BETWEEN = 6, 45.0
"""How often the store is read while the run goes on, and the least seconds between."""
LONGEST_TASK, SHORT_TASK = 40.0, 15.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What the command line says. `only`: kinds of faults; None: all, and none at all when it is empty. `until`: kinds
    of failures that end the run once one is seen. `long`: the share of long tasks."""

    seed: int
    minutes: float
    jobs: int
    rate: float
    edits: float
    short: bool
    proxies: bool
    only: tuple[str, ...] | None
    until: tuple[str, ...] = ()
    long: float = LONG


class Run:
    """Everything that it writes is in `folder`."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._facts: dict[str, Any] = {}

    def play(self) -> None:
        """Do it all. An interruption ends it in an orderly way, and goes through."""
        rig = Rig(self._folder, proxies=self._settings.proxies)
        self._say(f"folder {self._folder}")
        try:
            rig.start()
            why = f" ({rig.why_proxies})" if rig.why_proxies else ""
            self._say(f"rig up: {rig.network.kind}{why}, tag {rig.tag}")
            self._play(rig)
        except BaseException as error:
            self._note(interrupted=type(error).__name__)
            raise
        finally:
            rig.stop.set()
            rig.close()
            self._say("everything is taken down")

    def _play(self, rig: Rig) -> None:
        settings = self._settings
        self._note(
            seed=settings.seed,
            command=" ".join(sys.argv),
            minutes=settings.minutes,
            short=settings.short,
            jobs=settings.jobs,
            network=rig.network.kind,
            sessionTimeout=SESSION_TIMEOUT,
            lease=LEASE,
            begin=wall(),
            quiet=None,
            end=None,
            clock={"wall": wall(), "boot": boot()},
        )
        watch = WorldWatch(self._folder)
        watch.start()
        history = rig.history = History(self._folder / "history.jsonl")
        size = Size(
            jobs=settings.jobs,
            rate=settings.rate,
            begin=wall(),
            seconds=settings.minutes * 60,
            longest=SHORT_TASK if settings.short else LONGEST_TASK,
            python=sys.executable,
            long=settings.long,
        )
        load = Load(rig.endpoints, history, settings.seed, size, settings.edits)
        nemesis = Nemesis(rig, self._folder, settings.seed, settings.only, short=settings.short, say=self._say)
        snapshots = Snapshots(rig.store, self._folder, max(LEAST_BETWEEN, settings.minutes * 60 / SNAPSHOTS))
        looks = Looks(rig.store, self._folder, settings.until, rig.stop.set)
        try:
            load.begin()
            self._say(f"{len(load.jobs)} jobs applied")
            load.start()
            snapshots.start()
            if settings.until:
                looks.start()
            nemesis.play(time.monotonic() + settings.minutes * 60)
            looks.close()
            rig.stop.clear()  # what was seen ended the faults; what follows takes its time
            self._note(seen=looks.seen)
            rig.ensure_members()
            paused = load.finish()
            self._note(quiet=wall(), paused=paused, broken=load.broken)
            left = self._settle(rig, SETTLE_SECONDS if looks.seen is None else SEEN_SECONDS)
            self._note(settled=not left, left=left, end=wall(), calls=_counted(history))
            self._say(f"settled: {not left}; {self._counts(rig)}; calls {_counted(history)}")
            snapshots.close()
            nemesis.finish()
            write_ledger(rig.store, self._folder / "ledger.json")
        finally:
            looks.close()
            snapshots.close()
            nemesis.close()
            load.stop()
            watch.close()
            history.close()

    def _settle(self, rig: Rig, most: float) -> list[str]:
        """Wait until nothing is open, and stays so; returns the ids of what is left when it takes too long."""
        end = time.monotonic() + most
        quiet_since: float | None = None
        left = ["(the store did not answer)"]
        while time.monotonic() < end:
            with contextlib.suppress(psycopg2.OperationalError), rig.query() as asking:
                asking.execute("SELECT id::text FROM executions WHERE NOT final ORDER BY id LIMIT 100")
                left = [row[0] for row in asking.fetchall()]
                quiet_since = None if left else quiet_since or time.monotonic()
                if quiet_since is not None and time.monotonic() - quiet_since > QUIET_SECONDS:
                    return []
            rig.sleep(0.25)
        return left

    def _counts(self, rig: Rig) -> str:
        with rig.query() as asking:
            asking.execute("SELECT state, reason, count(*) FROM executions GROUP BY 1, 2 ORDER BY 3 DESC")
            return ", ".join(f"{state}{f' ({reason})' if reason else ''} {count}" for state, reason, count in asking)

    def _note(self, **facts: Any) -> None:
        self._facts |= facts
        (self._folder / "run.json").write_text(json.dumps(self._facts, indent=1) + "\n")

    def _say(self, text: str) -> None:
        print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def _counted(history: History) -> dict[str, int]:
    return {f"{what} {outcome}": count for (what, outcome), count in sorted(history.counts.items())}
