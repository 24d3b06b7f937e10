"""What becomes of executions, from the manifest to the record."""

import os
import threading
from datetime import timedelta
from typing import Any

import pytest

from schedapi.client import new_request_id
from schedapi.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from schedapi.manifest import plain
from schedapi.v1.execution_pb2 import Execution
from schedapi.v1.execution_service_pb2 import (
    CancelExecutionRequest,
    GetExecutionRequest,
    ListExecutionsRequest,
    ListExecutionsResponse,
    LogChunk,
    LogsRequest,
    WatchExecutionsRequest,
)
from schedapi.v1.job_service_pb2 import RunJobRequest, RunJobResponse
from schedctl.dev import Embedded
from tests.rig.waiting import eventually


def job(namespace: str, task: str, extra: str = "") -> str:
    return f"""
apiVersion: sched/v1
kind: Job
metadata: {{name: it, namespace: {namespace}}}
spec:
  task: {task}
{extra}
"""


def run(cluster: Embedded, namespace: str, task: str, extra: str = "", **params: Any) -> Execution:
    cluster.apply(job(namespace, task, extra))
    ran = cluster.run("it", namespace=namespace, params=params, wait=True)
    return get(cluster, ran.id)


def get(cluster: Embedded, id_: str) -> Execution:
    return cluster.client.unary("ExecutionService/Get", GetExecutionRequest(id=id_), Execution)


def state_becomes(cluster: Embedded, id_: str, *states: str) -> Execution:
    return eventually(lambda: (e := get(cluster, id_)).state in states and e, 20, f"{id_} is {states}")  # type: ignore[return-value]  # False or the execution


def logs(cluster: Embedded, id_: str, **request: Any) -> str:
    stream = cluster.client.stream("ExecutionService/Logs", LogsRequest(id=id_, **request), LogChunk)
    return b"".join(chunk.data for chunk in stream).decode()


def test_a_shell_command_succeeds_with_its_output_kept(cluster: Embedded, namespace: str) -> None:
    done = run(cluster, namespace, "{shell: {command: 'echo out; echo err >&2'}}")
    assert (done.state, done.exit_code, done.attempt, done.retry_count) == ("succeeded", 0, 1, 0)
    assert done.started.ToNanoseconds() >= done.dispatched.ToNanoseconds() >= done.scheduled_time.ToNanoseconds()
    assert done.ended.ToNanoseconds() >= done.started.ToNanoseconds()
    assert (done.executor_id, done.epoch, done.origin) == ("embedded", 1, "manual")
    assert sorted(logs(cluster, done.id).splitlines()) == ["err", "out"]


def test_a_failure_has_its_exit_code_and_last_lines(cluster: Embedded, namespace: str) -> None:
    done = run(cluster, namespace, "{shell: {command: 'echo why >&2; exit 3'}}")
    assert (done.state, done.exit_code) == ("failed", 3)
    assert (done.error.type, done.error.message, done.error.tail.strip()) == ("exitCode", "exit code 3", "why")


def test_a_command_learns_what_it_is_and_parameters_are_no_part_of_its_text(cluster: Embedded, namespace: str) -> None:
    done = run(
        cluster,
        namespace,
        "{shell: {command: 'env | grep ^SCHED_ | sort'}}",
        "  params: {evil: '$(exit 9); `exit 9`', n: 5, deep: {a: [1]}}",
        n=6,
    )
    told = dict(line.split("=", 1) for line in logs(cluster, done.id).splitlines())
    assert told["SCHED_EXECUTION_ID"] == done.id
    assert (told["SCHED_NAMESPACE"], told["SCHED_JOB"], told["SCHED_TRIGGER"]) == (namespace, "it", "")
    assert (told["SCHED_ATTEMPT"], told["SCHED_EPOCH"]) == ("1", "1")
    assert told["SCHED_SCHEDULED_TIME"] == done.scheduled_time.ToJsonString().replace("Z", "Z")
    assert told["SCHED_PARAM_EVIL"] == "$(exit 9); `exit 9`"
    assert (told["SCHED_PARAM_N"], told["SCHED_PARAM_DEEP"]) == ("6", '{"a":[1]}')
    assert plain(done.params)["n"] == 6


