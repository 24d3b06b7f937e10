import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from schedapi.v1 import execution_pb2 as _execution_pb2
from schedapi.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Feature(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEATURE_UNSPECIFIED: _ClassVar[Feature]
    FEATURE_REACH: _ClassVar[Feature]
    FEATURE_FAREWELL: _ClassVar[Feature]
FEATURE_UNSPECIFIED: Feature
FEATURE_REACH: Feature
FEATURE_FAREWELL: Feature

class LeaderMessage(_message.Message):
    __slots__ = ("epoch", "hello", "dispatches", "cancels", "acknowledged", "lease", "reach", "farewell")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    DISPATCHES_FIELD_NUMBER: _ClassVar[int]
    CANCELS_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    REACH_FIELD_NUMBER: _ClassVar[int]
    FAREWELL_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    hello: Hello
    dispatches: _containers.RepeatedCompositeFieldContainer[Dispatch]
    cancels: _containers.RepeatedCompositeFieldContainer[AttemptKey]
    acknowledged: _containers.RepeatedCompositeFieldContainer[AttemptKey]
    lease: LeaseGrant
    reach: ReachQuestion
    farewell: bool
    def __init__(self, epoch: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., dispatches: _Optional[_Iterable[_Union[Dispatch, _Mapping]]] = ..., cancels: _Optional[_Iterable[_Union[AttemptKey, _Mapping]]] = ..., acknowledged: _Optional[_Iterable[_Union[AttemptKey, _Mapping]]] = ..., lease: _Optional[_Union[LeaseGrant, _Mapping]] = ..., reach: _Optional[_Union[ReachQuestion, _Mapping]] = ..., farewell: _Optional[bool] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "node_id", "executor_id", "features")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_ID_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    node_id: str
    executor_id: str
    features: _containers.RepeatedScalarFieldContainer[Feature]
    def __init__(self, protocol: _Optional[int] = ..., node_id: _Optional[str] = ..., executor_id: _Optional[str] = ..., features: _Optional[_Iterable[_Union[Feature, str]]] = ...) -> None: ...

class AttemptKey(_message.Message):
    __slots__ = ("execution_id", "part", "attempt", "placement", "incarnation")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    PLACEMENT_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    part: int
    attempt: int
    placement: int
    incarnation: str
    def __init__(self, execution_id: _Optional[str] = ..., part: _Optional[int] = ..., attempt: _Optional[int] = ..., placement: _Optional[int] = ..., incarnation: _Optional[str] = ...) -> None: ...

class Dispatch(_message.Message):
    __slots__ = ("key", "namespace", "job", "trigger", "scheduled_time_ms", "task", "params", "timeout", "may_rerun", "origin")
    KEY_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAY_RERUN_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    key: AttemptKey
    namespace: str
    job: str
    trigger: str
    scheduled_time_ms: int
    task: _job_pb2.Task
    params: _struct_pb2.Struct
    timeout: _duration_pb2.Duration
    may_rerun: bool
    origin: str
    def __init__(self, key: _Optional[_Union[AttemptKey, _Mapping]] = ..., namespace: _Optional[str] = ..., job: _Optional[str] = ..., trigger: _Optional[str] = ..., scheduled_time_ms: _Optional[int] = ..., task: _Optional[_Union[_job_pb2.Task, _Mapping]] = ..., params: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., may_rerun: _Optional[bool] = ..., origin: _Optional[str] = ...) -> None: ...

class LeaseGrant(_message.Message):
    __slots__ = ("asked",)
    ASKED_FIELD_NUMBER: _ClassVar[int]
    asked: int
    def __init__(self, asked: _Optional[int] = ...) -> None: ...

class ReachQuestion(_message.Message):
    __slots__ = ("asked",)
    ASKED_FIELD_NUMBER: _ClassVar[int]
    asked: int
    def __init__(self, asked: _Optional[int] = ...) -> None: ...

class ExecutorMessage(_message.Message):
    __slots__ = ("welcome", "reports", "lease", "capacity", "reach", "clock")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    REACH_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    lease: LeaseQuestion
    capacity: CapacityChange
    reach: ReachAnswer
    clock: float
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ..., lease: _Optional[_Union[LeaseQuestion, _Mapping]] = ..., capacity: _Optional[_Union[CapacityChange, _Mapping]] = ..., reach: _Optional[_Union[ReachAnswer, _Mapping]] = ..., clock: _Optional[float] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol", "executor_id", "incarnation", "version", "slots", "kinds", "labels", "draining", "lease", "held", "vouched", "features")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_ID_FIELD_NUMBER: _ClassVar[int]
    INCARNATION_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    VOUCHED_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    executor_id: str
    incarnation: str
    version: str
    slots: int
    kinds: _containers.RepeatedScalarFieldContainer[str]
    labels: _containers.ScalarMap[str, str]
    draining: bool
    lease: _duration_pb2.Duration
    held: _containers.RepeatedCompositeFieldContainer[AttemptKey]
    vouched: _containers.RepeatedScalarFieldContainer[str]
    features: _containers.RepeatedScalarFieldContainer[Feature]
    def __init__(self, protocol: _Optional[int] = ..., executor_id: _Optional[str] = ..., incarnation: _Optional[str] = ..., version: _Optional[str] = ..., slots: _Optional[int] = ..., kinds: _Optional[_Iterable[str]] = ..., labels: _Optional[_Mapping[str, str]] = ..., draining: _Optional[bool] = ..., lease: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., held: _Optional[_Iterable[_Union[AttemptKey, _Mapping]]] = ..., vouched: _Optional[_Iterable[str]] = ..., features: _Optional[_Iterable[_Union[Feature, str]]] = ...) -> None: ...

class LeaseQuestion(_message.Message):
    __slots__ = ("asked",)
    ASKED_FIELD_NUMBER: _ClassVar[int]
    asked: int
    def __init__(self, asked: _Optional[int] = ...) -> None: ...

class ReachAnswer(_message.Message):
    __slots__ = ("asked",)
    ASKED_FIELD_NUMBER: _ClassVar[int]
    asked: int
    def __init__(self, asked: _Optional[int] = ...) -> None: ...

class CapacityChange(_message.Message):
    __slots__ = ("slots", "draining")
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    slots: int
    draining: bool
    def __init__(self, slots: _Optional[int] = ..., draining: _Optional[bool] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("key", "started", "progress", "output", "outcome", "refused")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    key: AttemptKey
    started: Started
    progress: ProgressReport
    output: OutputChunk
    outcome: Outcome
    refused: Refused
    def __init__(self, key: _Optional[_Union[AttemptKey, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., progress: _Optional[_Union[ProgressReport, _Mapping]] = ..., output: _Optional[_Union[OutputChunk, _Mapping]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("age",)
    AGE_FIELD_NUMBER: _ClassVar[int]
    age: _duration_pb2.Duration
    def __init__(self, age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ProgressReport(_message.Message):
    __slots__ = ("progress",)
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    progress: _execution_pb2.Progress
    def __init__(self, progress: _Optional[_Union[_execution_pb2.Progress, _Mapping]] = ...) -> None: ...

class OutputChunk(_message.Message):
    __slots__ = ("seq", "stream", "data")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    seq: int
    stream: str
    data: bytes
    def __init__(self, seq: _Optional[int] = ..., stream: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("state", "ended_age", "ran", "result", "exit_code", "error", "reason")
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENDED_AGE_FIELD_NUMBER: _ClassVar[int]
    RAN_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    state: str
    ended_age: _duration_pb2.Duration
    ran: _duration_pb2.Duration
    result: _struct_pb2.Value
    exit_code: int
    error: _execution_pb2.TaskError
    reason: str
    def __init__(self, state: _Optional[str] = ..., ended_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., ran: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., result: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., exit_code: _Optional[int] = ..., error: _Optional[_Union[_execution_pb2.TaskError, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("reason", "message")
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    reason: str
    message: str
    def __init__(self, reason: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
