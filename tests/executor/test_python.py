"""Python tasks, end to end: in threads, and in worker processes."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google.protobuf import json_format

from executor.service import Executor
from schedapi.v1 import executor_service_pb2 as pb
from tests.executor.conftest import Lead, StartExecutor
from tests.executor.leader import Stream
from tests.executor.sample import failing
from tests.executor.test_shell import is_running, pid_in

PROCESS: dict[str, Any] = {"may_rerun": True}
WHERE = [pytest.param({}, id="thread"), pytest.param(PROCESS, id="process")]


def result(outcome: pb.Outcome) -> Any:
    assert outcome.state == "succeeded", outcome
    return json_format.MessageToDict(outcome.result) if outcome.HasField("result") else None


def pid_of(outcome: pb.Outcome) -> int:
    return int(result(outcome))


async def call(stream: Stream, name: str, params: dict[str, Any] | None = None, **options: Any) -> pb.Outcome:
    return await stream.outcome(await stream.python(name, params, **options))


@pytest.mark.parametrize("where", WHERE)
async def test_parameters_are_keyword_arguments_and_the_return_value_is_the_result(
    stream: Stream, where: dict[str, Any]
) -> None:
    assert result(await call(stream, "add", {"a": 2, "b": 3}, **where)) == 5
    assert result(await call(stream, "nothing", **where)) is None
    assert result(await call(stream, "tests.executor.sample:plain", {"word": "ä"}, **where)) == "ää"
    assert result(await call(stream, "returns", {"what": "table"}, **where)) == failing.returns("table")


@pytest.mark.parametrize("where", WHERE)
async def test_the_context_says_what_the_task_is(stream: Stream, where: dict[str, Any]) -> None:
    key = await stream.python("about", {"mode": "full"}, key=stream.key(attempt=3), **where)
    told = result(await stream.outcome(key))
    pid, environment = told.pop("pid"), told.pop("environment")
    assert told == {
        "namespace": "default",
        "job": "job",
        "trigger": "trigger",
        "executionId": key.execution_id,
        "scheduledTime": "2023-11-14T22:13:20.123000+00:00",
        "attempt": 3,
        "epoch": 1,
        "params": {"mode": "full"},
        "secrets": [],
    } | ({} if where else {"secrets": told["secrets"]})
    assert (pid != os.getpid()) is bool(where)
    if where:
        assert environment["SCHED_PARAM_MODE"] == "full"
        assert environment["SCHED_SCHEDULED_TIME"] == "2023-11-14T22:13:20.123Z"
        assert environment["SCHED_EXECUTION_ID"] == key.execution_id
    else:
        assert environment == {}


@pytest.mark.parametrize("where", WHERE)
async def test_coroutines(stream: Stream, where: dict[str, Any]) -> None:
    assert (result(await call(stream, "pid", **where)) == os.getpid()) is not bool(where)


async def test_a_timeout_asks_for_a_process(stream: Stream) -> None:
    assert result(await call(stream, "pid", timeout=60)) != os.getpid()


@pytest.mark.parametrize("where", WHERE)
async def test_an_exception_is_a_failure_with_its_traceback(stream: Stream, where: dict[str, Any]) -> None:
    outcome = await call(stream, "boom", {"text": "out of paper"}, **where)
    assert outcome.state == "failed" and outcome.HasField("ran") and not outcome.HasField("exit_code")
    assert (outcome.error.type, outcome.error.message) == ("OwnError", "out of paper")
    assert "raise OwnError(text)" in outcome.error.tail and "invocation.py" not in outcome.error.tail


@pytest.mark.parametrize("where", WHERE)
async def test_whatever_an_exception_says_is_cut_and_clean(stream: Stream, where: dict[str, Any]) -> None:
    error = (await call(stream, "boom", {"text": "ä" * 10_000}, **where)).error
    assert len(error.message.encode()) <= 4096 and len(error.tail.encode()) <= 4096
    assert (await call(stream, "silent-boom", **where)).error.message == "(the exception has no text)"


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "add(a: int, b: int = 1) -> int: missing a required argument: 'a'"),
        ({"a": 1, "c": 2}, "add(a: int, b: int = 1) -> int: got an unexpected keyword argument 'c'"),
    ],
)
async def test_wrong_parameters_are_named(
    stream: Stream, params: dict[str, Any], message: str, where: dict[str, Any]
) -> None:
    error = (await call(stream, "add", params, **where)).error
    assert (error.type, error.message) == ("TypeError", message)


@pytest.mark.parametrize("where", WHERE)
async def test_what_was_called_well_once_is_named_all_the_same_when_it_is_called_wrong(
    stream: Stream, where: dict[str, Any]
) -> None:
    for params, wanted in (({"a": 1}, 2), ({"a": 1, "b": 3}, 4), ({"b": 3}, None), ({"a": 1}, 2), ({"c": 1}, None)):
        outcome = await call(stream, "add", params, **where)
        assert (outcome.error.type == "TypeError") if wanted is None else (result(outcome) == wanted)


@pytest.mark.parametrize("where", WHERE)
async def test_what_a_task_does_to_its_parameters_is_seen_by_no_other(stream: Stream, where: dict[str, Any]) -> None:
    for params in ({"a": 1}, {"a": 1, "list": [1], "table": {"x": {}}}):
        for _ in range(3):
            assert result(await call(stream, "spoil", params, **where)) == params


@pytest.mark.parametrize("where", WHERE)
async def test_a_start_is_told_while_the_task_runs(stream: Stream, where: dict[str, Any]) -> None:
    key = await stream.python("wait-async", **where)
    assert (await stream.started(key)).HasField("age")
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).HasField("ran")


async def test_a_parameter_called_context_is_none_of_a_jobs(stream: Stream) -> None:
    assert (await call(stream, "about", {"context": 1})).error.type == "TypeError"


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("set", "the result is not JSON: Object of type set is not JSON serializable"),
        ("nan", "the result is not JSON: Out of range float values are not JSON compliant"),
        ("large", "the result has 70002 bytes of JSON; at most 65536 are kept"),
        ("numbers", "the result takes more than 131072 bytes on the wire"),
        ("huge", "the result has the integer 1152921504606846976: beyond 2^53 JSON's numbers are not exact"),
        ("surrogate", "the result is not JSON: 'utf-8' codec can't encode character"),
        ("deep", "the result is nested more than 30 deep"),
    ],
)
async def test_what_is_no_result(stream: Stream, what: str, message: str, where: dict[str, Any]) -> None:
    outcome = await call(stream, "returns", {"what": what}, **where)
    assert (outcome.state, outcome.error.type) == ("failed", "badResult")
    assert outcome.error.message.startswith(message)


@pytest.mark.parametrize("where", WHERE)
async def test_sys_exit(stream: Stream, where: dict[str, Any]) -> None:
    assert (await call(stream, "exit", {"code": 0}, **where)).state == "succeeded"
    outcome = await call(stream, "exit", {"code": 3}, **where)
    assert (outcome.state, outcome.error.type, outcome.error.message) == ("failed", "SystemExit", "3")


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "builtins.eval",
        "builtins:eval",
        "../x",
        "",
        "tests.executor.sample:os",
        "tests.executor.sample:run",
        "tests.executor.sample:_private",
        "tests.executor.sample:Context",
        "tests.executor.sample:task",
        "tests.executor.sample:missing",
        "tests.executor.leader:leading",
        "subprocess:run",
    ],
)
async def test_only_functions_of_the_given_modules_are_tasks(stream: Stream, name: str) -> None:
    refused = await stream.refused(await stream.python(name))
    assert refused.reason == "unknownTask"


async def test_an_unknown_name_gets_a_suggestion(stream: Stream) -> None:
    refused = await stream.refused(await stream.python("abuot"))
    assert refused.message == "no task 'abuot' is here; did you mean 'about'?"


async def test_progress_and_log_are_reported(stream: Stream) -> None:
    key = await stream.python("prints", may_rerun=True)
    await stream.outcome(key)
    progress = stream.find(key, "progress")
    assert (progress[-1].progress.fraction, progress[-1].progress.note) == (1, "done")
    assert len(progress) < 100  # only the latest of many is of interest
    assert stream.output(key) == b"to stdout\nby the context\n"
    assert stream.output(key, "stderr") == b"to stderr\n"


@pytest.mark.parametrize("where", WHERE)
async def test_whoever_hears_of_progress_has_heard_of_the_start(stream: Stream, where: dict[str, Any]) -> None:
    keys = [await stream.python("prints", **where) for _ in range(10)]
    for key in keys:
        await stream.outcome(key)
        told = [each.WhichOneof("what") for each in stream.reports if each.key == key]
        assert (told[0], told.count("started"), told[-1]) == ("started", 1, "outcome") and "progress" in told


async def test_in_a_thread_log_is_kept_and_print_is_not(stream: Stream, capsys: pytest.CaptureFixture[str]) -> None:
    key = await stream.python("prints")
    await stream.outcome(key)
    assert stream.find(key, "progress")[-1].progress.note == "done"
    assert stream.output(key) == b"by the context\n"
    assert "to stdout" in capsys.readouterr().out


@pytest.mark.parametrize("where", WHERE)
async def test_progress_out_of_range_is_the_tasks_error(stream: Stream, where: dict[str, Any]) -> None:
    error = (await call(stream, "bad-progress", **where)).error
    assert (error.type, error.message) == ("ValueError", "progress 1.5 is not in 0 to 1")


async def test_a_cancelled_thread_ends_when_it_really_ends(stream: Stream) -> None:
    key = await stream.python("wait-cancelled")
    await stream.wait_output(key, b"waiting")
    await stream.send(cancels=[key])
    assert result(await stream.outcome(key)) == "finished"  # it did finish, so that is what is said


async def test_a_cancelled_thread_that_raises_is_cancelled(stream: Stream) -> None:
    key = await stream.python("wait-cancelled", {"then": "raise"})
    await stream.wait_output(key, b"waiting")
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).state == "cancelled"


@pytest.mark.parametrize("where", WHERE)
async def test_a_cancelled_coroutine_is_cancelled(stream: Stream, where: dict[str, Any]) -> None:
    key = await stream.python("wait-async", **where)
    await stream.wait_output(key, b"waiting")
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).state == "cancelled"


async def test_a_cancelled_process_cleans_up_and_leaves_no_child(stream: Stream, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    key = await stream.python("wait-process", {"marker": str(marker)}, may_rerun=True)
    child = pid_in(await stream.wait_output(key, b"\n"), "child ")
    await stream.send(cancels=[key])
    assert (await stream.outcome(key)).state == "cancelled"
    assert marker.read_text() == "cleaned up"
    assert not is_running(child)


async def test_a_timeout_kills_a_process_that_does_not_listen(stream: Stream) -> None:
    key = await stream.python("stubborn", timeout=0.5)
    outcome = await stream.outcome(key)
    assert (outcome.state, outcome.error.message) == ("timedOut", "did not end within 500ms")
    assert not is_running(pid_in(stream.output(key), "pid "))


async def test_a_worker_that_dies_is_a_failure(stream: Stream) -> None:
    outcome = await call(stream, "die", **PROCESS)
    assert (outcome.state, outcome.error.type) == ("failed", "workerDied")
    assert outcome.error.message == "the worker process ended by signal 9"
    assert outcome.error.tail == "last words"


async def test_workers_are_reused_and_tidied(stream: Stream) -> None:
    first = result(await call(stream, "untidy", **PROCESS))
    assert result(await call(stream, "look", **PROCESS)) == {"pid": first, "tidy": True}


async def test_a_worker_that_cannot_be_tidied_is_replaced(stream: Stream) -> None:
    first = result(await call(stream, "pid", **PROCESS))
    assert result(await call(stream, "closes-stdout", **PROCESS)) is None
    assert result(await call(stream, "pid", **PROCESS)) != first


async def test_what_a_task_leaves_running_is_ended_before_its_outcome(stream: Stream) -> None:
    first = result(await call(stream, "pid", **PROCESS))
    assert not is_running(pid_of(await call(stream, "leaves-child", **PROCESS)))
    assert result(await call(stream, "pid", **PROCESS)) != first


async def test_workers_are_as_many_as_run_at_once(stream: Stream) -> None:
    outcomes = await asyncio.gather(*(call(stream, "pid", **PROCESS) for _ in range(4)))
    pids = {result(outcome) for outcome in outcomes}
    again = {result(await call(stream, "pid", **PROCESS)) for _ in range(4)}
    assert again <= pids and len(again) == 1


async def test_workers_end_with_the_executor(start_executor: StartExecutor, lead: Lead) -> None:
    executor = await start_executor()
    stream = await (await lead(executor)).attach()
    idle = pid_of(await call(stream, "pid", **PROCESS))
    assert is_running(idle)
    executor.hurry()
    await executor.stop(0)
    assert not is_running(idle)


async def test_a_cancel_that_comes_before_the_worker_is_up(stream: Stream) -> None:
    key = stream.key()
    order = stream.order({"python": {"callable": "stubborn"}}, key, may_rerun=True)
    await stream.send(dispatches=[order], cancels=[key])
    outcome = await stream.outcome(key)
    assert outcome.state == "cancelled"
    assert not outcome.HasField("ran")


async def embedded(start_executor: StartExecutor, lead: Lead, *tasks: object) -> Stream:
    executor: Executor = await start_executor(tasks=tasks)
    return await (await lead(executor)).attach()


async def test_functions_of_the_embedded_mode(start_executor: StartExecutor, lead: Lead) -> None:
    def local() -> str:
        return threading.current_thread().name

    stream = await embedded(start_executor, lead, local, failing.boom, failing.look)
    assert result(await call(stream, "local")).startswith("task-")
    assert (await call(stream, "boom", **PROCESS)).error.type == "OwnError"
    assert result(await call(stream, "look", **PROCESS))["tidy"]
    refused = await stream.refused(await stream.python("local", **PROCESS))
    assert refused.reason == "badTask" and "define it at the top of a module" in refused.message
    assert (await stream.refused(await stream.python("stubborn"))).reason == "unknownTask"


async def test_modules_of_the_embedded_mode(
    start_executor: StartExecutor, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("made_up")
    exec("def here():\n    return 'here'\n", module.__dict__)
    monkeypatch.setitem(sys.modules, "made_up", module)
    stream = await embedded(start_executor, lead, module)
    assert result(await call(stream, "made_up:here")) == "here"
    outcome = await call(stream, "made_up:here", **PROCESS)
    assert outcome.error.type == "cannotImport"
    assert outcome.error.message.startswith("cannot import made_up:here: ModuleNotFoundError")


FORKING = """
import os, sys
from executor.kinds import invocation

invocation._lock.acquire()  # as another task's thread may have it at that moment
child = os.fork()
if child == 0:
    os._exit(0 if invocation._lock.acquire(timeout=5) else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_process_that_a_task_forks_does_not_wait_for_threads_that_it_has_not() -> None:
    assert subprocess.run([sys.executable, "-c", FORKING], timeout=60, check=False).returncode == 0
