"""Values that the tests begin with: each function makes a good one, and takes what is to be different."""

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from jobstore.ids import fire_id
from jobstore.model import Execution, Job, Origin, Term, TriggerRecord
from jobstore.spec import JobSpec
from jobstore.states import State
from scheduler.definitions import Defaults, Definition, compile_definition, read_spec
from scheduler.leader.requests import WriteRequest

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TERM = Term(epoch=7, node_id="node-1", order=3, ensemble="e")
JOB = UUID(int=0xA0)
TRIGGER = UUID(int=0xB0)
SHELL: Mapping[str, Any] = {"shell": {"command": "true"}}

_numbers = itertools.count(1)


def spec(**manifest: Any) -> JobSpec:
    """A definition, from the fields of a manifest's `spec`."""
    return read_spec({"task": SHELL, **manifest})


def cron(name: str = "main", expression: str = "0 * * * * ?", **more: Any) -> dict[str, Any]:
    """A trigger of a manifest; every minute unless told."""
    return {"name": name, "cron": expression, **more}


def definition(defaults: Defaults | None = None, **manifest: Any) -> Definition:
    """A definition, ready to be decided on."""
    return compile_definition(spec(**manifest), defaults or Defaults())


def job(uid: UUID = JOB, name: str = "report", revision: int = 1, **manifest: Any) -> Job:
    """A job whose triggers have uids of their own and no next fire."""
    made = spec(**manifest)
    return Job(
        uid=uid,
        namespace="default",
        name=name,
        revision=revision,
        spec=made,
        created=NOW,
        updated=NOW,
        triggers=tuple(
            TriggerRecord(uid=UUID(int=uid.int * 1000 + index), name=trigger.name)
            for index, trigger in enumerate(made.triggers)
        ),
    )


def execution(**changes: Any) -> Execution:
    """A pending execution of a fire at `NOW`; each call another one."""
    values: dict[str, Any] = {
        "id": UUID(int=next(_numbers)),
        "origin": Origin.SCHEDULE,
        "namespace": "default",
        "job": "report",
        "job_uid": JOB,
        "revision": 1,
        "trigger_uid": TRIGGER,
        "trigger": "main",
        "scheduled_time": NOW,
        "state": State.PENDING,
        "epoch": TERM.epoch,
        "check_at": NOW,
        "recorded": NOW,
        **changes,
    }
    return Execution(**values)


def fire(trigger_uid: UUID, at: datetime, **changes: Any) -> Execution:
    """The execution of a trigger's fire, as the leader would record it."""
    return execution(id=fire_id(trigger_uid, at), trigger_uid=trigger_uid, scheduled_time=at, **changes)


def request(request_id: str = "", scope: str = "default/report", digest: str = "d") -> WriteRequest:
    """The identity of a client's write; each call another one."""
    return WriteRequest(scope=scope, request_id=request_id or f"request-{next(_numbers)}", digest=digest)
