from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ForwardAddress(_message.Message):
    __slots__ = ("host", "port", "path", "datagrams", "idle_ms")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DATAGRAMS_FIELD_NUMBER: _ClassVar[int]
    IDLE_MS_FIELD_NUMBER: _ClassVar[int]
    host: str
    port: int
    path: bytes
    datagrams: bool
    idle_ms: int
    def __init__(self, host: _Optional[str] = ..., port: _Optional[int] = ..., path: _Optional[bytes] = ..., datagrams: _Optional[bool] = ..., idle_ms: _Optional[int] = ...) -> None: ...

class ChannelOpen(_message.Message):
    __slots__ = ("address", "listener", "source")
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LISTENER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    address: ForwardAddress
    listener: int
    source: str
    def __init__(self, address: _Optional[_Union[ForwardAddress, _Mapping]] = ..., listener: _Optional[int] = ..., source: _Optional[str] = ...) -> None: ...

class ChannelOpened(_message.Message):
    __slots__ = ("host", "port")
    HOST_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    host: str
    port: int
    def __init__(self, host: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class ChannelRefused(_message.Message):
    __slots__ = ("reason", "text")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSET: _ClassVar[ChannelRefused.Reason]
        NOT_ALLOWED: _ClassVar[ChannelRefused.Reason]
        NO_HOST: _ClassVar[ChannelRefused.Reason]
        NOT_LISTENING: _ClassVar[ChannelRefused.Reason]
        UNREACHABLE: _ClassVar[ChannelRefused.Reason]
        TIMED_OUT: _ClassVar[ChannelRefused.Reason]
        IN_USE: _ClassVar[ChannelRefused.Reason]
        TOO_MANY: _ClassVar[ChannelRefused.Reason]
        FAILED: _ClassVar[ChannelRefused.Reason]
    UNSET: ChannelRefused.Reason
    NOT_ALLOWED: ChannelRefused.Reason
    NO_HOST: ChannelRefused.Reason
    NOT_LISTENING: ChannelRefused.Reason
    UNREACHABLE: ChannelRefused.Reason
    TIMED_OUT: ChannelRefused.Reason
    IN_USE: ChannelRefused.Reason
    TOO_MANY: ChannelRefused.Reason
    FAILED: ChannelRefused.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    reason: ChannelRefused.Reason
    text: str
    def __init__(self, reason: _Optional[_Union[ChannelRefused.Reason, str]] = ..., text: _Optional[str] = ...) -> None: ...

class ChannelFrame(_message.Message):
    __slots__ = ("id", "open", "listen", "opened", "refused", "data", "end", "reset", "limit", "datagram")
    ID_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    LISTEN_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    DATAGRAM_FIELD_NUMBER: _ClassVar[int]
    id: int
    open: ChannelOpen
    listen: ForwardAddress
    opened: ChannelOpened
    refused: ChannelRefused
    data: bytes
    end: bool
    reset: str
    limit: int
    datagram: bytes
    def __init__(self, id: _Optional[int] = ..., open: _Optional[_Union[ChannelOpen, _Mapping]] = ..., listen: _Optional[_Union[ForwardAddress, _Mapping]] = ..., opened: _Optional[_Union[ChannelOpened, _Mapping]] = ..., refused: _Optional[_Union[ChannelRefused, _Mapping]] = ..., data: _Optional[bytes] = ..., end: _Optional[bool] = ..., reset: _Optional[str] = ..., limit: _Optional[int] = ..., datagram: _Optional[bytes] = ...) -> None: ...

class Channels(_message.Message):
    __slots__ = ("frames",)
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    frames: _containers.RepeatedCompositeFieldContainer[ChannelFrame]
    def __init__(self, frames: _Optional[_Iterable[_Union[ChannelFrame, _Mapping]]] = ...) -> None: ...
