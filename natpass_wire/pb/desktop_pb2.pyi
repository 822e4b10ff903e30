from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class VncStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    vnc_status_unset: _ClassVar[VncStatus]
    vnc_down: _ClassVar[VncStatus]
    vnc_up: _ClassVar[VncStatus]
vnc_status_unset: VncStatus
vnc_down: VncStatus
vnc_up: VncStatus

class VncControl(_message.Message):
    __slots__ = ("quality", "cursor", "fps")
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    quality: int
    cursor: bool
    fps: int
    def __init__(self, quality: _Optional[int] = ..., cursor: _Optional[bool] = ..., fps: _Optional[int] = ...) -> None: ...

class VncImage(_message.Message):
    __slots__ = ("info", "encode", "data")
    class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        raw: _ClassVar[VncImage.Encoding]
        jpeg: _ClassVar[VncImage.Encoding]
        png: _ClassVar[VncImage.Encoding]
    raw: VncImage.Encoding
    jpeg: VncImage.Encoding
    png: VncImage.Encoding
    class Info(_message.Message):
        __slots__ = ("screen_width", "screen_height", "rect_x", "rect_y", "rect_width", "rect_height")
        SCREEN_WIDTH_FIELD_NUMBER: _ClassVar[int]
        SCREEN_HEIGHT_FIELD_NUMBER: _ClassVar[int]
        RECT_X_FIELD_NUMBER: _ClassVar[int]
        RECT_Y_FIELD_NUMBER: _ClassVar[int]
        RECT_WIDTH_FIELD_NUMBER: _ClassVar[int]
        RECT_HEIGHT_FIELD_NUMBER: _ClassVar[int]
        screen_width: int
        screen_height: int
        rect_x: int
        rect_y: int
        rect_width: int
        rect_height: int
        def __init__(self, screen_width: _Optional[int] = ..., screen_height: _Optional[int] = ..., rect_x: _Optional[int] = ..., rect_y: _Optional[int] = ..., rect_width: _Optional[int] = ..., rect_height: _Optional[int] = ...) -> None: ...
    INFO_FIELD_NUMBER: _ClassVar[int]
    ENCODE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    info: VncImage.Info
    encode: VncImage.Encoding
    data: bytes
    def __init__(self, info: _Optional[_Union[VncImage.Info, _Mapping]] = ..., encode: _Optional[_Union[VncImage.Encoding, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class VncMouse(_message.Message):
    __slots__ = ("type", "btn", "x", "y", "mark")
    class Button(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        unset: _ClassVar[VncMouse.Button]
        left: _ClassVar[VncMouse.Button]
        middle: _ClassVar[VncMouse.Button]
        right: _ClassVar[VncMouse.Button]
    unset: VncMouse.Button
    left: VncMouse.Button
    middle: VncMouse.Button
    right: VncMouse.Button
    TYPE_FIELD_NUMBER: _ClassVar[int]
    BTN_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    type: VncStatus
    btn: VncMouse.Button
    x: int
    y: int
    mark: int
    def __init__(self, type: _Optional[_Union[VncStatus, str]] = ..., btn: _Optional[_Union[VncMouse.Button, str]] = ..., x: _Optional[int] = ..., y: _Optional[int] = ..., mark: _Optional[int] = ...) -> None: ...

class VncKeyboard(_message.Message):
    __slots__ = ("type", "key", "mark")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    type: VncStatus
    key: str
    mark: int
    def __init__(self, type: _Optional[_Union[VncStatus, str]] = ..., key: _Optional[str] = ..., mark: _Optional[int] = ...) -> None: ...

class VncScroll(_message.Message):
    __slots__ = ("x", "y", "mark")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    x: int
    y: int
    mark: int
    def __init__(self, x: _Optional[int] = ..., y: _Optional[int] = ..., mark: _Optional[int] = ...) -> None: ...

class VncHold(_message.Message):
    __slots__ = ("released",)
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: int
    def __init__(self, released: _Optional[int] = ...) -> None: ...

class VncFrame(_message.Message):
    __slots__ = ("mark", "rects")
    MARK_FIELD_NUMBER: _ClassVar[int]
    RECTS_FIELD_NUMBER: _ClassVar[int]
    mark: int
    rects: int
    def __init__(self, mark: _Optional[int] = ..., rects: _Optional[int] = ...) -> None: ...

class VncClipboard(_message.Message):
    __slots__ = ("set", "type", "data", "notice")
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        unset: _ClassVar[VncClipboard.Type]
        text: _ClassVar[VncClipboard.Type]
        image: _ClassVar[VncClipboard.Type]
        file: _ClassVar[VncClipboard.Type]
    unset: VncClipboard.Type
    text: VncClipboard.Type
    image: VncClipboard.Type
    file: VncClipboard.Type
    SET_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    set: bool
    type: VncClipboard.Type
    data: str
    notice: str
    def __init__(self, set: _Optional[bool] = ..., type: _Optional[_Union[VncClipboard.Type, str]] = ..., data: _Optional[str] = ..., notice: _Optional[str] = ...) -> None: ...
