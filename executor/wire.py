"""Between protobuf and this package's values; only this module and `attach` know protobuf."""

import json
from datetime import timedelta
from functools import lru_cache
from typing import Any

from google.protobuf import struct_pb2

from cronquorum.durations import DurationError, parse_duration
from cronquorum.names import shown
from executor.assignment import START_TIMEOUT, Assignment, AttemptKey, KubernetesTask, PythonTask, ShellTask, Task
from executor.config import KINDS
from executor.errors import BadMessage, Refusal
from executor.report import Chunk, Outcome, Progress, Refused
from schedapi.v1 import executor_service_pb2 as pb
from schedapi.v1 import job_pb2

MAX_ID = 128
READ_ONCE, READ_ONCE_BYTES = 1024, 4096
"""So many tasks and parameters, none of more bytes, are remembered: most dispatches bear what an earlier one bore."""
EXACT = 2.0**53
FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999, in milliseconds since 1970."""


def read_key(message: pb.AttemptKey) -> AttemptKey:
    """Who is meant. Raises `BadMessage` for what no leader writes."""
    execution_id, incarnation = message.execution_id, message.incarnation
    part, attempt, placement = message.part, message.attempt, message.placement
    if not 1 <= len(execution_id) <= MAX_ID:
        raise BadMessage(f"execution id {shown(execution_id)} has not 1 to {MAX_ID} characters")
    if len(incarnation) > MAX_ID:
        raise BadMessage(f"incarnation {shown(incarnation)} has more than {MAX_ID} characters")
    if part < 0 or attempt < 1 or placement < 0:
        raise BadMessage(
            f"execution {shown(execution_id)}: part {part}, attempt {attempt}, placement {placement}: attempts begin "
            "at 1, the others at 0"
        )
    return AttemptKey(execution_id, part, attempt, placement, incarnation)


def read_dispatch(message: pb.Dispatch, key: AttemptKey, epoch: int) -> Assignment:
    """What to run. Raises `Refusal`."""
    scheduled_ms = message.scheduled_time_ms
    if not FIRST_MS <= scheduled_ms <= LAST_MS:
        raise Refusal("badTask", f"scheduled time {scheduled_ms} ms is no time")
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
        scheduled_ms=scheduled_ms,
        origin=message.origin,
        epoch=epoch,
        task=_task(message.task),
        params=_params(message.params) if message.HasField("params") else {},
        timeout=timeout,
        may_rerun=message.may_rerun,
    )


def _task(message: job_pb2.Task) -> Task:
    data = message.SerializeToString()
    return read_task(message) if len(data) > READ_ONCE_BYTES else _task_of(data)


@lru_cache(READ_ONCE)
def _task_of(data: bytes) -> Task:
    return read_task(job_pb2.Task.FromString(data))


def _params(message: struct_pb2.Struct) -> dict[str, Any]:
    """New ones each time: a task may change what it is given."""
    data = message.SerializeToString()
    values = None if len(data) > READ_ONCE_BYTES else _plain_params_of(data)
    return read_struct(message) if values is None else values.copy()


@lru_cache(READ_ONCE)
def _plain_params_of(data: bytes) -> dict[str, Any] | None:
    """None when there are lists or tables among them."""
    values = read_struct(struct_pb2.Struct.FromString(data))
    return None if any(isinstance(value, list | dict) for value in values.values()) else values


def read_task(message: job_pb2.Task) -> Task:
    """The task of one of our kinds. Raises `Refusal` for one that this version has never heard of."""
    match message.WhichOneof("kind"):
        case "shell":
            shell = message.shell
            cwd = shell.cwd if shell.HasField("cwd") else None
            return ShellTask(command=shell.command, argv=tuple(shell.argv), env=dict(shell.env), cwd=cwd)
        case "python":
            return PythonTask(callable=message.python.callable)
        case "kubernetes":
            return _kubernetes_task(message.kubernetes)
        case _:
            raise Refusal("unknownKind", f"the task is of no kind that this executor knows ({', '.join(KINDS)})")


def _kubernetes_task(message: job_pb2.KubernetesTask) -> KubernetesTask:
    try:
        timeout = parse_duration(message.start_timeout) if message.HasField("start_timeout") else START_TIMEOUT
    except DurationError as error:
        raise Refusal("badTask", f"startTimeout: {error}") from None
    return KubernetesTask(
        template=read_struct(message.template),
        namespace=message.namespace,
        container=message.container,
        start_timeout=timeout,
    )


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
        _set_duration(self._report(key).started.age, age)

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
        if outcome.reason:
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
        report = self.message.reports.add()
        # one by one: a table of arguments takes twice as long
        message = report.key
        message.execution_id, message.part, message.attempt, message.placement, message.incarnation = key
        return report


def _set_duration(message: Any, seconds: float) -> None:
    # both set even when they are 0: a duration that is absent means something else
    message.seconds, message.nanos = divmod(int(seconds * 1e9) if seconds > 0 else 0, 1_000_000_000)


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
