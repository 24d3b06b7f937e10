"""From a manifest's `spec` to something that can be decided on: the error table, defaults, parameters."""

from datetime import timedelta
from typing import Any

import pytest

from jobstore.spec import JobSpec
from scheduler.calendars.library import Library
from scheduler.definitions import TASK_KINDS, Defaults, check_metadata, compile_job, read_spec
from scheduler.errors import InvalidJob, InvalidRequest, Violation
from tests.scheduler.building import SHELL, cron, definition

LABEL = "is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not first or last a '-'"
DURATION = "is not a duration such as 90s, 10m, 1h30m or 2d"


def shell(**fields: Any) -> dict[str, Any]:
    return {"task": {"shell": fields}}


def wrong(value: Any) -> list[tuple[str, str]]:
    """Every violation of a manifest's `spec`."""
    with pytest.raises(InvalidJob) as refused:
        compile_job(read_spec(value), Defaults(), "default", "report", Library({}))
    return [(violation.field, violation.message) for violation in refused.value.violations]


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"task": None}, "spec.task", "null is not a mapping"),
        ({"task": {}}, "spec.task", "needs exactly one of shell, python, kubernetes"),
        (
            {"task": {**SHELL, "python": {"callable": "a"}}},
            "spec.task",
            "needs exactly one of shell, python, kubernetes",
        ),
        ({"task": {"perl": {}}}, "spec.task.perl", "unknown field"),
        ({"task": {"pyton": {}}}, "spec.task.pyton", "unknown field; did you mean 'python'?"),
        (shell(), "spec.task.shell", "needs either a command or an argv"),
        (shell(command="a", argv=["a"]), "spec.task.shell", "needs either a command or an argv"),
        (
            shell(command="a", comand="a"),
            "spec.task.shell.comand",
            "unknown field; did you mean 'command'?",
        ),
        (shell(command="a\x00"), "spec.task.shell.command", "contains a NUL character"),
        (shell(command="a", env={"A=B": "c"}), "spec.task.shell", "env: 'A=B' is not the name of a variable"),
        ({"trigers": []}, "spec.trigers", "unknown field; did you mean 'triggers'?"),
        ({"triggers": {}}, "spec.triggers", "{} is not a list"),
        (
            {"triggers": [{"name": "a"}]},
            "spec.triggers[0]",
            "says no schedule: give exactly one of cron, interval, calendarInterval, daily, at, after, manual",
        ),
        ({"triggers": [cron("A b")]}, "spec.triggers[0].name", f"'A b' {LABEL}"),
        (
            {"triggers": [cron(), cron("b", "0 0 25 * * ?")]},
            "spec.triggers[1].cron",
            'hours: 25 is not in 0-23 (column 5 of "0 0 25 * * ?")',
        ),
        (
            {"triggers": [cron(timeZone="Europe/Berln")]},
            "spec.triggers[0].timeZone",
            "time zone 'Europe/Berln' is unknown; did you mean Europe/Berlin or Europe/Dublin or Europe/Belfast?",
        ),
        (
            {"triggers": [cron(misfire={"policy": "fireonce"})]},
            "spec.triggers[0].misfire.policy",
            "'fireonce' is not one of fireOnce, fireAll, skip; did you mean 'fireOnce'?",
        ),
        (
            {"triggers": [cron(misfire={"threshold": "0s"})]},
            "spec.triggers[0].misfire.threshold",
            "'0s' must be longer than 0s",
        ),
        ({"triggers": [cron(gap="befor")]}, "spec.triggers[0].gap", "'befor' is not one of after, skip"),
        (
            {"triggers": [cron(overlap="all")]},
            "spec.triggers[0].overlap",
            "'all' is not one of first, second, both",
        ),
        (
            {"triggers": [cron("a"), cron("b"), cron("a")]},
            "spec.triggers[2].name",
            "'a' is the name of an earlier trigger of this job",
        ),
        ({"timeout": "0s"}, "spec.timeout", "'0s' must be longer than 0s"),
        ({"timeout": "10"}, "spec.timeout", f"'10' {DURATION}"),
        ({"timeout": 10}, "spec.timeout", f"10 {DURATION}"),
        ({"startDeadline": "4000d"}, "spec.startDeadline", "'4000d' is longer than 3650d"),
        (
            {"retry": {"maxAttempts": 0}},
            "spec.retry.maxAttempts",
            "0 is not in 1-100",
        ),
        ({"triggers": [cron(maxFires=0)]}, "spec.triggers[0].maxFires", "0 is not in 1-2147483647"),
        ({"triggers": [cron(maxFires=1.5)]}, "spec.triggers[0].maxFires", "1.5 is not a whole number in 1-2147483647"),
        ({"triggers": [cron(jitter="0s")]}, "spec.triggers[0].jitter", "'0s' must be longer than 0s"),
        ({"triggers": [cron(misfire={"rate": 1001})]}, "spec.triggers[0].misfire.rate", "1001 is not in 1-1000"),
        ({"task": {"python": {"callable": ""}}}, "spec.task.python.callable", "is empty"),
        ({"description": 5}, "spec.description", "5 is not a text"),
        ({"description": True}, "spec.description", "true is not a text"),
        ({"retry": {"maxAttempts": "3"}}, "spec.retry.maxAttempts", "'3' is not a whole number in 1-100"),
        (
            {"retry": {"backoff": "exp"}},
            "spec.retry.backoff",
            "'exp' is not one of fixed, linear, exponential",
        ),
        (
            {"failover": {"strategy": "rerun"}},
            "spec.failover.strategy",
            "'rerun' runs a job again: it needs idempotent: true",
        ),
        (
            {"failover": {"strategy": "rerurn"}, "idempotent": True},
            "spec.failover.strategy",
            "'rerurn' is not one of rerun, fail; did you mean 'rerun'?",
        ),
        (
            {"failover": {"maxReruns": 101}},
            "spec.failover.maxReruns",
            "101 is not in 0-100",
        ),
        ({"concurrency": {"policy": "queue"}}, "spec.concurrency.policy", "'queue' is not one of allow, skip"),
        (
            {"routing": {"strategy": "leastloaded"}},
            "spec.routing.strategy",
            "'leastloaded' is not one of leastLoaded, roundRobin, random, consistentHash; did you mean 'leastLoaded'?",
        ),
        (
            {"routing": {"selector": "zone=a gpu"}},
            "spec.routing.selector",
            "column 8 of 'zone=a gpu': a comma is missing",
        ),
        ({"params": []}, "spec.params", "[] is not a mapping"),
        ({"params": {"a": float("inf")}}, "spec.params", "inf is not a JSON number"),
        ({"idempotent": 1}, "spec.idempotent", "1 is not true or false"),
        ({"description": "a\x00b"}, "spec.description", "contains a NUL character"),
        (
            {"params": {"a": "x" * 300_000}},
            "spec",
            "its parameters and task have 300047 bytes of at most 262144",
        ),
    ],
)
def test_a_wrong_definition_is_told_with_its_place(fields: dict[str, Any], field: str, message: str) -> None:
    assert wrong({"task": SHELL, **fields}) == [(field, message)]


