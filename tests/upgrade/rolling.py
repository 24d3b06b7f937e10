"""A rolling upgrade under load: the schema first, then every node and every executor; and what it came to."""

import contextlib
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks import checks, jobs
from benchmarks.commands import run
from benchmarks.figures import machine, percentiles, versions
from benchmarks.record import PostgresRecord, Row
from benchmarks.waiting import pause, until, wait_until, whole_second
from cronquorum.clock import host_time
from schedapi.client import Client
from schedapi.v1.job_pb2 import Interval, Job, Trigger
from tests.upgrade import callers
from tests.upgrade.callers import Caller
from tests.upgrade.cluster import Cluster
from tests.upgrade.tasks import WORK, runs

RATE = 500
"""Fires a second."""
NODES = EXECUTORS = 3
BEFORE = AFTER = 3.0
"""Seconds of load before the first change, and after the last."""
AHEAD = timedelta(seconds=3)
"""Between the applying of the jobs and their first fire."""
LONGEST = timedelta(minutes=10)
"""When the jobs end by themselves; they are paused before."""
LONG_EVERY, LONG_SECONDS = 25, 0.3
"""Some jobs take their time, so that executors have something to finish; so few that one may have nothing."""
SETTLE_TIMEOUT = 120.0
LEFT = ("still_running", "not_acknowledged")
"""What an executor that goes says that it leaves."""

P99_TARGET, AWAY_TARGET, HAND_OVER_TARGET = 1.0, 2.0, 1.0
"""Seconds: lateness, the API without an answer, and from a leader's SIGTERM to the next one's first decision."""


_TOLD = """
SELECT id::text, attempt, reruns FROM executions WHERE namespace = ? AND scheduled_time >= ? AND scheduled_time < ?
"""


@dataclass(kw_only=True)
class Findings:
    """What an upgrade came to. `wrong` is what must never be; the figures depend on the machine."""

    wrong: list[str]
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """The targets that were not met."""
        figures = self.figures
        found = {
            "p99 lateness": (figures["lateness_s"]["p99"], P99_TARGET),
            "API reads away": (figures["api_away_s"]["read"], AWAY_TARGET),
            "API writes away": (figures["api_away_s"]["write"], AWAY_TARGET),
            "longest hand-over": (max(figures["hand_over_s"], default=0.0), HAND_OVER_TARGET),
        }
        late = [f"{name}: {value:g} s, not {most:g} s" for name, (value, most) in found.items() if value > most]
        return [*late, *(f"a call failed: {told}" for told in figures["api_failed"])]


def play(say: Callable[[str], None] = lambda text: None) -> Findings:
    """Upgrade a cluster under load."""
    with Cluster() as cluster:
        return _Play(cluster, say).play()


