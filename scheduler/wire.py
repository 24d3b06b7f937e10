"""Between protobuf and the domain: only this module, `definition_wire` and the services know both."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from google.protobuf import duration_pb2, json_format, struct_pb2, timestamp_pb2

from cronquorum.durations import LONGEST
from jobstore.ids import milliseconds
from jobstore.model import EndedAttempt, Execution, Missed, Output, TaskError
from jobstore.spec import TaskSpec
from jobstore.states import OUTCOMES, State
from schedapi.v1 import execution_pb2, execution_service_pb2, executor_service_pb2, job_pb2
from scheduler.definitions import Definition
from scheduler.errors import InvalidRequest, Violation
from scheduler.settle import Outcome

MAX_RESULT = 64 * 1024
"""Bytes of JSON in a result."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OUTCOMES = {state.value: state for state in OUTCOMES}
_NO_TIME = timedelta(0)
_MOST_SECONDS = LONGEST // timedelta(seconds=1)
MAX_MESSAGE = 4 * 1024
"""Characters of an error's message, and of its tail."""
NO_NUMBER = "a parameter is NaN or infinite, which is not a JSON number"


def stamp(instant: datetime | None) -> timestamp_pb2.Timestamp | None:
    """A protobuf timestamp."""
    if instant is None:
        return None
    since = instant - _EPOCH  # as `FromDatetime` does, in a fifth of its time
    return timestamp_pb2.Timestamp(
        seconds=since.days * 86_400 + since.seconds,
        nanos=since.microseconds * 1000,
    )


def seconds(value: duration_pb2.Duration) -> timedelta:
    """A protobuf duration, not negative, and at most `LONGEST`: dates stay what a datetime can hold."""
    whole, micros = value.seconds, value.nanos // 1000
    if whole or micros < 0:
        return max(_NO_TIME, timedelta(seconds=max(0, min(_MOST_SECONDS, whole)), microseconds=micros))
    return timedelta(0, 0, micros)


def text(value: str, limit: int) -> str:
    """Somebody's text as every store can keep it: cut, and without NUL, which PostgreSQL refuses."""
    return value[:limit].replace("\x00", "\ufffd")


def struct(value: Mapping[str, Any]) -> struct_pb2.Struct | None:
    """A protobuf struct; None when there is nothing in it."""
    if not value:
        return None
    made = struct_pb2.Struct()
    made.update(dict(value))
    return made


def unstruct(value: struct_pb2.Struct) -> dict[str, Any]:
    """What a client's struct holds, as plain JSON values. Raises `InvalidRequest`."""
    try:
        return json_format.MessageToDict(value)
    except (ValueError, json_format.Error):
        raise InvalidRequest(Violation("params", NO_NUMBER)) from None


def key_of(execution: Execution) -> executor_service_pb2.AttemptKey:
    """Who is meant, for an executor."""
    return executor_service_pb2.AttemptKey(
        execution_id=str(execution.id),
        part=execution.part,
        attempt=execution.attempt,
        placement=execution.placement,
        incarnation=execution.incarnation,
    )


def flat(key: executor_service_pb2.AttemptKey) -> tuple[str, int, int, int, str]:
    """A key that can be looked up."""
    return key.execution_id, key.part, key.attempt, key.placement, key.incarnation


def key_matches(key: executor_service_pb2.AttemptKey, execution: Execution | EndedAttempt) -> bool:
    """Whether a report's key names the present placement of an execution, in all five parts."""
    return (
        key.part == execution.part
        and key.attempt == execution.attempt
        and key.placement == execution.placement
        and key.incarnation == execution.incarnation
    )


def read_id(text: str) -> UUID | None:
    """An execution id, or None for a text that is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def pattern(execution: Execution, definition: Definition) -> executor_service_pb2.Dispatch:
    """What all executions of its revision and trigger have in common in their orders; with its own parameters."""
    message = executor_service_pb2.Dispatch(
        namespace=execution.namespace,
        job=execution.job,
        trigger=execution.trigger,
        task=task_of(definition.spec.task),
        params=struct(definition.params(execution.trigger, execution.params)),
        may_rerun=definition.may_rerun,
    )
    if definition.timeout is not None:
        message.timeout.FromTimedelta(definition.timeout)
    return message


def order(execution: Execution, message: executor_service_pb2.Dispatch) -> executor_service_pb2.Dispatch:
    """The order to run an execution's attempt, made of a pattern, which becomes it."""
    key = message.key
    key.execution_id = str(execution.id)
    key.part = execution.part
    key.attempt = execution.attempt
    key.placement = execution.placement
    key.incarnation = execution.incarnation
    message.scheduled_time_ms = milliseconds(execution.scheduled_time)
    message.origin = execution.origin.value
    return message


