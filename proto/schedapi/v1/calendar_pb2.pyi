import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from schedapi.v1 import job_pb2 as _job_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Calendar(_message.Message):
    __slots__ = ("api_version", "kind", "metadata", "spec", "status")
    API_VERSION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    api_version: str
    kind: str
    metadata: _job_pb2.Metadata
    spec: CalendarSpec
    status: CalendarStatus
    def __init__(self, api_version: _Optional[str] = ..., kind: _Optional[str] = ..., metadata: _Optional[_Union[_job_pb2.Metadata, _Mapping]] = ..., spec: _Optional[_Union[CalendarSpec, _Mapping]] = ..., status: _Optional[_Union[CalendarStatus, _Mapping]] = ...) -> None: ...

class CalendarSpec(_message.Message):
    __slots__ = ("description", "time_zone", "base", "exclude", "include")
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    EXCLUDE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_FIELD_NUMBER: _ClassVar[int]
    description: str
    time_zone: str
    base: _containers.RepeatedScalarFieldContainer[str]
    exclude: _containers.RepeatedCompositeFieldContainer[CalendarRule]
    include: _containers.RepeatedCompositeFieldContainer[CalendarRule]
    def __init__(self, description: _Optional[str] = ..., time_zone: _Optional[str] = ..., base: _Optional[_Iterable[str]] = ..., exclude: _Optional[_Iterable[_Union[CalendarRule, _Mapping]]] = ..., include: _Optional[_Iterable[_Union[CalendarRule, _Mapping]]] = ...) -> None: ...

class CalendarRule(_message.Message):
    __slots__ = ("dates", "annual", "weekly", "daily", "cron", "holidays", "ics")
    DATES_FIELD_NUMBER: _ClassVar[int]
    ANNUAL_FIELD_NUMBER: _ClassVar[int]
    WEEKLY_FIELD_NUMBER: _ClassVar[int]
    DAILY_FIELD_NUMBER: _ClassVar[int]
    CRON_FIELD_NUMBER: _ClassVar[int]
    HOLIDAYS_FIELD_NUMBER: _ClassVar[int]
    ICS_FIELD_NUMBER: _ClassVar[int]
    dates: _containers.RepeatedScalarFieldContainer[str]
    annual: _containers.RepeatedScalarFieldContainer[str]
    weekly: _containers.RepeatedScalarFieldContainer[str]
    daily: DailyWindow
    cron: str
    holidays: Holidays
    ics: Ics
    def __init__(self, dates: _Optional[_Iterable[str]] = ..., annual: _Optional[_Iterable[str]] = ..., weekly: _Optional[_Iterable[str]] = ..., daily: _Optional[_Union[DailyWindow, _Mapping]] = ..., cron: _Optional[str] = ..., holidays: _Optional[_Union[Holidays, _Mapping]] = ..., ics: _Optional[_Union[Ics, _Mapping]] = ...) -> None: ...

class DailyWindow(_message.Message):
    __slots__ = ("to",)
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    to: str
    def __init__(self, to: _Optional[str] = ..., **kwargs) -> None: ...

class Holidays(_message.Message):
    __slots__ = ("country", "subdivision", "categories")
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    SUBDIVISION_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    country: str
    subdivision: str
    categories: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, country: _Optional[str] = ..., subdivision: _Optional[str] = ..., categories: _Optional[_Iterable[str]] = ...) -> None: ...

class Ics(_message.Message):
    __slots__ = ("text", "file")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    text: str
    file: str
    def __init__(self, text: _Optional[str] = ..., file: _Optional[str] = ...) -> None: ...

class CalendarStatus(_message.Message):
    __slots__ = ("uid", "revision", "created", "updated")
    UID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    uid: str
    revision: int
    created: _timestamp_pb2.Timestamp
    updated: _timestamp_pb2.Timestamp
    def __init__(self, uid: _Optional[str] = ..., revision: _Optional[int] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., updated: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