class _Play:
    def __init__(self, cluster: Cluster, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self._reader: Caller
        self._writer: Caller

    def play(self) -> Findings:
        cluster = self._cluster
        self._start()
        with Client(cluster.endpoints) as client:
            begin = whole_second(host_time() + AHEAD)
            jobs.apply(client, [_probe(), *(_job(number, begin) for number in range(RATE))])
            self._reader, self._writer = (Caller(call, cluster.endpoints) for call in (callers.read, callers.write))
            cluster.changed = self._told
            wait_until(begin)
            with self._reader, self._writer:
                pause(BEFORE)
                self._upgrade()
                pause(AFTER)
            end = whole_second(host_time())
            wait_until(end + timedelta(seconds=1))
        with PostgresRecord(cluster.store) as record:
            until(lambda: not record.left_in(end), SETTLE_TIMEOUT, "all that was due is settled")
            rows = record.rows(jobs.NAMESPACE, begin, end)
            told = record.ask(_TOLD, jobs.NAMESPACE, begin, end)
        return self._judge(rows, told, begin, end)

    def _start(self) -> None:
        self._say(f"starting {NODES} nodes and {EXECUTORS} executors")
        run([sys.executable, "-m", "jobstore", "upgrade", "--store", self._cluster.store])
        for number in range(NODES):
            self._cluster.start_node(f"node-{number}")
        for number in range(EXECUTORS):
            self._cluster.start_executor(f"executor-{number}")

    def _upgrade(self) -> None:
        cluster = self._cluster
        self._say("upgrading the schema")
        cluster.later.expand()
        cluster.later.upgrade(cluster.store)
        # the leader first, each time: no order is worse
        for number in range(NODES):
            old = cluster.leader()
            self._say(f"replacing {old.id}, which leads")
            cluster.start_node(f"next-node-{number}", later=True)
            cluster.stop(old)
        for number, executor in enumerate(list(cluster.executors)):
            self._say(f"replacing {executor.id}")
            cluster.start_executor(f"next-executor-{number}", later=True)
            cluster.stop(executor)

    def _told(self, endpoints: list[str]) -> None:
        for caller in (self._reader, self._writer):
            caller.told(endpoints)

    def _judge(self, rows: list[Row], told: list[tuple[Any, ...]], begin: datetime, end: datetime) -> Findings:
        cluster = self._cluster
        seconds = int((end - begin).total_seconds())
        due = [
            checks.fire(jobs.name(number), begin.timestamp() + _offset(number).total_seconds() + second)
            for number in range(RATE)
            for second in range(seconds)
        ]
        wrong = checks.wrong(rows, due)
        times_run = Counter(runs(cluster.world))
        ran_once = sum(times_run[id_] == 1 for id_, *_ in told)
        if ran_once != len(told):
            doubled = sum(times_run[id_] > 1 for id_, *_ in told)
            wrong.append(f"{doubled} ran twice, {len(told) - ran_once - doubled} never ran")
        again = sum(attempt != 1 or reruns != 0 for _, attempt, reruns in told)
        if again:
            wrong.append(f"{again} took more than one attempt")
        wrong += self._partings()
        figures = {
            "fires": len(due),
            "seconds": seconds,
            "rate": RATE,
            "lateness_s": {name: round(ms / 1000, 3) for name, ms in percentiles([r.lateness for r in rows]).items()},
            "late_by_more_than_1_s": sum(row.lateness > 1000 for row in rows),
            "api_away_s": {"read": round(self._reader.away, 3), "write": round(self._writer.away, 3)},
            "api_failed": [*self._reader.failed, *self._writer.failed],
            "api_calls": {"read": self._reader.answered, "write": self._writer.answered},
            "hand_over_s": self._hand_overs(),
            "sigterm_to_end_s": {name: round(took, 3) for name, took in cluster.stops.items()},
            "machine": machine(),
            "versions": versions(),
        }
        return Findings(wrong=wrong, figures=figures)

    def _partings(self) -> list[str]:
        """What was amiss when executors went: each is to have nothing left, and the leader's word that nothing more
        comes. That is said only to one that has told that it drains; what is sent to one that went without it would
        wait for its lease."""
        gone = {told["executor"]: told for told in self._cluster.said("executor stopped")}
        wrong = []
        for number in range(EXECUTORS):
            told = gone.get(f"executor-{number}", {})
            if told.get("dismissed") is not True:
                wrong.append(f"executor-{number} went without the leader's farewell")
            wrong += [f"executor-{number} went with {told[what]} {what}" for what in LEFT if told.get(what)]
        return wrong

    def _hand_overs(self) -> list[float]:
        """From each SIGTERM of a leader until the next one had taken over, by the parts' own logs."""
        taken = [_time(told) for told in self._cluster.said("took over")]
        stopped = [_time(told) for told in self._cluster.said("node stops") if told["leads"]]
        found = []
        for at in stopped:
            with contextlib.suppress(StopIteration):
                found.append(round((next(time for time in taken if time > at) - at).total_seconds(), 3))
        return found


def _time(told: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(told["timestamp"]))


def _offset(number: int) -> timedelta:
    return timedelta(milliseconds=number * 1000 // RATE)


def _job(number: int, begin: datetime) -> Job:
    trigger = Trigger(
        name="often",
        interval=Interval(every="1s"),
        start=(begin + _offset(number)).isoformat(),
        end=(begin + LONGEST).isoformat(),
    )
    made = jobs.job(jobs.name(number), trigger, task=jobs.python(WORK), concurrency="allow")
    made.spec.params.update({"seconds": LONG_SECONDS if number % LONG_EVERY == 0 else 0.0})
    return made


def _probe() -> Job:
    return jobs.job(callers.JOB, task=jobs.python(WORK), namespace=callers.NAMESPACE)