def task_of(task: TaskSpec) -> job_pb2.Task:
    """A definition's task."""
    if task.python is not None:
        return job_pb2.Task(python=job_pb2.PythonTask(callable=task.python.callable, params=struct(task.python.params)))
    if task.kubernetes is not None:
        return job_pb2.Task(kubernetes=json_format.ParseDict(task.kubernetes.to_json(), job_pb2.KubernetesTask()))
    assert task.shell is not None, "a task is of one of these kinds"
    shell = task.shell
    return job_pb2.Task(
        shell=job_pb2.ShellTask(command=shell.command or "", argv=shell.argv or (), env=shell.env, cwd=shell.cwd)
    )


def outcome(message: executor_service_pb2.Outcome, now: datetime) -> Outcome:
    """An outcome as reported just now, dated by our clock.

    Raises ValueError for a state that is no outcome: the executor is not one of ours.
    """
    state = _OUTCOMES.get(message.state)
    if state is None:
        raise ValueError(f"{message.state} is no outcome")
    ended = now - seconds(message.ended_age)
    error = None
    if message.HasField("error"):
        error = TaskError(
            type=text(message.error.type, 200),
            message=text(message.error.message, MAX_MESSAGE),
            tail=text(message.error.tail[-MAX_MESSAGE:], MAX_MESSAGE),
        )
    result = None
    if message.HasField("result") and not message.result.HasField("null_value"):
        if message.result.ByteSize() > 2 * MAX_RESULT:
            raise ValueError(f"its result has more than {MAX_RESULT} bytes")
        result = json_format.MessageToDict(message.result)
    return Outcome(
        state=state,
        reason=text(message.reason, 500) if message.reason else "",
        started=ended - seconds(message.ran) if message.HasField("ran") else None,
        ended=ended,
        result=result,
        exit_code=message.exit_code if message.HasField("exit_code") else None,
        error=error,
    )


def _error(value: TaskError | None) -> execution_pb2.TaskError | None:
    if value is None:
        return None
    return execution_pb2.TaskError(type=value.type, message=value.message, tail=value.tail)


def _missed(value: Missed | None) -> execution_pb2.Missed | None:
    if value is None:
        return None
    return execution_pb2.Missed(count=value.count, first=stamp(value.first), last=stamp(value.last))


def execution(value: Execution, params: Mapping[str, Any] | None = None) -> execution_pb2.Execution:
    """An execution's record; `params` are the merged ones, where they are known."""
    message = execution_pb2.Execution(
        id=str(value.id),
        origin=value.origin.value,
        namespace=value.namespace,
        job=value.job,
        job_uid=str(value.job_uid),
        job_revision=value.revision,
        trigger=value.trigger,
        scheduled_time=stamp(value.scheduled_time),
        state=value.state.value,
        reason=value.reason,
        executor_id=value.executor_id,
        incarnation=value.incarnation,
        attempt=value.attempt,
        retry_count=value.retry_count,
        placement=value.placement,
        epoch=value.epoch,
        cancelling=value.cancelling,
        recorded=stamp(value.recorded),
        dispatched=stamp(value.dispatched),
        started=stamp(value.started),
        ended=stamp(value.ended),
        exit_code=value.exit_code,
        error=_error(value.error),
        params=struct(value.params if params is None else params),
        missed=_missed(value.missed),
        next_attempt=stamp(value.check_at) if value.state is State.RETRYING else None,
    )
    if value.progress is not None:
        message.progress.fraction, message.progress.note = value.progress, value.progress_note
    if value.result is not None:
        message.result.CopyFrom(json_format.ParseDict(value.result, struct_pb2.Value()))
    return message


def attempt(value: EndedAttempt) -> execution_pb2.Attempt:
    """An earlier attempt."""
    return execution_pb2.Attempt(
        attempt=value.attempt,
        outcome=value.outcome.value,
        reason=value.reason,
        executor_id=value.executor_id,
        incarnation=value.incarnation,
        placement=value.placement,
        epoch=value.epoch,
        dispatched=stamp(value.dispatched),
        started=stamp(value.started),
        ended=stamp(value.ended),
        exit_code=value.exit_code,
        error=_error(value.error),
    )


def log_chunk(value: Output) -> execution_service_pb2.LogChunk:
    """A piece of kept output."""
    return execution_service_pb2.LogChunk(attempt=value.attempt, stream=value.stream, data=value.data)
