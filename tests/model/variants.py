"""The jobs of the model: definitions between which a script changes them."""

from dataclasses import dataclass
from typing import Any

from jobstore.spec import JobSpec
from scheduler.calendars.library import Library
from scheduler.definitions import Defaults, Definition, compile_job, read_spec
from scheduler.schedules import Schedule
from tests.scheduler.building import SHELL

NAMES = ("alpha", "beta", "gamma")
PERIODS = {"0/5 * * * * ?": 5, "0/10 * * * * ?": 10, "0/30 * * * * ?": 30, "0 * * * * ?": 60}
"""Seconds between the due times of each cron expression that occurs here; all are due at full minutes."""


def _every(seconds: int, **more: Any) -> dict[str, Any]:
    text = next(text for text, period in PERIODS.items() if period == seconds)
    return {"name": f"every{seconds}", "cron": text, **more}


_RETRY = {"maxAttempts": 3, "delay": "3s", "maxDelay": "5s"}
_SOON = {"threshold": "5s"}
_ALL = {"policy": "fireAll", "threshold": "10s", "rate": 2, "limit": 6}

MANIFESTS: tuple[dict[str, Any], ...] = (
    {"triggers": [_every(10)]},
    {"triggers": [_every(5)], "concurrency": {"policy": "allow"}, "idempotent": True},
    {
        "triggers": [_every(30, misfire=_ALL), _every(10, misfire={"threshold": "5s"})],
        "concurrency": {"policy": "allow"},
    },
    {"triggers": [_every(10, misfire={"policy": "skip", "threshold": "15s"})], "idempotent": True, "retry": _RETRY},
    {"triggers": [_every(5, misfire=_SOON)], "startDeadline": "12s", "retry": _RETRY},
    {"triggers": [_every(60, misfire={**_ALL, "rate": 1}), _every(5, maxFires=7)], "idempotent": True},
    {"triggers": [{"name": "after", "after": "4s"}], "idempotent": True, "failover": {"maxReruns": 1}},
    {"triggers": [{"name": "hand", "manual": True}], "concurrency": {"policy": "allow"}, "retry": _RETRY},
    {"triggers": [_every(10, misfire={**_ALL, "threshold": "1s"})]},
    {"triggers": [_every(10, jitter="4s"), _every(30)], "concurrency": {"policy": "allow"}},
)


@dataclass(frozen=True)
class Variant:
    """One of the definitions, compiled as the API does it."""

    spec: JobSpec
    definition: Definition
    schedules: dict[str, Schedule]


def _compiled(manifest: dict[str, Any], name: str) -> Variant:
    spec = read_spec({"task": SHELL, **manifest})
    definition, schedules = compile_job(spec, Defaults(), "default", name, _LIBRARY)
    return Variant(spec, definition, dict(schedules))


_LIBRARY = Library({})
VARIANTS = {name: tuple(_compiled(manifest, name) for manifest in MANIFESTS) for name in NAMES}
