"""Definitions: what is accepted, what is refused with which words, and the round trip through JSON."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from jobstore.spec import MAX_COMMAND, MAX_TRIGGERS, JobSpec
from jobstore.spec_values import MAX_DEPTH, MAX_KEYS

SHELL = {"shell": {"command": "true"}}
CRON = {"name": "t", "cron": "0 0 * * * ?"}


def with_trigger(**changes: Any) -> dict[str, Any]:
    return {"task": SHELL, "triggers": [{**CRON, **changes}]}


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


GOOD: dict[str, dict[str, Any]] = {
    "the least": {"task": SHELL},
    "the manifest of the design": {
        "description": "sales of the day before",
        "triggers": [
            {
                "name": "nightly",
                "cron": "0 30 2 * * ?",
                "timeZone": "Europe/Berlin",
                "gap": "after",
                "overlap": "first",
                "misfire": {"policy": "fireOnce", "threshold": "60s"},
                "params": {"mode": "full"},
            }
        ],
        "task": {"python": {"callable": "reports:nightly", "params": {"region": "eu"}}},
        "params": {},
        "idempotent": True,
        "failover": {"strategy": "rerun", "maxReruns": 3},
        "retry": {"maxAttempts": 4, "delay": "30s", "backoff": "exponential", "maxDelay": "10m"},
        "timeout": "1h",
        "startDeadline": "15m",
        "concurrency": {"policy": "skip"},
        "routing": {"strategy": "leastLoaded", "selector": "zone=a,gpu in (h100,h200)"},
        "retention": {"succeeded": "7d", "failed": "90d"},
        "paused": False,
    },
    "a program": {"task": {"shell": {"argv": ["/bin/echo", "a b"], "env": {"A": "1"}, "cwd": "/tmp"}}},
    "a delay of nothing": {"task": SHELL, "retry": {"delay": "0s", "maxDelay": "0s"}},
    "deep parameters": {"task": SHELL, "params": nested(MAX_DEPTH)},
    "many triggers": {"task": SHELL, "triggers": [{**CRON, "name": f"t-{n}"} for n in range(MAX_TRIGGERS)]},
}


@pytest.mark.parametrize("case", GOOD)
def test_good_definitions_are_the_same_in_json(case: str) -> None:
    spec = JobSpec.from_json(GOOD[case])
    assert JobSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    # what: definition, where, words
    "no task": ({}, "task", "required"),
    "an unknown key": ({"task": SHELL, "tiemout": "1s"}, "tiemout", "not permitted"),
    "an unknown key in a trigger": (with_trigger(zone="UTC"), "triggers.0.zone", "not permitted"),
    "no kind of task": ({"task": {}}, "task", "exactly one of shell, python"),
    "two kinds": (
        {"task": {**SHELL, "python": {"callable": "x"}}},
        "task",
        "exactly one of shell, python",
    ),
    "an unknown kind": ({"task": {"smoke": {}}}, "task.smoke", "not permitted"),
    "no command": ({"task": {"shell": {}}}, "task.shell", "either a command or an argv"),
    "an empty command": ({"task": {"shell": {"command": ""}}}, "task.shell", "either a command or an argv"),
    "command and argv": (
        {"task": {"shell": {"command": "a", "argv": ["a"]}}},
        "task.shell",
        "either a command or an argv",
    ),
    "a long command": (
        {"task": {"shell": {"command": "x" * (MAX_COMMAND + 1)}}},
        "task.shell.command",
        "at most",
    ),
    "a variable with =": ({"task": {"shell": {"command": "a", "env": {"A=": ""}}}}, "task.shell", "variable"),
    "a NUL in a command": ({"task": {"shell": {"command": "a\x00"}}}, "task.shell.command", "NUL"),
    "an empty callable": ({"task": {"python": {"callable": ""}}}, "task.python.callable", "at least 1"),
    "a trigger without a name": ({"task": SHELL, "triggers": [{"cron": "x"}]}, "triggers.0.name", "required"),
    "a trigger whose name is no label": (with_trigger(name="a_b"), "triggers.0.name", "not a DNS label"),
    "a trigger of no schedule": ({"task": SHELL, "triggers": [{"name": "t"}]}, "triggers.0", "exactly one of cron, "),
    "too many triggers": (
        {"task": SHELL, "triggers": [CRON] * (MAX_TRIGGERS + 1)},
        "triggers",
        "at most 100",
    ),
    "a threshold of 0": (
        with_trigger(misfire={"threshold": "0s"}),
        "triggers.0.misfire.threshold",
        "longer than 0s",
    ),
    "a threshold of years": (
        with_trigger(misfire={"threshold": "1000d"}),
        "triggers.0.misfire.threshold",
        "1000d is longer than 365d",
    ),
    "a number as a duration": ({"task": SHELL, "timeout": 60}, "timeout", "not a duration"),
    "a duration without a unit": ({"task": SHELL, "timeout": "60"}, "timeout", "not a duration"),
    "a negative duration": ({"task": SHELL, "timeout": "-1s"}, "timeout", "not a duration"),
    "a duration that is no number": ({"task": SHELL, "timeout": "NaN"}, "timeout", "not a duration"),
    "a timeout of 0": ({"task": SHELL, "timeout": "0s"}, "timeout", "longer than 0s"),
    "a duration beyond all": ({"task": SHELL, "startDeadline": "1e12"}, "startDeadline", "not a duration"),
    "a duration of ages": ({"task": SHELL, "startDeadline": "99999d"}, "startDeadline", "longer than 3650d"),
    "no attempts": ({"task": SHELL, "retry": {"maxAttempts": 0}}, "retry.maxAttempts", "greater than or equal"),
    "endless attempts": (
        {"task": SHELL, "retry": {"maxAttempts": 2**31}},
        "retry.maxAttempts",
        "less than or equal",
    ),
    "half an attempt": ({"task": SHELL, "retry": {"maxAttempts": 1.5}}, "retry.maxAttempts", "integer"),
    "a text as a number": ({"task": SHELL, "retry": {"maxAttempts": "3"}}, "retry.maxAttempts", "integer"),
    "a text as a boolean": ({"task": SHELL, "idempotent": "yes"}, "idempotent", "boolean"),
    "negative reruns": ({"task": SHELL, "failover": {"maxReruns": -1}}, "failover.maxReruns", "greater than"),
    "parameters that are a list": ({"task": SHELL, "params": []}, "params", "dictionary"),
    "parameters nested too deep": ({"task": SHELL, "params": nested(MAX_DEPTH + 1)}, "params", "deeper than 32"),
    "parameters nested without end": ({"task": SHELL, "params": nested(50_000)}, "params", "deeper than 32"),
    "too many keys": (
        {"task": SHELL, "params": {str(n): n for n in range(MAX_KEYS + 1)}},
        "params",
        "more than 1000 keys",
    ),
    "too many keys in lists": (
        {"task": SHELL, "params": {"a": [{"b": n} for n in range(MAX_KEYS)]}},
        "params",
        "more than 1000 keys",
    ),
    "parameters that are not JSON": ({"task": SHELL, "params": {"a": [float("inf")]}}, "params", "JSON number"),
    "kept for no time": ({"task": SHELL, "retention": {"failed": "59s"}}, "retention.failed", "shorter than 1m"),
    "kept for a number": ({"task": SHELL, "retention": {"succeeded": 30}}, "retention.succeeded", "not a duration"),
    "kept as a whole": ({"task": SHELL, "retention": "30d"}, "retention", "dictionary"),
    "a long description": ({"task": SHELL, "description": "x" * 1001}, "description", "at most 1000"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_definitions_name_the_place_and_what_would_be_right(case: str) -> None:
    value, place, words = BAD[case]
    with pytest.raises(ValidationError) as refused:
        JobSpec.from_json(value)
    found = [(".".join(map(str, e["loc"])), e["msg"]) for e in refused.value.errors()]
    assert any(where == place and words in message for where, message in found), found


def test_defaults_are_not_written_down() -> None:
    assert JobSpec.from_json({"task": SHELL, "retry": {"delay": "10s"}}).to_json() == {"task": SHELL}


def test_what_the_cluster_may_default_is_none_when_the_manifest_is_silent() -> None:
    spec = JobSpec.from_json({"task": SHELL})
    assert (spec.timeout, spec.retry.max_attempts, spec.routing.strategy) == (None, None, None)
    assert (spec.failover.strategy, spec.concurrency.policy) == (None, None)


def test_a_value_cannot_be_changed() -> None:
    spec = JobSpec.from_json({"task": SHELL})
    with pytest.raises(ValidationError):
        spec.idempotent = True  # type: ignore[misc]  # that is the point


def test_the_task_knows_its_kind_and_its_own_parameters() -> None:
    python = JobSpec.from_json({"task": {"python": {"callable": "x", "params": {"a": 1}}}}).task
    shell = JobSpec.from_json({"task": SHELL}).task
    assert (python.kind, python.params) == ("python", {"a": 1})
    assert (shell.kind, shell.params) == ("shell", {})


def test_a_trigger_is_found_by_its_name() -> None:
    spec = JobSpec.from_json(with_trigger())
    assert spec.trigger("t") == spec.triggers[0]
    assert spec.trigger("none") is None


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"params": {"a": 1}}, True),
        ({"misfire": {"policy": "skip"}}, True),
        ({"cron": "0 0 1 * * ?"}, False),
        ({"timeZone": "Europe/Berlin"}, False),
        ({"gap": "skip"}, False),
        ({"overlap": "both"}, False),
    ],
)
def test_whether_two_triggers_have_the_same_due_times(change: dict[str, Any], same: bool) -> None:
    one = JobSpec.from_json(with_trigger()).triggers[0]
    other = JobSpec.from_json(with_trigger(**change)).triggers[0]
    assert one.same_schedule(other) == same


# ---------------------------------------------------------------------------------- round trip, at large

TEXT = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=20)
LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
JSON_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
PARAMS = st.dictionaries(st.text(), JSON_VALUE, max_size=4)
SPANS = st.integers(1, 10**9).map(lambda ms: timedelta(milliseconds=ms))
TASK = st.one_of(
    st.builds(lambda c, e: {"shell": {"command": c, "env": e}}, TEXT.filter(bool), st.just({"A": "b"})),
    st.builds(lambda a: {"shell": {"argv": a}}, st.lists(TEXT, min_size=1, max_size=3)),
    st.builds(lambda c, p: {"python": {"callable": c, "params": p}}, TEXT.filter(bool), PARAMS),
)
TRIGGER = st.builds(
    lambda name, zone, policy, threshold, params: {
        "name": name,
        "cron": "0 0 * * * ?",
        "timeZone": zone,
        "misfire": {"policy": policy, "threshold": threshold},
        "params": params,
    },
    LABEL,
    TEXT,
    TEXT,
    SPANS,
    PARAMS,
)
SPECS = st.builds(
    lambda description, triggers, task, params, idempotent, attempts, delay, timeout, paused: JobSpec.from_json(
        {
            "description": description,
            "triggers": triggers,
            "task": task,
            "params": params,
            "idempotent": idempotent,
            "retry": {"maxAttempts": attempts, "delay": delay},
            "timeout": timeout,
            "paused": paused,
        }
    ),
    TEXT,
    st.lists(TRIGGER, max_size=3),
    TASK,
    PARAMS,
    st.booleans(),
    st.none() | st.integers(1, 100),
    SPANS,
    st.none() | SPANS,
    st.booleans(),
)


@given(SPECS)
@settings(deadline=None)
def test_what_is_written_is_read_back(spec: JobSpec) -> None:
    text = json.dumps(spec.to_json(), allow_nan=False)
    assert JobSpec.from_json(json.loads(text)) == spec
