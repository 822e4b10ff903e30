from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ShellResize(_message.Message):
    __slots__ = ("rows", "cols")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    cols: int
    def __init__(self, rows: _Optional[int] = ..., cols: _Optional[int] = ...) -> None: ...

class ShellData(_message.Message):
    __slots__ = ("data", "source", "seen")
    class Source(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        TYPED: _ClassVar[ShellData.Source]
        ANSWER: _ClassVar[ShellData.Source]
        SCREEN: _ClassVar[ShellData.Source]
        PRESS: _ClassVar[ShellData.Source]
        RELEASE: _ClassVar[ShellData.Source]
    TYPED: ShellData.Source
    ANSWER: ShellData.Source
    SCREEN: ShellData.Source
    PRESS: ShellData.Source
    RELEASE: ShellData.Source
    DATA_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    source: ShellData.Source
    seen: int
    def __init__(self, data: _Optional[bytes] = ..., source: _Optional[_Union[ShellData.Source, str]] = ..., seen: _Optional[int] = ...) -> None: ...