@pytest.mark.parametrize("name", ["add", "add-async"])
def test_a_python_callable_gets_keyword_arguments_and_gives_a_result(
    cluster: Embedded, namespace: str, name: str
) -> None:
    done = run(cluster, namespace, f"{{python: {{callable: {name}, params: {{left: 1, right: 1}}}}}}", right=4)
    assert (done.state, done.result.number_value) == ("succeeded", 5)


def test_a_callable_is_named_by_module_and_function(cluster: Embedded, namespace: str) -> None:
    name = "tests.embedded.sample_tasks:unregistered"
    assert run(cluster, namespace, f"{{python: {{callable: '{name}'}}}}").result.string_value == "hello"


def test_a_wrong_parameter_fails_with_its_name(cluster: Embedded, namespace: str) -> None:
    done = run(cluster, namespace, "{python: {callable: add, params: {left: 1, right: 2, wrong: 3}}}")
    assert (done.state, done.error.type) == ("failed", "TypeError")
    assert "wrong" in done.error.message


def test_a_task_with_a_timeout_runs_in_a_process_and_another_in_a_thread(cluster: Embedded, namespace: str) -> None:
    threaded = plain(run(cluster, namespace, "{python: {callable: tell}}").result)
    assert threaded["pid"] == os.getpid()
    apart = plain(run(cluster, namespace, "{python: {callable: tell}}", "  timeout: 30s").result)
    assert apart["pid"] != os.getpid()
    assert (apart["job"], apart["attempt"], apart["epoch"]) == ("it", 1, 1)


def test_progress_is_on_the_record(cluster: Embedded, namespace: str) -> None:
    done = run(cluster, namespace, "{python: {callable: tell}}")
    assert (done.progress.fraction, done.progress.note) == (0.4, "note")


def test_failures_are_retried_and_each_attempt_is_kept(cluster: Embedded, namespace: str) -> None:
    done = run(
        cluster,
        namespace,
        "{python: {callable: fail-until, params: {attempt: 3}}}",
        "  retry: {maxAttempts: 4, delay: 10ms, backoff: fixed}",
    )
    assert (done.state, done.attempt, done.retry_count) == ("succeeded", 3, 2)
    assert [(a.attempt, a.outcome, a.error.type) for a in done.attempts] == [
        (1, "failed", "LookupError"),
        (2, "failed", "LookupError"),
    ]


def test_the_last_failure_is_final(cluster: Embedded, namespace: str) -> None:
    done = run(
        cluster,
        namespace,
        "{python: {callable: fail-until, params: {attempt: 9}}}",
        "  retry: {maxAttempts: 2, delay: 10ms}",
    )
    assert (done.state, done.attempt, len(done.attempts)) == ("failed", 2, 1)
    assert "not before attempt 9" in done.error.message


@pytest.mark.parametrize("task", ["{shell: {command: 'sleep 60 & sleep 60'}}", "{python: {callable: wait-for-ever}}"])
def test_a_timeout_ends_the_task(cluster: Embedded, namespace: str, task: str) -> None:
    done = run(cluster, namespace, task, "  timeout: 300ms")
    assert done.state == "timedOut"


@pytest.mark.parametrize("task", ["{shell: {command: 'sleep 60'}}", "{python: {callable: wait-until-cancelled}}"])
def test_a_cancel_ends_what_runs(cluster: Embedded, namespace: str, task: str) -> None:
    cluster.apply(job(namespace, task))
    id_ = cluster.run("it", namespace=namespace).id
    state_becomes(cluster, id_, "running")
    request = CancelExecutionRequest(id=id_, reason="enough")
    assert cluster.client.unary("ExecutionService/Cancel", request, Execution).cancelling
    done = state_becomes(cluster, id_, "cancelled")
    assert (done.reason, done.cancelling) == ("enough", False)
    with pytest.raises(FailedPrecondition, match="cancelled already"):
        cluster.client.unary("ExecutionService/Cancel", CancelExecutionRequest(id=id_), Execution)


def test_nobody_suitable_leaves_it_pending_with_the_reason(cluster: Embedded, namespace: str) -> None:
    cluster.apply(job(namespace, "{shell: {command: 'true'}}", "  routing: {selector: gpu=h100}"))
    waiting = cluster.run("it", namespace=namespace)
    assert (waiting.state, waiting.attempt) == ("pending", 1)
    assert waiting.reason == "no executor matches the selector 'gpu=h100'"
    request = CancelExecutionRequest(id=waiting.id)
    assert cluster.client.unary("ExecutionService/Cancel", request, Execution).state == "cancelled"