@pytest.mark.parametrize("value", ["text", None, [], 3])
def test_a_spec_that_is_no_object_is_told(value: Any) -> None:
    ((field, message),) = wrong(value)
    assert field == "spec"
    assert message.endswith(" is not a mapping")


def test_all_violations_are_told_at_once() -> None:
    found = wrong(
        {
            "task": SHELL,
            "triggers": [cron("a", "x"), cron("b", timeZone="Mars", gap="no")],
            "retry": {"backoff": "no"},
            "routing": {"selector": "!"},
        }
    )
    assert [field for field, _ in found] == [
        "spec.retry.backoff",
        "spec.routing.selector",
        "spec.triggers[0].cron",
        "spec.triggers[1].gap",
        "spec.triggers[1].timeZone",
    ]


def test_a_refusal_says_every_violation_in_one_line() -> None:
    error = InvalidRequest(Violation("a.b", "is wrong"), Violation("", "so is this"))
    assert str(error) == "a.b: is wrong; so is this"
    assert Violation("b", "x").under("a") == Violation("a.b", "x")
    assert Violation("", "x").under("a") == Violation("a", "x")


def test_what_is_read_is_what_is_written() -> None:
    value = {
        "triggers": [cron("nightly", "0 30 2 * * ?", timeZone="Europe/Berlin", params={"mode": "full"})],
        "task": {"python": {"callable": "reports:nightly", "params": {"region": "eu"}}},
        "idempotent": True,
        "timeout": "1h30m",
        "retry": {"maxAttempts": 4, "delay": "30s"},
    }
    assert read_spec(value).to_json() == value
    assert JobSpec.from_json(value).task.kind in TASK_KINDS


