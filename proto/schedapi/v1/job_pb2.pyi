import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Job(_message.Message):
    __slots__ = ("api_version", "kind", "metadata", "spec", "status")
    API_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    api_version: str
    kind: str
    metadata: Metadata
    spec: JobSpec
    status: JobStatus
    def __init__(self, api_version: _Optional[str] = ..., kind: _Optional[str] = ..., metadata: _Optional[_Union[Metadata, _Mapping]] = ..., spec: _Optional[_Union[JobSpec, _Mapping]] = ..., status: _Optional[_Union[JobStatus, _Mapping]] = ...) -> None: ...

class Metadata(_message.Message):
    __slots__ = ("name", "namespace", "labels")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    name: str
    namespace: str
    labels: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., namespace: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ...) -> None: ...

class JobSpec(_message.Message):
    __slots__ = ("description", "triggers", "task", "params", "idempotent", "failover", "retry", "timeout", "start_deadline", "concurrency", "routing", "paused", "retention")
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENT_FIELD_NUMBER: _ClassVar[int]
    FAILOVER_FIELD_NUMBER: _ClassVar[int]
    RETRY_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    START_DEADLINE_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    ROUTING_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    RETENTION_FIELD_NUMBER: _ClassVar[int]
    description: str
    triggers: _containers.RepeatedCompositeFieldContainer[Trigger]
    task: Task
    params: _struct_pb2.Struct
    idempotent: bool
    failover: Failover
    retry: Retry
    timeout: str
    start_deadline: str
    concurrency: Concurrency
    routing: Routing
    paused: bool
    retention: Retention
    def __init__(self, description: _Optional[str] = ..., triggers: _Optional[_Iterable[_Union[Trigger, _Mapping]]] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., params: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., idempotent: _Optional[bool] = ..., failover: _Optional[_Union[Failover, _Mapping]] = ..., retry: _Optional[_Union[Retry, _Mapping]] = ..., timeout: _Optional[str] = ..., start_deadline: _Optional[str] = ..., concurrency: _Optional[_Union[Concurrency, _Mapping]] = ..., routing: _Optional[_Union[Routing, _Mapping]] = ..., paused: _Optional[bool] = ..., retention: _Optional[_Union[Retention, _Mapping]] = ...) -> None: ...

class Trigger(_message.Message):
    __slots__ = ("name", "cron", "interval", "calendar_interval", "daily", "at", "after", "manual", "time_zone", "gap", "overlap", "misfire", "params", "days", "start", "end", "max_fires", "jitter", "calendars")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    CALENDAR_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    DAILY_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    MANUAL_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    GAP_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    MISFIRE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    MAX_FIRES_FIELD_NUMBER: _ClassVar[int]
    JITTER_FIELD_NUMBER: _ClassVar[int]
    CALENDARS_FIELD_NUMBER: _ClassVar[int]
    name: str
    cron: str
    interval: Interval
    calendar_interval: CalendarInterval
    daily: Daily
    at: str
    after: str
    manual: bool
    time_zone: str
    gap: str
    overlap: str
    misfire: Misfire
    params: _struct_pb2.Struct
    days: str
    start: str
    end: str
    max_fires: int
    jitter: str
    calendars: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., cron: _Optional[str] = ..., interval: _Optional[_Union[Interval, _Mapping]] = ..., calendar_interval: _Optional[_Union[CalendarInterval, _Mapping]] = ..., daily: _Optional[_Union[Daily, _Mapping]] = ..., at: _Optional[str] = ..., after: _Optional[str] = ..., manual: _Optional[bool] = ..., time_zone: _Optional[str] = ..., gap: _Optional[str] = ..., overlap: _Optional[str] = ..., misfire: _Optional[_Union[Misfire, _Mapping]] = ..., params: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., days: _Optional[str] = ..., start: _Optional[str] = ..., end: _Optional[str] = ..., max_fires: _Optional[int] = ..., jitter: _Optional[str] = ..., calendars: _Optional[_Iterable[str]] = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("every", "offset")
    EVERY_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    every: str
    offset: str
    def __init__(self, every: _Optional[str] = ..., offset: _Optional[str] = ...) -> None: ...

class CalendarInterval(_message.Message):
    __slots__ = ("every", "unit", "missing_day")
    EVERY_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    MISSING_DAY_FIELD_NUMBER: _ClassVar[int]
    every: int
    unit: str
    missing_day: str
    def __init__(self, every: _Optional[int] = ..., unit: _Optional[str] = ..., missing_day: _Optional[str] = ..., **kwargs) -> None: ...

class Daily(_message.Message):
    __slots__ = ("every", "to", "days")
    EVERY_FIELD_NUMBER: _ClassVar[int]
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    every: str
    to: str
    days: str
    def __init__(self, every: _Optional[str] = ..., to: _Optional[str] = ..., days: _Optional[str] = ..., **kwargs) -> None: ...