def test_an_unknown_callable_is_refused_without_using_up_an_attempt(cluster: Embedded, namespace: str) -> None:
    cluster.apply(job(namespace, "{python: {callable: 'os:system'}}", "  startDeadline: 1s"))
    done = cluster.run("it", namespace=namespace, wait=True)
    assert (done.state, done.reason, done.attempt) == ("skipped", "startDeadline", 1)


def test_what_has_not_started_by_its_deadline_is_skipped(cluster: Embedded, namespace: str) -> None:
    extra = "  startDeadline: 200ms\n  routing: {selector: nowhere}"
    done = run(cluster, namespace, "{shell: {command: 'true'}}", extra)
    assert (done.state, done.reason) == ("skipped", "startDeadline")


def test_concurrency_skip_records_the_overlap(cluster: Embedded, namespace: str) -> None:
    cluster.apply(job(namespace, "{python: {callable: wait-until-cancelled}}"))
    first = cluster.run("it", namespace=namespace)
    second = cluster.run("it", namespace=namespace)
    assert (second.state, second.reason) == ("skipped", "overlap")
    cluster.client.unary("ExecutionService/Cancel", CancelExecutionRequest(id=first.id), Execution)
    state_becomes(cluster, first.id, "cancelled")


def test_the_same_request_is_carried_out_once(cluster: Embedded, namespace: str) -> None:
    cluster.apply(job(namespace, "{shell: {command: 'true'}}", "  concurrency: {policy: allow}"))
    request = RunJobRequest(request_id=new_request_id(), namespace=namespace, name="it", wait=True)
    first = cluster.client.unary("JobService/Run", request, RunJobResponse).execution
    again = cluster.client.unary("JobService/Run", request, RunJobResponse).execution
    assert first.id == again.id
    request.params.update({"other": True})
    with pytest.raises(AlreadyExists, match="was used for something else"):
        cluster.client.unary("JobService/Run", request, RunJobResponse)


def test_watch_tells_each_change(cluster: Embedded, namespace: str) -> None:
    cluster.apply(job(namespace, "{shell: {command: 'true'}}"))
    request = WatchExecutionsRequest()
    request.filter.namespace = namespace
    seen: list[str] = []
    begun = threading.Event()

    def watch() -> None:
        for execution in cluster.client.stream(
            "ExecutionService/Watch", request, Execution, timeout=timedelta(seconds=20)
        ):
            seen.append(execution.state)
            begun.set()
            if execution.state == "succeeded":
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    # the watch has begun when its first change arrives: runs until then may come before it
    eventually(lambda: cluster.run("it", namespace=namespace, wait=True) and begun.wait(0.2), 10, "watching")
    watcher.join(20)
    assert seen[-1] == "succeeded"


def test_logs_follow_a_running_task(cluster: Embedded, namespace: str) -> None:
    cluster.apply(job(namespace, "{shell: {command: 'echo one; sleep 1; echo two'}}"))
    id_ = cluster.run("it", namespace=namespace).id
    assert logs(cluster, id_, follow=True) == "one\ntwo\n"


def test_output_is_bounded_and_says_so(cluster: Embedded, namespace: str) -> None:
    done = run(cluster, namespace, "{shell: {command: 'yes 0123456789 | head -c 300000; echo end'}}")
    kept = logs(cluster, done.id)
    assert len(kept) < 70_000
    assert "bytes not kept" in kept
    assert kept.endswith("end\n")


def test_executions_are_listed_newest_first_in_pages(cluster: Embedded, namespace: str) -> None:
    cluster.apply(job(namespace, "{shell: {command: 'true'}}"))
    ran = [cluster.run("it", namespace=namespace, wait=True).id for _ in range(5)]
    request = ListExecutionsRequest(page_size=2)
    request.filter.namespace = namespace
    found: list[str] = []
    while True:
        page = cluster.client.unary("ExecutionService/List", request, ListExecutionsResponse)
        found.extend(execution.id for execution in page.executions)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == ran[::-1]


def test_what_is_not_there_is_said_so(cluster: Embedded) -> None:
    with pytest.raises(NotFound, match="there is no execution"):
        get(cluster, "01234567-89ab-7def-8123-456789abcdef")
    with pytest.raises(InvalidArgument, match="is not an execution's id"):
        get(cluster, "x")
