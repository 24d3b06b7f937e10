"""Manifests: what is read, what is refused with which words, and that what is written is read again."""

import json
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from schedapi.manifest import ManifestError, plain, read_documents, to_document, to_yaml
from schedapi.manifest.text import LONGEST_TEXT
from schedapi.v1 import cluster_service_pb2, execution_pb2, job_pb2

HEAD = "apiVersion: sched/v1\nkind: Job\nmetadata: {name: nightly}\n"

DESIGN = """
apiVersion: sched/v1
kind: Job
metadata: {name: nightly-report, namespace: default, labels: {team: data}}   # names: DNS labels
spec:
  description: sales of the day before
  triggers:
    - {name: nightly, cron: "0 30 2 * * ?", timeZone: Europe/Berlin, gap: after, overlap: first,
       misfire: {policy: fireOnce, threshold: 60s}, params: {mode: full}}
  task: {python: {callable: "reports:nightly", params: {region: eu}}}
  params: {}
  idempotent: true
  failover: {strategy: rerun, maxReruns: 3}
  retry: {maxAttempts: 4, delay: 30s, backoff: exponential, maxDelay: 10m}
  timeout: 1h
  startDeadline: 15m
  concurrency: {policy: skip}
  routing: {strategy: leastLoaded, selector: "zone=a,gpu in (h100,h200)"}
  retention: {succeeded: 30d, failed: 90d}
  paused: false
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ManifestError) as raised:
        read_documents(text, "jobs.yaml")
    return [str(each) for each in raised.value.problems]


def test_the_manifest_of_the_design_is_read() -> None:
    [document] = read_documents(DESIGN, "jobs.yaml")
    job = document.job
    assert (document.source, document.index, document.line) == ("jobs.yaml", 1, 2)
    assert job.metadata.name == "nightly-report"
    assert job.spec.triggers[0].cron == "0 30 2 * * ?"
    assert job.spec.triggers[0].misfire.threshold == "60s"
    assert job.spec.task.python.params["region"] == "eu"
    assert (job.spec.retention.succeeded, job.spec.retention.failed) == ("30d", "90d")
    assert job.spec.HasField("params")
    assert job.spec.HasField("paused") and not job.spec.paused
    assert not job.HasField("status")


def test_what_is_written_is_in_the_order_of_the_contract_and_reads_the_same() -> None:
    [document] = read_documents(DESIGN, "jobs.yaml")
    written = to_document(document.job)
    assert list(written) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(written["spec"])[:4] == ["description", "triggers", "task", "params"]
    assert read_documents(to_yaml(document.job), "again")[0].job == document.job
    assert read_documents(json.dumps(written), "again")[0].job == document.job


def test_status_is_written_and_left_out_when_read() -> None:
    [document] = read_documents(DESIGN, "jobs.yaml")
    job = document.job
    job.status.revision = 3
    job.status.state = "active"
    job.status.next_fire.FromJsonString("2026-11-22T01:30:00.5Z")
    text = to_yaml(job)
    assert to_document(job)["status"] == {
        "revision": 3,
        "state": "active",
        "nextFire": "2026-11-22T01:30:00.500Z",
    }
    [again] = read_documents(text, "again")
    assert not again.job.HasField("status")
    assert again.job.spec == job.spec


def test_several_documents_are_numbered_without_the_empty_ones() -> None:
    text = f"---\n# nothing\n---\n{HEAD}---\n\n---\n{HEAD.replace('nightly', 'hourly')}"
    found = read_documents(text, "x")
    assert [(each.index, each.job.metadata.name, each.line) for each in found] == [
        (1, "nightly", 4),
        (2, "hourly", 10),
    ]
    assert str(found[1].problem("spec", "is odd")) == "x: document 2 (hourly): spec: is odd"


SCALARS = {
    "on": "on",
    "yes": "yes",
    "Off": "Off",
    "n": "n",
    "2026-01-01": "2026-01-01",
    "2026-01-01T00:00:00Z": "2026-01-01T00:00:00Z",
    "12:30": "12:30",
    "1:30:00": "1:30:00",
    "0644": "0644",
    "0x1F": "0x1F",
    "1_000": "1_000",
    "+5": "+5",
    "1.2.3": "1.2.3",
    '"1"': "1",
    "'true'": "true",
    "!!str 1": "1",
    "1": 1,
    "-7": -7,
    "1.5": 1.5,
    "1e3": 1000,
    "9007199254740992": 2**53,
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "[1, [a], {b: c}]": [1, ["a"], {"b": "c"}],
}


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_are_those_of_json(text: str, value: Any) -> None:
    [document] = read_documents(f"{HEAD}spec: {{params: {{x: {text}}}}}", "x")
    assert plain(document.job.spec.params) == {"x": value}


BAD = {
    "spec: {triggers: [{crn: x}]}": "spec.triggers[0].crn: unknown field; did you mean 'cron'?",
    "spec: {start_deadline: 1h}": "spec.start_deadline: unknown field; did you mean 'startDeadline'?",
    "'a b': 1": "['a b']: unknown field",
    "spec: {retention: {failed: 30}}": "spec.retention.failed: 30 is not a duration such as 90s, 10m, 1h30m or 2d",
    "spec: {idempotent: maybe}": "spec.idempotent: 'maybe' is not true or false",
    "spec: {idempotent: 1}": "spec.idempotent: 1 is not true or false",
    "spec: {idempotent: on}": "spec.idempotent: 'on' is not true or false",
    "spec: {timeout: 60}": "spec.timeout: 60 is not a duration such as 90s, 10m, 1h30m or 2d",
    "spec: {timeout: true}": "spec.timeout: true is not a duration such as 90s, 10m, 1h30m or 2d",
    "spec: {timeout: [1s]}": "spec.timeout: ['1s'] is not a duration such as 90s, 10m, 1h30m or 2d",
    "spec: {retry: {maxAttempts: four}}": "spec.retry.maxAttempts: 'four' is not a whole number",
    "spec: {retry: {maxAttempts: 1.5}}": "spec.retry.maxAttempts: 1.5 is not a whole number",
    "spec: {retry: {maxAttempts: true}}": "spec.retry.maxAttempts: true is not a whole number",
    "spec: {retry: {maxAttempts: 4294967296}}": "spec.retry.maxAttempts: 4294967296 is out of range",
    "spec: {triggers: {name: x}}": "spec.triggers: {'name': 'x'} is not a list",
    "spec: {triggers: [x]}": "spec.triggers[0]: 'x' is not a mapping with fields such as name, cron,",
    "spec: {triggers: [null]}": "spec.triggers[0]: null is not a mapping",
    "spec: []": "spec: [] is not a mapping with fields such as description, triggers, task",
    "spec: {params: [1]}": "spec.params: [1] is not a mapping",
    "spec: {task: {shell: {env: {PORT: 80}}}}": "spec.task.shell.env.PORT: 80 is not a text;",
    "spec: {task: {shell: {argv: [a, 1]}}}": "spec.task.shell.argv[1]: 1 is not a text; put it in quotes",
    "spec: {task: {shell: {}, python: {}}}": "spec.task: 'shell' and 'python' are given; choose one",
    "spec: {timeout: !!python/name:os.system x}": "line 4: tags such as 'tag:yaml.org,2002:python/name",
    "spec: {params: {x: .nan}}": "line 4: '.nan' is not a finite number",
    "spec: {params: {x: -.INF}}": "line 4: '-.INF' is not a finite number",
    "spec: {params: {x: NaN}}": "line 4: 'NaN' is not a finite number",
    "spec: {params: {x: 1e999}}": "line 4: '1e999' is too large for a number",
    "spec: {params: {x: 9007199254740993}}": "line 4: '9007199254740993' is beyond 2^53",
    "spec: {params: {x: " + "9" * 5000 + "}}": "is beyond 2^53, where numbers lose digits: write it as a text",
    "spec: {timeout: 1h, timeout: 2h}": "line 4: key 'timeout' is given twice",
    "spec: {1: x}": "line 4: key 1 is not a text; put it in quotes",
    "spec: {? [a] : x}": "line 4: key ['a'] is not a text",
    "spec: {<<: {a: b}}": "line 4: merge keys (<<) are not taken",
}


@pytest.mark.parametrize(("text", "expected"), BAD.items())
def test_a_bad_field_is_named_with_what_would_be_right(text: str, expected: str) -> None:
    [problem] = problems(HEAD + text)
    assert problem.startswith("jobs.yaml: document 1 (nightly): ")
    assert expected in problem
    assert len(problem) < 250
    assert problem.isprintable()


BAD_HEADS = {
    "kind: Job\nmetadata: {name: a}": "jobs.yaml: document 1 (a): apiVersion: missing: must be 'sched/v1'",
    "apiVersion: sched/v2\nkind: Job\nmetadata: {name: a}": "(a): apiVersion: 'sched/v2' is not 'sched/v1'",
    "apiVersion: sched/v1\nkind: Pod\nmetadata: {name: a}": "(a): kind: 'Pod' is not 'Job'",
    "apiVersion: sched/v1\nkind: Job": "jobs.yaml: document 1: metadata.name: missing",
    "apiVersion: sched/v1\nkind: Job\nmetadata: {nam: a}": "document 1: metadata.nam: unknown field; did you",
    "apiVersion: sched/v1\nkind: Job\nmetadata: {name: 3}": "document 1: metadata.name: 3 is not a text",
    "apiVersion: sched/v1\nkind: Job\nmetadata: {name: 'A b'}\nx: 1": "document 1 ('A b'): x: unknown field",
    "hello": "jobs.yaml: document 1: 'hello' is not a manifest, which starts with apiVersion and kind",
    "- a": "jobs.yaml: document 1: ['a'] is not a manifest",
    "": "jobs.yaml: no documents: a manifest starts with apiVersion and kind",
    "# only a comment\n---\n": "jobs.yaml: no documents",
    "a: b: c": "jobs.yaml: line 1: not YAML: mapping values are not allowed in this context",
    "a: [\n1,\n2}\n": "jobs.yaml: line 3: not YAML: did not find expected ',' or ']'",
    "a:\n  \x00": "jobs.yaml: line 2: not YAML: control characters are not allowed",
    "a: *b": "jobs.yaml: line 1: alias '*b' is unknown",
    "a: &a [*a]": "jobs.yaml: line 1: alias '*a' is inside of itself",
    "[" * 10_000: "jobs.yaml: line 1: nested more than 32 deep",
    '{"a":' * 10_000: "jobs.yaml: line 1: nested more than 32 deep",
    "{" + ",".join(f"k{i}: 1" for i in range(1001)) + "}": "jobs.yaml: line 1: more than 1000 keys in one document",
    "a: [" + "1," * 10_001 + "]": "jobs.yaml: line 1: more than 10000 values in one document",
    "x" * (LONGEST_TEXT + 1): "jobs.yaml: longer than 1024 KiB",
}


@pytest.mark.parametrize(("text", "expected"), BAD_HEADS.items(), ids=range(len(BAD_HEADS)))
def test_what_is_no_manifest_is_refused(text: str, expected: str) -> None:
    [problem] = problems(text)
    assert expected in problem


def test_aliases_are_taken_and_bombs_are_not() -> None:
    shared = f"{HEAD}spec: {{params: &p {{a: 1}}, task: {{python: {{callable: x, params: *p}}}}}}"
    [document] = read_documents(shared, "x")
    assert document.job.spec.task.python.params["a"] == 1
    level = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    level += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert problems("\n".join(level)) == ["jobs.yaml: line 4: more than 10000 values in one document"]
    deep = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 40)]
    assert problems("\n".join(deep)) == ["jobs.yaml: line 31: nested more than 32 deep"]


def test_the_problems_of_all_documents_are_told() -> None:
    text = f"{HEAD}spec: {{crn: 1, idempotent: maybe}}\n---\n{HEAD}oops: 1"
    assert problems(text) == [
        "jobs.yaml: document 1 (nightly): spec.crn: unknown field",
        "jobs.yaml: document 1 (nightly): spec.idempotent: 'maybe' is not true or false",
        "jobs.yaml: document 2 (nightly): oops: unknown field",
    ]


def test_json_is_read_with_all_its_escapes() -> None:
    text = '{"apiVersion":\t"sched\\/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {"description": '
    text += '"\\ud83d\\ude00 \\\\ud83d \\u00e9"}}'
    [document] = read_documents("\ufeff" + text, "x.json")
    assert document.job.spec.description == "\U0001f600 \\ud83d \u00e9"
    assert "line 1: not YAML" in problems('{"a": "\\ud83d"}')[0]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
# What YAML readers take for something else than a text.
TRICKY = st.sampled_from(
    ["on", "12:30", "1e3", "0x1F", "0o17", "~", "", "null", ".inf", "NaN", "<<", "a: b", "- x", "1_0"]
)
LEAF = (
    TEXT
    | TRICKY
    | st.booleans()
    | st.none()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e300, 1e300).map(lambda number: number + 0.0)
)
TREE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | TRICKY, inner, max_size=3),
    max_leaves=8,
)


@given(
    description=TEXT | TRICKY,
    env=st.dictionaries(TEXT | TRICKY, TEXT | TRICKY, max_size=3),
    params=st.dictionaries(TEXT | TRICKY, TREE, max_size=4),
    attempts=st.integers(-(2**31) + 1, 2**31 - 1),
)
def test_every_job_reads_back_as_it_was_written(
    description: str, env: dict[str, str], params: dict[str, Any], attempts: int
) -> None:
    job = job_pb2.Job(api_version="sched/v1", kind="Job", metadata=job_pb2.Metadata(name="a"))
    job.spec.description = description
    job.spec.retry.max_attempts = attempts
    job.spec.task.shell.env.update(env)
    job.spec.task.shell.command = description
    job.spec.params.update(params)
    assert read_documents(to_yaml(job), "x")[0].job == job


def test_plain_gives_every_field_a_stable_place() -> None:
    status = plain(cluster_service_pb2.ClusterStatus(epoch=7, open={"running": 2**40}))
    assert status == {
        "nodes": [],
        "leader": None,
        "epoch": 7,
        "executors": [],
        "due": [],
        "open": {"running": 2**40},
        "time": None,
        "held": None,
    }
    execution = execution_pb2.Execution(id="x", params=Struct(fields={}))
    execution.result.number_value = 3
    found = plain(execution)
    assert (found["result"], found["exitCode"], found["ended"], found["params"]) == (3, None, None, {})
    assert found["attempts"] == []
    assert plain(execution_pb2.Execution())["result"] is None