class Misfire(_message.Message):
    __slots__ = ("policy", "threshold", "rate", "limit")
    POLICY_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    policy: str
    threshold: str
    rate: int
    limit: int
    def __init__(self, policy: _Optional[str] = ..., threshold: _Optional[str] = ..., rate: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class Task(_message.Message):
    __slots__ = ("shell", "python", "kubernetes")
    SHELL_FIELD_NUMBER: _ClassVar[int]
    PYTHON_FIELD_NUMBER: _ClassVar[int]
    KUBERNETES_FIELD_NUMBER: _ClassVar[int]
    shell: ShellTask
    python: PythonTask
    kubernetes: KubernetesTask
    def __init__(self, shell: _Optional[_Union[ShellTask, _Mapping]] = ..., python: _Optional[_Union[PythonTask, _Mapping]] = ..., kubernetes: _Optional[_Union[KubernetesTask, _Mapping]] = ...) -> None: ...

class ShellTask(_message.Message):
    __slots__ = ("command", "argv", "env", "cwd")
    class EnvEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    command: str
    argv: _containers.RepeatedScalarFieldContainer[str]
    env: _containers.ScalarMap[str, str]
    cwd: str
    def __init__(self, command: _Optional[str] = ..., argv: _Optional[_Iterable[str]] = ..., env: _Optional[_Mapping[str, str]] = ..., cwd: _Optional[str] = ...) -> None: ...

class PythonTask(_message.Message):
    __slots__ = ("callable", "params")
    CALLABLE_FIELD_NUMBER: _ClassVar[int]
    PARAMS_FIELD_NUMBER: _ClassVar[int]
    callable: str
    params: _struct_pb2.Struct
    def __init__(self, callable: _Optional[str] = ..., params: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class KubernetesTask(_message.Message):
    __slots__ = ("namespace", "template", "container", "start_timeout")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_FIELD_NUMBER: _ClassVar[int]
    START_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    template: _struct_pb2.Struct
    container: str
    start_timeout: str
    def __init__(self, namespace: _Optional[str] = ..., template: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., container: _Optional[str] = ..., start_timeout: _Optional[str] = ...) -> None: ...

class Failover(_message.Message):
    __slots__ = ("strategy", "max_reruns")
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    MAX_RERUNS_FIELD_NUMBER: _ClassVar[int]
    strategy: str
    max_reruns: int
    def __init__(self, strategy: _Optional[str] = ..., max_reruns: _Optional[int] = ...) -> None: ...

class Retry(_message.Message):
    __slots__ = ("max_attempts", "delay", "backoff", "max_delay")
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_FIELD_NUMBER: _ClassVar[int]
    MAX_DELAY_FIELD_NUMBER: _ClassVar[int]
    max_attempts: int
    delay: str
    backoff: str
    max_delay: str
    def __init__(self, max_attempts: _Optional[int] = ..., delay: _Optional[str] = ..., backoff: _Optional[str] = ..., max_delay: _Optional[str] = ...) -> None: ...

class Concurrency(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: str
    def __init__(self, policy: _Optional[str] = ...) -> None: ...

class Routing(_message.Message):
    __slots__ = ("strategy", "selector")
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    SELECTOR_FIELD_NUMBER: _ClassVar[int]
    strategy: str
    selector: str
    def __init__(self, strategy: _Optional[str] = ..., selector: _Optional[str] = ...) -> None: ...

class Retention(_message.Message):
    __slots__ = ("succeeded", "failed")
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    succeeded: str
    failed: str
    def __init__(self, succeeded: _Optional[str] = ..., failed: _Optional[str] = ...) -> None: ...

class JobStatus(_message.Message):
    __slots__ = ("uid", "revision", "created", "updated", "state", "next_fire", "triggers", "last_execution")
    UID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIRE_FIELD_NUMBER: _ClassVar[int]
    TRIGGERS_FIELD_NUMBER: _ClassVar[int]
    LAST_EXECUTION_FIELD_NUMBER: _ClassVar[int]
    uid: str
    revision: int
    created: _timestamp_pb2.Timestamp
    updated: _timestamp_pb2.Timestamp
    state: str
    next_fire: _timestamp_pb2.Timestamp
    triggers: _containers.RepeatedCompositeFieldContainer[TriggerStatus]
    last_execution: ExecutionRef
    def __init__(self, uid: _Optional[str] = ..., revision: _Optional[int] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., state: _Optional[str] = ..., next_fire: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., triggers: _Optional[_Iterable[_Union[TriggerStatus, _Mapping]]] = ..., last_execution: _Optional[_Union[ExecutionRef, _Mapping]] = ...) -> None: ...

class TriggerStatus(_message.Message):
    __slots__ = ("name", "uid", "next_fire", "previous_fire", "error", "fires")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UID_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIRE_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_FIRE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FIRES_FIELD_NUMBER: _ClassVar[int]
    name: str
    uid: str
    next_fire: _timestamp_pb2.Timestamp
    previous_fire: _timestamp_pb2.Timestamp
    error: str
    fires: int
    def __init__(self, name: _Optional[str] = ..., uid: _Optional[str] = ..., next_fire: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., previous_fire: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[str] = ..., fires: _Optional[int] = ...) -> None: ...

class ExecutionRef(_message.Message):
    __slots__ = ("id", "state", "scheduled_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: str
    scheduled_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., state: _Optional[str] = ..., scheduled_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
