"""The environment of a task: that of the executor without its own settings, and what the task is told."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from cronquorum.names import shown
from executor.assignment import Assignment, instant_text
from executor.errors import Refusal

PRIVATE_PREFIXES = (b"CRONQUORUM_", b"SCHED_")
"""The executor's own settings, which are none of the task's business, and what an executor that runs as a
task itself was told."""


def inherited() -> dict[bytes, bytes]:
    """What tasks get from the executor."""
    return {key: value for key, value in os.environb.items() if not key.startswith(PRIVATE_PREFIXES)}


def told(assignment: Assignment) -> dict[str, str]:
    """SCHED_*: what a task is told; and TRACEPARENT, where there are traces. Raises `Refusal` for what an environment
    cannot hold."""
    variables = {
        "SCHED_NAMESPACE": assignment.namespace,
        "SCHED_JOB": assignment.job,
        "SCHED_TRIGGER": assignment.trigger,
        "SCHED_EXECUTION_ID": assignment.key.execution_id,
        "SCHED_SCHEDULED_TIME": instant_text(assignment.scheduled_time),
        "SCHED_ATTEMPT": str(assignment.key.attempt),
        "SCHED_EPOCH": str(assignment.epoch),
    }
    if assignment.traceparent:
        variables["TRACEPARENT"] = assignment.traceparent
    return check(variables, "task") | params(assignment.params)


def params(values: Mapping[str, Any]) -> dict[str, str]:
    """SCHED_PARAM_<NAME>: names in upper case with `_` for all but letters and digits; texts, numbers and
    truth values as they are, null as nothing, the rest as JSON. Raises `Refusal`."""
    variables: dict[str, str] = {}
    origins: dict[str, str] = {}
    for name, value in values.items():
        variable = "SCHED_PARAM_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        if variable in variables:
            raise Refusal("badTask", f"params {shown(origins[variable])} and {shown(name)} are both {shown(variable)}")
        variables[variable], origins[variable] = text_of(value), name
    return check(variables, "param")


def text_of(value: Any) -> str:
    """A parameter as a text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def check(variables: Mapping[str, str], what: str) -> dict[str, str]:
    """The same variables, if they can be some. Raises `Refusal`."""
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            raise Refusal("badTask", f"{what}: {shown(name)} is no name of an environment variable")
        if "\0" in value:
            raise Refusal("badTask", f"{what}: the value of {shown(name)} has a NUL character")
    return dict(variables)


def encoded(variables: Mapping[str, str]) -> dict[bytes, bytes]:
    """As the operating system takes it, whatever the locale."""
    return {key.encode(): value.encode() for key, value in variables.items()}