SILENT: dict[str, Any] = {"timeout": None, "max_attempts": 1, "routing": "leastLoaded", "concurrency": "skip"}
TOLD: dict[str, Any] = {
    "timeout": timedelta(seconds=90),
    "max_attempts": 3,
    "routing": "roundRobin",
    "concurrency": "allow",
}


@pytest.mark.parametrize(
    ("defaults", "manifest", "expected"),
    [
        (Defaults(), {}, {**SILENT, "failover": "fail"}),
        (Defaults(), {"idempotent": True}, {**SILENT, "failover": "rerun"}),
        (Defaults(failover="fail"), {"idempotent": True}, {**SILENT, "failover": "fail"}),
        (
            Defaults(failover="fail"),
            {"idempotent": True, "failover": {"strategy": "rerun"}},
            {**SILENT, "failover": "rerun"},
        ),
        # the cluster's default must not run again what may not be run again
        (Defaults(failover="rerun"), {}, {**SILENT, "failover": "fail"}),
        (Defaults(failover="rerun"), {"idempotent": True}, {**SILENT, "failover": "rerun"}),
        (Defaults(**TOLD), {}, {**TOLD, "failover": "fail"}),
        (
            Defaults(**TOLD),
            {
                "timeout": "5s",
                "retry": {"maxAttempts": 1},
                "routing": {"strategy": "random"},
                "concurrency": {"policy": "skip"},
            },
            {
                "timeout": timedelta(seconds=5),
                "max_attempts": 1,
                "routing": "random",
                "concurrency": "skip",
                "failover": "fail",
            },
        ),
    ],
)
def test_a_job_overrides_the_defaults(defaults: Defaults, manifest: dict[str, Any], expected: dict[str, Any]) -> None:
    found = definition(defaults, **manifest)
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.may_rerun is (found.failover == "rerun")


def test_an_executor_must_offer_the_kind_and_match_the_selector() -> None:
    assert definition().demand == ("shell", "")
    python = definition(task={"python": {"callable": "a"}}, routing={"selector": "gpu in (h100)"})
    assert python.demand == ("python", "gpu in (h100)")
    assert python.selector.matches({"gpu": "h100"})


def test_parameters_of_the_run_override_the_triggers_the_jobs_and_the_tasks() -> None:
    found = definition(
        task={"python": {"callable": "a", "params": {"task": 0, "job": 0, "trigger": 0, "run": 0}}},
        params={"job": 1, "trigger": 1, "run": 1},
        triggers=[cron("t", params={"trigger": 2, "run": 2})],
    )
    assert found.params("t", {"run": 3}) == {"task": 0, "job": 1, "trigger": 2, "run": 3}
    assert found.params("", {}) == {"task": 0, "job": 1, "trigger": 1, "run": 1}
    assert found.params("unknown", {}) == {"task": 0, "job": 1, "trigger": 1, "run": 1}


@pytest.mark.parametrize(
    ("labels", "right"),
    [
        ({}, True),
        ({"team": "data"}, True),
        ({"example.com/team": "a_b.c-d"}, True),
        ({"a": ""}, True),
        ({"": "a"}, False),
        ({"-a": "a"}, False),
        ({"a": "b c"}, False),
        ({"a": "x" * 64}, False),
        # each of these, put together, reads as a selector, and yet is no label
        ({"a,b": "c"}, False),
        ({"a in (b),c": "d"}, False),
        ({"a": "b,c"}, False),
        ({"a!": "b"}, False),
        ({"a": "=b"}, False),
        ({" a": "b"}, False),
        ({"a": "b "}, False),
    ],
)
def test_a_label_is_what_a_selector_can_name(labels: dict[str, str], right: bool) -> None:
    found = list(check_metadata("report", "default", labels))
    assert (not found) is right
    assert {violation.field for violation in found} <= {"metadata.labels"}


def test_names_are_dns_labels() -> None:
    assert list(check_metadata("a-1", "b", {})) == []
    found = list(check_metadata("Report", "my_ns", {}))
    assert found == [
        Violation("metadata.name", f"'Report' {LABEL}"),
        Violation("metadata.namespace", f"'my_ns' {LABEL}"),
    ]
    many = {f"label-{index}": "a" for index in range(65)}
    assert list(check_metadata("a", "b", many)) == [Violation("metadata.labels", "has 65 labels of at most 64")]
