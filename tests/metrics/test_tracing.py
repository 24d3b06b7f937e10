"""Traces of real processes, as a collector gets them."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from cronquorum import tracing
from schedctl.exits import ExitCode
from tests.cluster.cluster import ROOT, Cluster
from tests.metrics.collector import Collector
from tests.rig.waiting import eventually

TASKS = """
import os
from executor import Context, task

@task
def seen(context: Context) -> list[str]:
    return [context.traceparent, os.environ.get("TRACEPARENT", "")]
"""
JOBS = """
apiVersion: sched/v1
kind: Job
metadata: {name: shell}
spec: {task: {shell: {command: 'echo "$TRACEPARENT"'}}}
---
apiVersion: sched/v1
kind: Job
metadata: {name: thread}
spec: {task: {python: {callable: seen}}}
---
apiVersion: sched/v1
kind: Job
metadata: {name: process}
spec: {task: {python: {callable: seen}}, timeout: 30s}
---
apiVersion: sched/v1
kind: Job
metadata: {name: again}
spec:
  task: {shell: {command: 'exit 3'}}
  retry: {maxAttempts: 2, delay: 1s}
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


def start(cluster: Cluster, folder: Path, env: Mapping[str, str]) -> None:
    """A node and an executor with these variables, and jobs."""
    (folder / "traced_tasks.py").write_text(TASKS)
    (folder / "jobs.yaml").write_text(JOBS)
    python_path = f"{folder}:{ROOT}:{ROOT / 'proto'}"
    cluster.start_node("node-1", env=env)
    cluster.start_executor("executor-1", "--tasks", "traced_tasks", env={**env, "PYTHONPATH": python_path})
    cluster.attached(1)
    cluster.schedctl("apply", "-f", str(folder / "jobs.yaml"))


def run(cluster: Cluster, job: str, code: int = 0) -> dict[str, Any]:
    """Run a job to its end; its execution."""
    cluster.schedctl("job", "run", job, "--wait", code=code)
    execution: dict[str, Any] = cluster.ask("exec", "list", "--job", job)["items"][0]
    return execution


def sorted_spans(collector: Collector, execution: dict[str, Any], count: int) -> list[tuple[str, Span]]:
    """The spans of an execution, when so many have come: by their starts, and those that contain others first."""
    trace = UUID(execution["id"]).hex
    found = eventually(lambda: spans if len(spans := collector.spans(trace)) >= count else None, 30)
    assert len(found) == count
    order = {"execution": 0, "attempt": 1, "run": 2}
    return sorted(found.values(), key=lambda each: (attributes(each[1])["cronquorum.attempt"], order[kind(each[1])]))


def kind(span: Span) -> str:
    return span.name.partition(" ")[0]


