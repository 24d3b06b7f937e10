"""A tiny perfect scheduler, for tests of the checker: from a random history to logs that must be clean.

It knows at which moment each call took effect, which the history does not say. Times are milliseconds after START.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.gate.checker_made import EXECUTORS, START, Book, at
from tests.gate.oracle_schedules import dues, duration

LENGTH = 60_000
"""Of the simulated time; the ledger is read then."""
OUTAGES = ((12_000, 15_500), (33_000, 34_200))
"""No leader: what falls in there is decided at the end, as a misfire. No call takes effect meanwhile."""

TRIGGERS: tuple[dict[str, Any], ...] = (
    {"interval": {"every": "1s"}},
    {"interval": {"every": "3s", "offset": "1s"}},
    {"cron": "0/2 * * * * ?"},
    {"cron": "5,25-35/3,50 * * * * ?", "timeZone": "Asia/Kolkata"},
    {"daily": {"every": "4s", "from": "00:00", "to": "23:59"}, "timeZone": "America/New_York"},
    {"cron": "*/7 * * ? * MON-SUN", "maxFires": 4},
    {"after": "2500ms"},
)
SPECS: tuple[dict[str, Any], ...] = ({}, {"idempotent": True}, {"concurrency": {"policy": "allow"}})


@dataclass
class Simulated:
    """One job while it is played."""

    name: str
    trigger: dict[str, Any] | None = None
    paused: bool = False
    revision: int = 0
    fires: int = 0
    next_after: int | None = None
    busy_until: int = -LENGTH


@dataclass
class Simulator:
    """`play` returns the logs of a run that the seed makes."""

    dice: Random
    book: Book = field(default_factory=lambda: Book(read=LENGTH))
    applied: dict[str, dict[str, Any]] = field(default_factory=dict)

    def play(self) -> Book:
        for number in range(self.dice.randint(2, 5)):
            self._play_job(Simulated(f"job-{number}"))
        return self.book

    def _play_job(self, job: Simulated) -> None:
        effects = self._history(job)
        before = -4000
        for moment, what, trigger, spec in effects:
            self._fire(job, before, min(moment, LENGTH))
            before = max(before, moment)
            self._take_effect(job, moment, what, trigger, spec)
        self._fire(job, before, LENGTH)

    def _history(self, job: Simulated) -> list[tuple[int, str, dict[str, Any], dict[str, Any]]]:
        """Make the calls; returns when each took effect, in that order."""
        effects = []
        begin = -3000
        for number in range(self.dice.randint(1, 6)):
            trigger, spec = self.dice.choice(TRIGGERS), self.dice.choice(SPECS)
            what = "apply" if number == 0 else self.dice.choice(("apply", "pause", "resume", "delete", "apply"))
            if what == "apply" and "after" in self.applied.get(job.name, trigger) and number:
                what = "pause"  # no edit between the two kinds: this scheduler is tiny
            elif what == "apply" and "after" in trigger and number:
                trigger = TRIGGERS[0]
            if what == "apply":
                self.applied[job.name] = trigger
            took = self.dice.randint(5, 800)
            moment = self._outside(begin + self.dice.randint(0, took))
            took = max(took, moment - begin)
            outcome = self.dice.choices(("ok", "unknown", "refused"), (6, 2, 1))[0] if number else "ok"
            manifest = {"spec": {"triggers": [{"name": "main", **trigger}], **spec}}
            told = {"manifest": manifest} if what == "apply" else {}
            end = None if outcome == "unknown" and self.dice.random() < 0.5 else begin + took
            self.book.call(what, job.name, begin, end, outcome, **told)
            if outcome == "ok" or (outcome == "unknown" and self.dice.random() < 0.5):
                effects.append((moment, what, trigger, spec))
            begin += took + self.dice.randint(300, 15_000)
        return effects

    def _outside(self, moment: int) -> int:
        return next((high + 1 for low, high in OUTAGES if low <= moment <= high), moment)

    def _take_effect(
        self, job: Simulated, moment: int, what: str, trigger: dict[str, Any], spec: dict[str, Any]
    ) -> None:
        if what == "apply":
            new = job.trigger is None
            job.trigger, job.revision = trigger, job.revision + 1
            job.paused = False if new else job.paused
            job.fires = 0 if new else job.fires
            job.next_after = moment if new and "after" in trigger else job.next_after
            whole = {"triggers": [{"name": "main", **trigger}], **spec}
            self.book.revisions.append({"job_uid": f"uid {job.name}", "revision": job.revision, "spec": whole})
        elif what == "delete":
            job.trigger = None
        elif job.trigger is not None:
            was, job.paused = job.paused, what == "pause"
            if was and not job.paused and "after" in job.trigger:
                job.next_after = moment + duration(job.trigger["after"])

    def _fire(self, job: Simulated, low: int, high: int) -> None:
        """All that is due after `low` until `high`."""
        if job.trigger is None or job.paused or low >= high:
            return
        if "after" in job.trigger:
            self._fire_chain(job, duration(job.trigger["after"]), high)
            return
        found = [due - START for due in dues(job.trigger, START + low + 1, START + high + 1)]
        found = found[: max(0, job.trigger.get("maxFires", 10**6) - job.fires)]
        job.fires += len(found)
        for begin, end in OUTAGES:
            missed = [due for due in found if begin <= due <= end]
            found = [due for due in found if not begin <= due <= end]
            if missed:
                self._record(job, missed[-1], late=end - missed[-1], missed=missed)
        for due in found:
            self._record(job, due)

    def _fire_chain(self, job: Simulated, delay: int, high: int) -> None:
        while job.next_after is not None and job.next_after <= high:
            late = max([0, *(end - job.next_after for begin, end in OUTAGES if begin <= job.next_after <= end)])
            job.next_after = self._record(job, job.next_after, late=late) + delay

    def _record(self, job: Simulated, due: int, late: int = 0, missed: list[int] | None = None) -> int:
        """A record, and what ran of it; returns when it ended."""
        sent = due + late + 5
        changes: dict[str, Any] = {"revision": job.revision, "recorded": at(sent), "dispatched": at(sent)}
        if missed:
            changes |= {"missed_count": len(missed), "missed_first": at(missed[0]), "missed_last": at(missed[-1])}
        if self.dice.random() < 0.1 or sent < job.busy_until:
            changes |= {"state": "skipped", "dispatched": None, "ended": at(sent)}
            self.book.fire(job.name, due, **changes)
            return sent
        begin, took = sent + self.dice.randint(1, 20), self.dice.randint(50, 800)
        executor = self.dice.choice(EXECUTORS)
        row = self.book.fire(job.name, due, ran=False, executor_id=executor, **changes)
        row |= {"started": at(begin), "ended": at(begin + took + 3)}
        job.busy_until = begin + took + 4
        self.book.run(row, begin, begin + took)
        return begin + took + 3
