"""Manifests: `schedctl apply` names the file, the document, the field, and what would be right, a line each."""

# ruff: noqa: E501 - tables have a row in a line

import json
from pathlib import Path

import pytest

from schedapi.manifest.text import LONGEST_TEXT
from tests.bad_inputs.conftest import Program

pytestmark = pytest.mark.usefixtures("unchanged")

HEAD = "apiVersion: sched/v1\nkind: Job\nmetadata: {name: new}\n"
TASK = 'task: {shell: {command: "true"}}'
JOB = f"{HEAD}spec: {{{TASK}}}\n"
LABEL = "is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not first or last a '-'"


def spec(text: str) -> str:
    return f"{HEAD}spec: {{{TASK}, {text}}}"


def trigger(text: str) -> str:
    return spec(f"triggers: [{{name: t, {text}}}]")


def task(text: str) -> str:
    return f"{HEAD}spec: {{task: {{{text}}}}}"


def pod(spec_text: str, more: str = "") -> str:
    """A manifest with a pod template."""
    return task(f"kubernetes: {{template: {{spec: {{{spec_text}}}{', ' * bool(more)}{more}}}}}")


DOCUMENT = "document 1 (new): "
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

TEXTS = {
    # not a manifest at all
    "nothing": ("", "no documents: a manifest starts with apiVersion and kind"),
    "comments": ("# nothing\n---\n# here\n", "no documents"),
    "not-yaml": ("a: b: c", "line 1: not YAML: mapping values are not allowed"),
    "open-bracket": ("a: [1,\nb: 2\n", "line 3: not YAML: "),
    "tab": ("a:\n\tb: 1\n", "line 2: not YAML: found character that cannot start any token"),
    "text": ("hello", "document 1: 'hello' is not a manifest, which starts with apiVersion and kind"),
    "list": ("- a\n- b\n", "document 1: ['a', 'b'] is not a manifest"),
    "number": ("7", "document 1: 7 is not a manifest"),
    "json-cut-off": ('{"apiVersion": "sched/v1", "kind"', "not YAML: did not find expected ',' or '}'"),
    "billion-laughs": (LAUGHS, "more than 10000 values in one document"),
    "itself": ("a: &a [*a]", "line 1: alias '*a' is inside of itself"),
    "deep": ("[" * 100_000, "line 1: nested more than 32 deep"),
    "1001-keys": ("{" + ",".join(f"k{n}: 1" for n in range(1001)) + "}", "more than 1000 keys in one document"),
    "long": ("#" * (LONGEST_TEXT + 1), "longer than 1024 KiB"),
    "python-tag": (HEAD + "spec: !!python/object/apply:os.system {}", "tags such as"),
    "key-twice": (spec("timeout: 1h, timeout: 2h"), "line 4: key 'timeout' is given twice"),
    "merge-key": (spec("<<: {timeout: 1h}"), "merge keys (<<) are not taken"),
    # the head
    "other-version": (JOB.replace("v1", "v2"), DOCUMENT + "apiVersion: 'sched/v2' is not 'sched/v1'"),
    "kubernetes": (JOB.replace("kind: Job", "kind: CronJob"), "kind: 'CronJob' is not 'Job'"),
    "no-kind": ("apiVersion: sched/v1\nmetadata: {name: new}\n", DOCUMENT + "kind: missing: must be 'Job'"),
    "no-name": ("apiVersion: sched/v1\nkind: Job\nspec: {}\n", "document 1: metadata.name: missing"),
    "name": (JOB.replace("new", "New"), f"document 1 ('New'): metadata.name: 'New' {LABEL}"),
    "name-of-64": (JOB.replace("new", "n" * 64), LABEL),
    "namespace": (JOB.replace("new", "new, namespace: a/b"), f"metadata.namespace: 'a/b' {LABEL}"),
    "label-key": (JOB.replace("new", "new, labels: {a b: c}"), "metadata.labels: 'a b': 'c' is not a label such as"),
    "label-number": (JOB.replace("new", "new, labels: {a: 1}"), "metadata.labels.a: 1 is not a text; put it in quotes"),
    # fields
    "unknown-field": (spec("trigers: []"), DOCUMENT + "spec.trigers: unknown field; did you mean 'triggers'?"),
    "snake-case": (spec("start_deadline: 1h"), "spec.start_deadline: unknown field; did you mean 'startDeadline'?"),
    "unknown-in-trigger": (trigger("crn: x"), "spec.triggers[0].crn: unknown field; did you mean 'cron'?"),
    "unknown-at-the-top": (HEAD + "sepc: {}", "sepc: unknown field; did you mean 'spec'?"),
    "no-task": (HEAD + "spec: {}", "spec.task: is missing"),
    "no-spec": (HEAD, "spec.task: is missing"),
    "unknown-kind": (task("pyton: {}"), "spec.task.pyton: unknown field; did you mean 'python'?"),
    "two-kinds": (task("shell: {command: x}, python: {callable: x}"), "'shell' and 'python' are given; choose one"),
    "no-kind-of-task": (task(""), "spec.task: needs exactly one of shell, python, kubernetes"),
    "http": (task("http: {url: 'http://127.0.0.1/'}"), "spec.task.http: unknown field; known are shell, python, kubernetes"),
    "no-command": (task("shell: {}"), "spec.task.shell: needs either a command or an argv"),
    "command-and-argv": (task("shell: {command: x, argv: [x]}"), "needs either a command or an argv"),
    "command-is-a-list": (task("shell: {command: [a, b]}"), "spec.task.shell.command: ['a', 'b'] is not a text"),
    "env-name": (task("shell: {command: x, env: {'A=B': c}}"), "env: 'A=B' is not the name of a variable"),
    "env-number": (task("shell: {command: x, env: {PORT: 80}}"), "spec.task.shell.env.PORT: 80 is not a text"),
    "nul-in-command": (task(r'shell: {command: "a\0b"}'), "spec.task.shell.command: contains a NUL character"),
    "long-command": (task(f"shell: {{command: {'x' * 65_537}}}"), "spec.task.shell.command: 65537 characters of at most 65536"),
    "no-callable": (task("python: {}"), "spec.task.python.callable: "),
    "long-callable": (task(f"python: {{callable: {'x' * 256}}}"), "callable: 256 characters of at most 255"),
    "no-template": (task("kubernetes: {}"), "spec.task.kubernetes.template: is missing"),
    "template-is-a-list": (task("kubernetes: {template: []}"), "spec.task.kubernetes.template: [] is not a mapping"),
    "no-pod-spec": (task("kubernetes: {template: {}}"), "spec.task.kubernetes.template.spec: is missing"),
    "unknown-in-kubernetes": (task("kubernetes: {tempalte: {}}"), "tempalte: unknown field; did you mean 'template'?"),
    "unknown-in-template": (pod("containers: [{name: a, image: b}]", "spce: 1"), "template.spce: unknown field; did you"),
    "no-containers": (pod("containers: []"), "spec.task.kubernetes.template.spec.containers: is empty"),
    "no-image": (pod("containers: [{name: a}]"), "template.spec.containers[0].image: is missing"),
    "container-name": (pod("containers: [{name: A_b, image: b}]"), f"containers[0].name: 'A_b' {LABEL}"),
    "restart-policy": (
        pod("containers: [{name: a, image: b}], restartPolicy: Always"),
        "template.spec.restartPolicy: 'Always' is not 'Never': what fails is tried again by the job's retry",
    ),
    "label-of-ours": (
        pod("containers: [{name: a, image: b}]", "metadata: {labels: {cronquorum.dev/execution: x}}"),
        "template.metadata: 'cronquorum.dev/execution': what begins with cronquorum.dev/ is set by executors",
    ),
    "no-such-container": (
        task("kubernetes: {container: mian, template: {spec: {containers: [{name: main, image: b}]}}}"),
        "container: 'mian' is none of the template's; did you mean 'main'?",
    ),
    "kubernetes-namespace": (
        task("kubernetes: {namespace: A b, template: {spec: {containers: [{name: a, image: b}]}}}"),
        f"spec.task.kubernetes.namespace: 'A b' {LABEL}",
    ),
    "start-timeout": (
        task("kubernetes: {startTimeout: 5, template: {spec: {containers: [{name: a, image: b}]}}}"),
        "spec.task.kubernetes.startTimeout: 5 is not a duration such as 90s",
    ),
    "deep-template": (
        pod("containers: [{name: a, image: b}], x: " + "[" * 31 + "]" * 31),
        "nested",
    ),
    # triggers
    "no-schedule": (trigger("timeZone: UTC"), "spec.triggers[0]: says no schedule: give exactly one of cron, interval"),
    "bad-cron": (trigger('cron: "0 0 25 * * ?"'), 'cron: hours: 25 is not in 0-23 (column 5 of "0 0 25 * * ?")'),
    "cron-is-a-number": (trigger("cron: 5"), "spec.triggers[0].cron: 5 is not a text; put it in quotes"),
    "bad-zone": (trigger('cron: "0 0 3 * * ?", timeZone: Europe/Berln'), "did you mean Europe/Berlin"),
    "trigger-name": (spec('triggers: [{name: A_b, cron: "0 0 3 * * ?"}]'), f"spec.triggers[0].name: 'A_b' {LABEL}"),
    "no-trigger-name": (spec('triggers: [{cron: "0 0 3 * * ?"}]'), "spec.triggers[0].name: "),
    "trigger-twice": (
        spec('triggers: [{name: a, cron: "0 0 3 * * ?"}, {name: a, cron: "0 0 4 * * ?"}]'),
        "spec.triggers[1].name: 'a' is the name of an earlier trigger of this job",
    ),
    "101-triggers": (
        spec("triggers: [" + ",".join(f'{{name: t{n}, cron: "0 0 3 * * ?"}}' for n in range(101)) + "]"),
        "spec.triggers: 101 of at most 100",
    ),
    "gap": (trigger('cron: "0 0 3 * * ?", gap: befor'), "spec.triggers[0].gap: 'befor' is not one of after, skip"),
    "overlap": (trigger('cron: "0 0 3 * * ?", overlap: all'), "'all' is not one of first, second, both"),
    "misfire": (
        trigger('cron: "0 0 3 * * ?", misfire: {policy: fireonce}'),
        "misfire.policy: 'fireonce' is not one of fireOnce, fireAll, skip; did you mean 'fireOnce'?",
    ),
    "max-fires": (trigger("after: 1h, maxFires: 0"), "spec.triggers[0].maxFires: 0 is not in 1-2147483647"),
    "jitter": (trigger('cron: "0 0 3 * * ?", jitter: 0s'), "spec.triggers[0].jitter: '0s' must be longer than 0s"),
    "every-is-a-number": (trigger("interval: {every: 90}"), "every: 90 is not a duration such as 90s, 10m, 1h30m or 2d"),
    "days-are-a-list": (trigger("daily: {every: 1h, days: [MON, TUE]}"), "days of the week such as MON-FRI or MON,TUE; write MON,TUE"),
    "rate-of-a-skip": (trigger("interval: {every: 1h}, misfire: {policy: skip, rate: 5}"), "misfire.rate: does nothing with skip: it is for fireAll"),
    "limit-of-fire-once": (trigger("interval: {every: 1h}, misfire: {limit: 5}"), "misfire.limit: does nothing with fireOnce: it is for fireAll"),
    # policies
    "timeout-is-a-number": (spec("timeout: 60"), "spec.timeout: 60 is not a duration such as 90s, 10m, 1h30m or 2d"),
    "timeout-nan": (spec("timeout: .nan"), "line 4: '.nan' is not a finite number; a text needs quotes"),
    "attempts": (spec("retry: {maxAttempts: 0}"), "spec.retry.maxAttempts: 0 is not in 1-100"),
    "attempts-too-many": (spec("retry: {maxAttempts: 101}"), "spec.retry.maxAttempts: 101 is not in 1-100"),
    "attempts-of-33-bits": (spec("retry: {maxAttempts: 4294967296}"), "4294967296 is out of range: 2147483647 is the largest"),
    "attempts-in-words": (spec("retry: {maxAttempts: four}"), "'four' is not a whole number"),
    "backoff": (spec("retry: {backoff: exp}"), "'exp' is not one of fixed, linear, exponential"),
    "concurrency": (spec("concurrency: {policy: queue}"), "'queue' is not one of allow, skip"),
    "routing": (
        spec("routing: {strategy: leastloaded}"),
        "'leastloaded' is not one of leastLoaded, roundRobin, random, consistentHash; did you mean 'leastLoaded'?",
    ),
    "selector": (spec('routing: {selector: "zone=a gpu"}'), "column 8 of 'zone=a gpu': a comma is missing"),
    "failover": (spec("failover: {strategy: rerun}"), "'rerun' runs a job again: it needs idempotent: true"),
    "idempotent": (spec("idempotent: yes"), "spec.idempotent: 'yes' is not true or false"),
    "paused": (spec("paused: 1"), "spec.paused: 1 is not true or false"),
    # parameters
    "params": (spec("params: [1]"), "spec.params: [1] is not a mapping"),
    "params-nan": (spec("params: {x: NaN}"), "'NaN' is not a finite number"),
    "params-number": (spec("params: {x: 9007199254740993}"), "is beyond 2^53, where numbers lose digits"),
    "params-large": (spec("params: {x: " + "y" * 300_000 + "}"), "bytes of at most 262144"),
    "half-a-pair": (spec(r'params: {x: "\ud800"}'), "line 4"),
    "description": (spec("description: " + "x" * 1001), "spec.description: 1001 characters of at most 1000"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), TEXTS.values(), ids=TEXTS)