def attributes(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_trace_goes_from_fire_to_settle_and_on_into_the_task(
    cluster: Cluster, collector: Collector, tmp_path: Path
) -> None:
    start(
        cluster,
        tmp_path,
        {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_BSP_SCHEDULE_DELAY": "100"},
    )
    execution = run(cluster, "shell")
    (_, root), (_, attempt), (service, task) = sorted_spans(collector, execution, 3)
    names = [span.name for span in (root, attempt, task)]
    assert names == ["execution default/shell", "attempt default/shell", "run default/shell"]
    assert (root.parent_span_id, attempt.parent_span_id, task.parent_span_id) == (b"", root.span_id, attempt.span_id)
    assert service == "cronquorum-executor"
    for span in (root, attempt, task):
        told = attributes(span)
        assert (told["cronquorum.execution"], told["cronquorum.job"]) == (execution["id"], "shell")
        assert (told["cronquorum.state"], told["cronquorum.attempt"], told["cronquorum.epoch"]) == ("succeeded", 1, 1)
        assert span.status.code == Status.STATUS_CODE_OK
    assert root.start_time_unix_nano <= attempt.start_time_unix_nano
    assert attempt.end_time_unix_nano <= root.end_time_unix_nano
    events = [(event.time_unix_nano, event.name) for event in root.events]
    assert [name for _, name in events] == ["recorded", "dispatched", "started", "ended", "settled"]
    assert events == sorted(events, key=lambda event: event[0])

    parent = f"00-{UUID(execution['id']).hex}-{task.span_id.hex()}-01"
    assert cluster.schedctl("exec", "logs", execution["id"]).split() == [parent]
    for job in ("thread", "process"):
        execution = run(cluster, job)
        task = sorted_spans(collector, execution, 3)[2][1]
        parent = f"00-{UUID(execution['id']).hex}-{task.span_id.hex()}-01"
        result = cluster.ask("exec", "get", execution["id"])["result"]
        # a thread has no environment of its own
        assert result == [parent, parent if job == "process" else ""]

    execution = run(cluster, "again", code=ExitCode.EXECUTION_FAILED)
    spans = [span for _, span in sorted_spans(collector, execution, 5)]
    by_kind = {each: [span for span in spans if kind(span) == each] for each in ("execution", "attempt", "run")}
    assert [len(found) for found in by_kind.values()] == [1, 2, 2]
    (root,) = by_kind["execution"]
    assert {span.parent_span_id for span in by_kind["attempt"]} == {root.span_id}
    assert [span.parent_span_id for span in by_kind["run"]] == [span.span_id for span in by_kind["attempt"]]
    assert {(span.status.code, span.status.message) for span in spans} == {
        (Status.STATUS_CODE_ERROR, "exitCode: exit code 3")
    }
    # the last spans leave before the process does
    execution = run(cluster, "shell")
    assert cluster.executors["executor-1"].process.terminate() == 0
    assert cluster.nodes["node-1"].process.terminate() == 0
    assert len(collector.spans(UUID(execution["id"]).hex)) == 3


def test_what_is_not_sampled_is_not_sent_and_tasks_know(cluster: Cluster, collector: Collector, tmp_path: Path) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint, "OTEL_TRACES_SAMPLER": "always_off"}
    start(cluster, tmp_path, env)
    execution = run(cluster, "shell")
    assert cluster.schedctl("exec", "logs", execution["id"]).strip().endswith("-00")
    assert cluster.executors["executor-1"].process.terminate() == 0
    assert cluster.nodes["node-1"].process.terminate() == 0
    assert collector.spans(UUID(execution["id"]).hex) == {}


def test_without_a_word_of_it_nothing_is_traced(cluster: Cluster, tmp_path: Path) -> None:
    start(cluster, tmp_path, {})
    execution = run(cluster, "shell")
    assert cluster.schedctl("exec", "logs", execution["id"]).split() == []
    assert cluster.ask("exec", "get", run(cluster, "thread")["id"])["result"] == ["", ""]


def test_nothing_of_it_is_imported_unless_it_is_wanted() -> None:
    program = (
        "import sys, scheduler.__main__, executor.program; from cronquorum import tracing;"
        "assert tracing.from_environment('a', 'b') is None;"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=ROOT)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "OTEL_TRACES_EXPORTER=zipkin: only otlp is known here"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTLP by grpc is not spoken here"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "ValueError: "),
    ],
)
def test_what_cannot_be_had_is_said_and_the_process_goes_on(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv(name, value)
    assert tracing.from_environment("service", "instance") is None
    assert told in caplog.text


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError('not here')\n")
    program = "from cronquorum import tracing; assert tracing.from_environment('a', 'b') is None"
    env = {"PYTHONPATH": f"{tmp_path}:{ROOT}:{ROOT / 'proto'}", "OTEL_TRACES_EXPORTER": "otlp"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    assert "pip install 'cronquorum[otel]'" in done.stderr


@pytest.mark.parametrize(("name", "value"), [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")])
def test_it_can_be_turned_off(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setenv(name, value)
    assert tracing.from_environment("service", "instance") is None


def test_a_ratio_is_met_and_all_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Execution ids are no random numbers: the ratio holds all the same."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    one, other = (tracing.from_environment(service, "a") for service in ("one", "other"))
    assert one is not None and other is not None
    ids = [uuid5(NAMESPACE_DNS, str(number)).int for number in range(2000)]
    sampled = [one.is_sampled(id_) for id_ in ids]
    assert sampled == [other.is_sampled(id_) for id_ in ids]
    assert 400 < sum(sampled) < 600
    for each in (one, other):
        each.close()
