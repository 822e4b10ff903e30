from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class About(_message.Message):
    __slots__ = ("host", "os", "user", "version", "serves", "streams")
    HOST_FIELD_NUMBER: _ClassVar[int]
    OS_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVES_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    host: str
    os: str
    user: str
    version: str
    serves: _containers.RepeatedScalarFieldContainer[str]
    streams: int
    def __init__(self, host: _Optional[str] = ..., os: _Optional[str] = ..., user: _Optional[str] = ..., version: _Optional[str] = ..., serves: _Optional[_Iterable[str]] = ..., streams: _Optional[int] = ...) -> None: ...

class RosterEntry(_message.Message):
    __slots__ = ("id", "about", "connected_unix_ms", "away_since_unix_ms", "console")
    ID_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    AWAY_SINCE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CONSOLE_FIELD_NUMBER: _ClassVar[int]
    id: str
    about: About
    connected_unix_ms: int
    away_since_unix_ms: int
    console: bool
    def __init__(self, id: _Optional[str] = ..., about: _Optional[_Union[About, _Mapping]] = ..., connected_unix_ms: _Optional[int] = ..., away_since_unix_ms: _Optional[int] = ..., console: _Optional[bool] = ...) -> None: ...

class RosterWatch(_message.Message):
    __slots__ = ("on",)
    ON_FIELD_NUMBER: _ClassVar[int]
    on: bool
    def __init__(self, on: _Optional[bool] = ...) -> None: ...

class Roster(_message.Message):
    __slots__ = ("revision", "snapshot_begin", "snapshot_end", "present", "left", "now_unix_ms", "away")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_BEGIN_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_END_FIELD_NUMBER: _ClassVar[int]
    PRESENT_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    NOW_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    AWAY_FIELD_NUMBER: _ClassVar[int]
    revision: int
    snapshot_begin: bool
    snapshot_end: bool
    present: _containers.RepeatedCompositeFieldContainer[RosterEntry]
    left: _containers.RepeatedScalarFieldContainer[str]
    now_unix_ms: int
    away: _containers.RepeatedCompositeFieldContainer[RosterEntry]
    def __init__(self, revision: _Optional[int] = ..., snapshot_begin: _Optional[bool] = ..., snapshot_end: _Optional[bool] = ..., present: _Optional[_Iterable[_Union[RosterEntry, _Mapping]]] = ..., left: _Optional[_Iterable[str]] = ..., now_unix_ms: _Optional[int] = ..., away: _Optional[_Iterable[_Union[RosterEntry, _Mapping]]] = ...) -> None: ...

class RttRequest(_message.Message):
    __slots__ = ("ids",)
    IDS_FIELD_NUMBER: _ClassVar[int]
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RttReport(_message.Message):
    __slots__ = ("rtts",)
    class Rtt(_message.Message):
        __slots__ = ("id", "micros")
        ID_FIELD_NUMBER: _ClassVar[int]
        MICROS_FIELD_NUMBER: _ClassVar[int]
        id: str
        micros: int
        def __init__(self, id: _Optional[str] = ..., micros: _Optional[int] = ...) -> None: ...
    RTTS_FIELD_NUMBER: _ClassVar[int]
    rtts: _containers.RepeatedCompositeFieldContainer[RttReport.Rtt]
    def __init__(self, rtts: _Optional[_Iterable[_Union[RttReport.Rtt, _Mapping]]] = ...) -> None: ...