def test_a_bad_manifest(text: str, words: str, schedctl: Program, in_empty_folder: Path) -> None:
    Path("jobs.yaml").write_text(text)
    ended = schedctl("apply", "-f", "jobs.yaml")
    assert (ended.code, ended.out) == (1, "")
    (problem,) = ended.problems("schedctl")
    assert problem.startswith("jobs.yaml: ")
    assert words in problem
    assert len(problem) < 400


@pytest.mark.parametrize("name", ["nothing", "not-yaml", "unknown-field", "bad-cron", "trigger-twice"])
def test_a_dry_run_and_a_pipe_get_the_same_answer(name: str, schedctl: Program, in_empty_folder: Path) -> None:
    text, _ = TEXTS[name]
    Path("jobs.yaml").write_text(text)
    ended = schedctl("apply", "--dry-run", "-f", "jobs.yaml")
    piped = schedctl("apply", "-f", "-", stdin=text.encode())
    assert (ended.code, ended.err) == (1, piped.err.replace("stdin", "jobs.yaml"))


def test_all_that_is_wrong_in_all_files_is_said_at_once(schedctl: Program, in_empty_folder: Path) -> None:
    Path("jobs").mkdir()
    Path("jobs/a.yaml").write_text(f"{JOB}---\n{spec('trigers: []')}\n---\n{spec('timeout: 60')}")
    Path("jobs/b.json").write_text(json.dumps({"apiVersion": "sched/v1", "kind": "Job", "metadata": {"name": 3}}))
    Path("jobs/notes.txt").write_text("not a manifest, and not looked at")
    ended = schedctl("apply", "-f", "jobs", "-f", "nowhere.yaml")
    assert ended.code == 1
    assert ended.problems("schedctl") == [
        "jobs/a.yaml: document 2 (new): spec.trigers: unknown field; did you mean 'triggers'?",
        "jobs/a.yaml: document 3 (new): spec.timeout: 60 is not a duration such as 90s, 10m, 1h30m or 2d",
        "jobs/b.json: document 1: metadata.name: 3 is not a text; put it in quotes",
        "nowhere.yaml: no such file or directory",
    ]


