from natpass_wire.pb import link_pb2 as _link_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Record(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class StreamRecord(_message.Message):
    __slots__ = ("hello", "reply", "message", "skip", "end", "position", "ack", "want", "urgent")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REPLY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SKIP_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    WANT_FIELD_NUMBER: _ClassVar[int]
    URGENT_FIELD_NUMBER: _ClassVar[int]
    hello: StreamHello
    reply: StreamReply
    message: bytes
    skip: int
    end: _link_pb2.LinkEnd
    position: int
    ack: StreamAck
    want: int
    urgent: StreamUrgent
    def __init__(self, hello: _Optional[_Union[StreamHello, _Mapping]] = ..., reply: _Optional[_Union[StreamReply, _Mapping]] = ..., message: _Optional[bytes] = ..., skip: _Optional[int] = ..., end: _Optional[_Union[_link_pb2.LinkEnd, _Mapping]] = ..., position: _Optional[int] = ..., ack: _Optional[_Union[StreamAck, _Mapping]] = ..., want: _Optional[int] = ..., urgent: _Optional[_Union[StreamUrgent, _Mapping]] = ...) -> None: ...

class StreamUrgent(_message.Message):
    __slots__ = ("number", "message")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    number: int
    message: bytes
    def __init__(self, number: _Optional[int] = ..., message: _Optional[bytes] = ...) -> None: ...

class StreamAck(_message.Message):
    __slots__ = ("consumed", "window", "urgent")
    CONSUMED_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    URGENT_FIELD_NUMBER: _ClassVar[int]
    consumed: int
    window: int
    urgent: int
    def __init__(self, consumed: _Optional[int] = ..., window: _Optional[int] = ..., urgent: _Optional[int] = ...) -> None: ...

class StreamHello(_message.Message):
    __slots__ = ("stream_id", "request", "received", "ack")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    stream_id: bytes
    request: _link_pb2.ConnectRequest
    received: int
    ack: StreamAck
    def __init__(self, stream_id: _Optional[bytes] = ..., request: _Optional[_Union[_link_pb2.ConnectRequest, _Mapping]] = ..., received: _Optional[int] = ..., ack: _Optional[_Union[StreamAck, _Mapping]] = ...) -> None: ...

class StreamReply(_message.Message):
    __slots__ = ("ok", "text", "reason", "received", "ack", "keep_seconds")
    OK_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    KEEP_SECONDS_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    text: str
    reason: _link_pb2.ConnectResponse.Reason
    received: int
    ack: StreamAck
    keep_seconds: int
    def __init__(self, ok: _Optional[bool] = ..., text: _Optional[str] = ..., reason: _Optional[_Union[_link_pb2.ConnectResponse.Reason, str]] = ..., received: _Optional[int] = ..., ack: _Optional[_Union[StreamAck, _Mapping]] = ..., keep_seconds: _Optional[int] = ...) -> None: ...
