"""Between protobuf and this package's values; only this module and `attach` know protobuf."""

import json
from datetime import timedelta
from typing import Any

from google.protobuf import struct_pb2

from cronquorum.names import shown
from executor.assignment import Assignment, AttemptKey, PythonTask, ShellTask, Task
from executor.errors import BadMessage, Refusal
from executor.report import Chunk, Outcome, Progress, Refused
from schedapi.v1 import executor_service_pb2 as pb
from schedapi.v1 import job_pb2

MAX_ID = 128
EXACT = 2.0**53
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999, in milliseconds since 1970."""


def read_key(message: pb.AttemptKey) -> AttemptKey:
    """Who is meant. Raises `BadMessage` for what no leader writes."""
    key = AttemptKey(message.execution_id, message.part, message.attempt, message.placement, message.incarnation)
    if not 1 <= len(key.execution_id) <= MAX_ID:
        raise BadMessage(f"execution id {shown(key.execution_id)} has not 1 to {MAX_ID} characters")
    if len(key.incarnation) > MAX_ID:
        raise BadMessage(f"incarnation {shown(key.incarnation)} has more than {MAX_ID} characters")
    if key.part < 0 or key.attempt < 1 or key.placement < 0:
        raise BadMessage(
            f"execution {shown(key.execution_id)}: part {key.part}, attempt {key.attempt}, placement "
            f"{key.placement}: attempts begin at 1, the others at 0"
        )
    return key


def read_dispatch(message: pb.Dispatch, key: AttemptKey, epoch: int) -> Assignment:
    """What to run. Raises `Refusal`."""
    if not FIRST_MS <= message.scheduled_time_ms <= LAST_MS:
        raise Refusal("badTask", f"scheduled time {message.scheduled_time_ms} ms is no time")
    timeout = None
    if message.HasField("timeout"):
        timeout = timedelta(seconds=message.timeout.seconds, microseconds=message.timeout.nanos // 1000)
        if timeout <= timedelta(0):
            raise Refusal("badTask", f"timeout {timeout.total_seconds():g} s is not above 0")
    return Assignment(
        key=key,
        namespace=message.namespace,
        job=message.job,
        trigger=message.trigger,
        scheduled_ms=message.scheduled_time_ms,
        origin=message.origin,
        epoch=epoch,
        task=read_task(message.task),
        params=read_struct(message.params) if message.HasField("params") else {},
        timeout=timeout,
        may_rerun=message.may_rerun,
    )


def read_task(message: job_pb2.Task) -> Task:
    """The task of one of our kinds. Raises `Refusal` for one that this version has never heard of."""
    match message.WhichOneof("kind"):
        case "shell":
            shell = message.shell
            cwd = shell.cwd if shell.HasField("cwd") else None
            return ShellTask(command=shell.command, argv=tuple(shell.argv), env=dict(shell.env), cwd=cwd)
        case "python":
            return PythonTask(callable=message.python.callable)
        case _:
            raise Refusal("unknownKind", "the task is of no kind that this executor knows (shell, python)")


def read_struct(message: struct_pb2.Struct) -> dict[str, Any]:
    """Plain JSON values; whole numbers as integers, since protobuf has only doubles."""
    return {name: _read_value(value) for name, value in message.fields.items()}


def _read_value(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) <= EXACT else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return read_struct(value.struct_value)
        case "list_value":
            return [_read_value(each) for each in value.list_value.values]
        case _:
            return None


def write_key(key: AttemptKey) -> pb.AttemptKey:
    return pb.AttemptKey(
        execution_id=key.execution_id,
        part=key.part,
        attempt=key.attempt,
        placement=key.placement,
        incarnation=key.incarnation,
    )


class MessageWriter:
    """An `outgoing.Writer` that fills one protobuf message."""

    def __init__(self) -> None:
        self.message = pb.ExecutorMessage()
        self.size = 0

    @property
    def empty(self) -> bool:
        return self.size == 0

    def lease(self, asked: int) -> None:
        self.message.lease.asked = asked
        self.size += 10

    def reach(self, asked: int) -> None:
        self.message.reach.asked = asked
        self.size += 10

    def capacity(self, slots: int, draining: bool) -> None:
        self.message.capacity.CopyFrom(pb.CapacityChange(slots=slots, draining=draining))
        self.size += 10

    def started(self, key: AttemptKey, age: float) -> None:
        report = self._report(key)
        _set_duration(report.started.age, age)

    def progress(self, key: AttemptKey, progress: Progress) -> None:
        report = self._report(key)
        report.progress.progress.fraction = progress.fraction
        report.progress.progress.note = progress.note
        self.size += len(progress.note)

    def output(self, key: AttemptKey, seq: int, chunk: Chunk) -> None:
        report = self._report(key)
        report.output.seq = seq
        report.output.stream = chunk.stream
        report.output.data = chunk.data
        self.size += len(chunk.data)

    def outcome(self, key: AttemptKey, outcome: Outcome, age: float, ran: float | None) -> None:
        message = self._report(key).outcome
        message.state = outcome.state.value
        message.reason = outcome.reason
        _set_duration(message.ended_age, age)
        if ran is not None:
            _set_duration(message.ran, ran)
        if outcome.exit_code is not None:
            message.exit_code = outcome.exit_code
        if outcome.result is not None:
            _write_value(message.result, json.loads(outcome.result))
            self.size += 2 * len(outcome.result)
        if outcome.error is not None:
            message.error.type = outcome.error.type
            message.error.message = outcome.error.message
            message.error.tail = outcome.error.tail or ""
            self.size += len(outcome.error.message) + len(message.error.tail)

    def refused(self, key: AttemptKey, refused: Refused) -> None:
        message = self._report(key).refused
        message.reason = refused.reason
        message.message = refused.message
        self.size += len(refused.message)

    def _report(self, key: AttemptKey) -> pb.Report:
        self.size += 120
        return self.message.reports.add(key=write_key(key))


def _set_duration(message: Any, seconds: float) -> None:
    nanos = max(0, round(seconds * 1e9))
    # set even when it is 0: a duration that is absent means something else
    message.SetInParent()
    message.seconds, message.nanos = divmod(nanos, 1_000_000_000)


def _write_value(message: struct_pb2.Value, value: Any) -> None:
    if value is None:
        message.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, int | float):
        message.number_value = value
    elif isinstance(value, str):
        message.string_value = value
    elif isinstance(value, list):
        message.list_value.SetInParent()
        for each in value:
            _write_value(message.list_value.values.add(), each)
    else:
        message.struct_value.SetInParent()
        for name, each in value.items():
            _write_value(message.struct_value.fields[name], each)
