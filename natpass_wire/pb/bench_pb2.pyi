from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class BenchMessage(_message.Message):
    __slots__ = ("echo", "take", "give", "taken", "ask")
    ECHO_FIELD_NUMBER: _ClassVar[int]
    TAKE_FIELD_NUMBER: _ClassVar[int]
    GIVE_FIELD_NUMBER: _ClassVar[int]
    TAKEN_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    echo: bytes
    take: bytes
    give: int
    taken: int
    ask: bool
    def __init__(self, echo: _Optional[bytes] = ..., take: _Optional[bytes] = ..., give: _Optional[int] = ..., taken: _Optional[int] = ..., ask: _Optional[bool] = ...) -> None: ...
