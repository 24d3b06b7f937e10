"""The jobs of a load, made from a seed alone: what each means is said beside it, so that nobody need read a cron."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

NAMESPACE = "gate"
TRIGGER = "main"
FAST, MEDIUM = (1, 2, 3, 4, 5), (10, 12, 15, 20, 30, 60)
"""Seconds between the fires of the quick jobs and of the ones in the middle."""
SHARES = {"fast": 0.4, "medium": 0.4, "minute": 0.2}
"""Of all fires."""
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe")
LONG = 0.03
SHELL = "tests/gate/tasks_shell.py"
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """A trigger as a manifest says it, and what is meant by it; `manual`: no trigger."""

    kind: str
    due: dict[str, Any]
    trigger: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One job; `pace` is the class of its schedule, which an edit keeps, so that the rate of the load stays."""

    name: str
    pace: str
    schedule: Schedule
    policies: dict[str, Any] = field(default_factory=dict)

    def spec(self) -> dict[str, Any]:
        """The spec of its manifest."""
        triggers = [] if self.schedule.trigger is None else [self.schedule.trigger]
        return {"triggers": triggers, **self.policies}

    def manifest(self) -> dict[str, Any]:
        """What the history says of it."""
        schedule = self.schedule
        return {"kind": schedule.kind, "due": schedule.due, "trigger": schedule.trigger, "spec": self.spec()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How much: jobs, fires a second, the span of the run (ns since 1970, s), the longest task (s), the Python that
    shell tasks use, and how many of the tasks are long, apart from those of the quick jobs."""

    jobs: int
    rate: float
    begin: int
    seconds: float
    longest: float
    python: str
    long: float = LONG


def make_jobs(seed: int, size: Size) -> list[Job]:
    """The jobs of a load, always the same for the same arguments."""
    dice = Random(f"jobs {seed}")
    jobs = []
    for number, pace in zip(range(size.jobs), _paces(dice, size), strict=False):
        schedule = make_schedule(dice, pace, size)
        jobs.append(Job(name=f"job-{number:04}", pace=pace, schedule=schedule, policies=_policies(dice, pace, size)))
    return jobs


def edited(job: Job, dice: Random, size: Size) -> Job:
    """The same job with another schedule, or other policies, or both."""
    schedule, policies = job.schedule, job.policies
    what = dice.choice(("schedule", "schedule", "policies", "both"))
    if what != "policies":
        schedule = make_schedule(dice, job.pace, size)
    if what != "schedule":
        policies = _policies(dice, job.pace, size)
    return replace(job, schedule=schedule, policies=policies)


def _paces(dice: Random, size: Size) -> list[str]:
    """A class for each job: enough of the quick ones for the rate, and the rest seldom."""
    means = {"fast": _mean_rate(FAST), "medium": _mean_rate(MEDIUM), "minute": 1 / MINUTE}
    paces = []
    for pace, share in SHARES.items():
        paces += [pace] * max(1, round(size.rate * share / means[pace]))
    dice.shuffle(paces)
    paces = paces[: size.jobs]
    paces += ["seldom"] * (size.jobs - len(paces))
    dice.shuffle(paces)
    return paces


def _mean_rate(periods: tuple[int, ...]) -> float:
    return sum(1 / period for period in periods) / len(periods)


def make_schedule(dice: Random, pace: str, size: Size) -> Schedule:
    """A schedule of a class, with its misfire policy."""
    match pace:
        case "fast":
            period = dice.choice(FAST)
            schedule = dice.choice((_interval, _steps))(dice, period)
        case "medium":
            period = dice.choice(MEDIUM)
            schedule = dice.choice((_interval, _seconds, _seconds, _after))(dice, period)
        case "minute":
            schedule = dice.choice((_interval, _seconds, _seconds))(dice, MINUTE)
        case _:
            seldom = (_marks, _marks, _daily, _daily, _at, _manual)
            schedule = dice.choice(seldom)(dice, size)
    if schedule.trigger is None:
        return schedule
    misfire: dict[str, Any] = {"policy": dice.choice(("fireOnce", "fireOnce", "fireAll", "skip"))}
    if dice.random() < 0.6:
        misfire["threshold"] = dice.choice(("2s", "5s", "10s", "60s"))
    if misfire["policy"] == "fireAll":
        misfire["rate"] = dice.choice((5, 10, 50))
    return replace(schedule, trigger={"name": TRIGGER, **schedule.trigger, "misfire": misfire})


def _interval(dice: Random, period: int) -> Schedule:
    offset = dice.randrange(period)
    words = {"every": f"{period}s", **({"offset": f"{offset}s"} if offset else {})}
    return Schedule(kind="interval", due={"every": period, "offset": offset}, trigger={"interval": words})


def _steps(dice: Random, period: int) -> Schedule:
    first = dice.randrange(period)
    seconds = list(range(first, MINUTE, period))
    return _cron(dice, f"{first}/{period} * * * * ?", seconds)


def _seconds(dice: Random, period: int) -> Schedule:
    first = dice.randrange(period)
    seconds = list(range(first, MINUTE, period))
    return _cron(dice, f"{','.join(map(str, seconds))} * * * * ?", seconds)


def _cron(
    dice: Random, text: str, seconds: list[int], minutes: list[int] | None = None, hours: list[int] | None = None
) -> Schedule:
    zone = dice.choice(ZONES) if dice.random() < 0.2 else "UTC"
    due = {"seconds": seconds, "minutes": minutes, "hours": hours, "zone": zone}
    trigger = {"cron": text, **({} if zone == "UTC" else {"timeZone": zone})}
    return Schedule(kind="cron", due=due, trigger=trigger)


def _after(dice: Random, period: int) -> Schedule:
    return Schedule(kind="after", due={"delay": period}, trigger={"after": f"{period}s"})


def _marks(dice: Random, size: Size) -> Schedule:
    """At a minute of the hour, or a few: most of them within the run."""
    step = dice.choice((10, 15, 20, 30, 60))
    minutes = list(range(dice.randrange(step), 60, step))
    second = dice.randrange(60)
    return _cron(dice, f"{second} {','.join(map(str, minutes))} * * * ?", [second], minutes)


def _daily(dice: Random, size: Size) -> Schedule:
    every = dice.choice((2, 5, 10, 15)) * MINUTE
    first = dice.choice((0, 0, 1, 6)) * HOUR
    last = dice.choice((DAY, DAY, 23 * HOUR))
    zone = dice.choice(ZONES) if dice.random() < 0.3 else "UTC"
    words = {"every": f"{every}s", "from": _clock(first), "to": _clock(last)}
    due = {"every": every, "from": first, "to": last, "zone": zone}
    trigger = {"daily": words, **({} if zone == "UTC" else {"timeZone": zone})}
    return Schedule(kind="daily", due=due, trigger=trigger)


def _clock(second: int) -> str:
    return f"{second // HOUR:02}:{second % HOUR // MINUTE:02}"


def _at(dice: Random, size: Size) -> Schedule:
    at = size.begin // 10**9 + dice.randrange(10, max(11, int(size.seconds)))
    text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Schedule(kind="at", due={"at": at * 10**9}, trigger={"at": text})


def _manual(dice: Random, size: Size) -> Schedule:
    return Schedule(kind="manual", due={}, trigger=None)


def _policies(dice: Random, pace: str, size: Size) -> dict[str, Any]:
    long = pace != "fast" and dice.random() < size.long
    seconds = round(dice.uniform(10, size.longest), 2) if long else round(3 * dice.random() ** 4, 3)
    fails = dice.choice((1, 1, 2, 99)) if dice.random() < 0.06 else 0
    spec: dict[str, Any] = {"task": _task(dice, pace, seconds, fails, size)}
    spec["params"] = {"seconds": seconds, "fails": fails}
    spec["concurrency"] = {"policy": dice.choice(("skip", "skip", "allow"))}
    if dice.random() < 0.4:
        spec["idempotent"] = True
        spec["failover"] = {"strategy": "rerun", "maxReruns": dice.choice((1, 3, 10))}
    elif dice.random() < 0.5:
        spec["failover"] = {"strategy": "fail"}
    if fails and dice.random() < 0.8:
        spec["retry"] = {"maxAttempts": dice.choice((2, 3)), "delay": "1s", "backoff": "fixed"}
    if dice.random() < 0.1:
        spec["timeout"] = "90s"
    routing = dice.choice(("leastLoaded", "leastLoaded", "roundRobin", "random", "consistentHash"))
    zone = dice.choice(("", "", "", ",zone=a", ",zone=b"))
    spec["routing"] = {"strategy": routing, "selector": f"pool=work{zone}"}
    return spec


def _task(dice: Random, pace: str, seconds: float, fails: int, size: Size) -> dict[str, Any]:
    # the long ones are those that are killed: more of them have a grandchild to be killed as well
    likely = 0.0 if pace == "fast" else 0.5 if seconds >= 10 else 0.1
    if dice.random() < likely:
        return {"shell": {"argv": [size.python, "-S", "-E", SHELL, str(seconds), str(fails)]}}
    return {"python": {"callable": "gate-work"}}


def due_rate(jobs: list[Job]) -> Iterator[float]:
    """Fires a second of each job, as far as that has a meaning."""
    for job in jobs:
        due = job.schedule.due
        match job.schedule.kind:
            case "interval":
                yield 1 / due["every"]
            case "cron":
                yield len(due["seconds"]) * (1 if due["minutes"] is None else len(due["minutes"]) / 60) / MINUTE