def test_the_server_names_the_file_and_the_document_too(schedctl: Program, in_empty_folder: Path) -> None:
    Path("good.yaml").write_text(JOB.replace("new", "good"))
    Path("bad.yaml").write_text(f"{JOB}---\n{trigger('cron: x').replace('new', 'other')}")
    ended = schedctl("apply", "-f", "good.yaml", "-f", "bad.yaml")
    assert ended.code == 1
    (problem,) = ended.problems("schedctl")
    assert problem.startswith(
        "bad.yaml: document 2 (other): spec.triggers[0].cron: cron expression: got 1 field: five are unix's"
    )


def test_a_job_in_two_places(schedctl: Program, in_empty_folder: Path) -> None:
    Path("one.yaml").write_text(f"{JOB}---\n{JOB}")
    Path("two.yaml").write_text(JOB.replace("new", "new, namespace: default"))
    ended = schedctl("apply", "-f", "one.yaml", "-f", "two.yaml")
    assert ended.code == 1
    assert ended.problems("schedctl") == [
        "one.yaml: document 2 (new): metadata.name: default/new is already in one.yaml: document 1",
        "two.yaml: document 1 (new): metadata.name: default/new is already in one.yaml: document 1",
    ]


def test_a_fixed_folder_is_applied(schedctl: Program, in_empty_folder: Path) -> None:
    """Only looked at: nothing is made by a dry run."""
    Path("jobs.yaml").write_text(JOB)
    ended = schedctl("apply", "--dry-run", "-f", "jobs.yaml")
    assert (ended.code, ended.out, ended.err) == (0, "job default/new created (dry run)\n", "")
