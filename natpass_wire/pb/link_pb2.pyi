from natpass_wire.pb import exec_pb2 as _exec_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConnectRequest(_message.Message):
    __slots__ = ("name", "kind", "caddr", "cshell", "cvnc", "cexec", "offer", "origin")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        tcp: _ClassVar[ConnectRequest.Kind]
        udp: _ClassVar[ConnectRequest.Kind]
        shell: _ClassVar[ConnectRequest.Kind]
        vnc: _ClassVar[ConnectRequest.Kind]
        bench: _ClassVar[ConnectRequest.Kind]
        code: _ClassVar[ConnectRequest.Kind]
        stream: _ClassVar[ConnectRequest.Kind]
        exec: _ClassVar[ConnectRequest.Kind]
        forward: _ClassVar[ConnectRequest.Kind]
    tcp: ConnectRequest.Kind
    udp: ConnectRequest.Kind
    shell: ConnectRequest.Kind
    vnc: ConnectRequest.Kind
    bench: ConnectRequest.Kind
    code: ConnectRequest.Kind
    stream: ConnectRequest.Kind
    exec: ConnectRequest.Kind
    forward: ConnectRequest.Kind
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CADDR_FIELD_NUMBER: _ClassVar[int]
    CSHELL_FIELD_NUMBER: _ClassVar[int]
    CVNC_FIELD_NUMBER: _ClassVar[int]
    CEXEC_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: ConnectRequest.Kind
    caddr: ConnectAddr
    cshell: ConnectShell
    cvnc: ConnectVnc
    cexec: _exec_pb2.ConnectExec
    offer: StreamOffer
    origin: bytes
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ConnectRequest.Kind, str]] = ..., caddr: _Optional[_Union[ConnectAddr, _Mapping]] = ..., cshell: _Optional[_Union[ConnectShell, _Mapping]] = ..., cvnc: _Optional[_Union[ConnectVnc, _Mapping]] = ..., cexec: _Optional[_Union[_exec_pb2.ConnectExec, _Mapping]] = ..., offer: _Optional[_Union[StreamOffer, _Mapping]] = ..., origin: _Optional[bytes] = ...) -> None: ...

class StreamOffer(_message.Message):
    __slots__ = ("version", "handshake", "window", "cookie")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HANDSHAKE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    COOKIE_FIELD_NUMBER: _ClassVar[int]
    version: int
    handshake: bytes
    window: int
    cookie: bytes
    def __init__(self, version: _Optional[int] = ..., handshake: _Optional[bytes] = ..., window: _Optional[int] = ..., cookie: _Optional[bytes] = ...) -> None: ...

class StreamAnswer(_message.Message):
    __slots__ = ("version", "handshake", "window")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HANDSHAKE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    version: int
    handshake: bytes
    window: int
    def __init__(self, version: _Optional[int] = ..., handshake: _Optional[bytes] = ..., window: _Optional[int] = ...) -> None: ...

class LinkHold(_message.Message):
    __slots__ = ("on",)
    ON_FIELD_NUMBER: _ClassVar[int]
    on: bool
    def __init__(self, on: _Optional[bool] = ...) -> None: ...

class ConnectAddr(_message.Message):
    __slots__ = ("addr", "port")
    ADDR_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    addr: str
    port: int
    def __init__(self, addr: _Optional[str] = ..., port: _Optional[int] = ...) -> None: ...

class ConnectShell(_message.Message):
    __slots__ = ("exec", "env", "rows", "cols", "argv", "cwd", "timeout_ms", "follows")
    EXEC_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLS_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    FOLLOWS_FIELD_NUMBER: _ClassVar[int]
    exec: str
    env: _containers.RepeatedScalarFieldContainer[str]
    rows: int
    cols: int
    argv: _containers.RepeatedScalarFieldContainer[bytes]
    cwd: bytes
    timeout_ms: int
    follows: int
    def __init__(self, exec: _Optional[str] = ..., env: _Optional[_Iterable[str]] = ..., rows: _Optional[int] = ..., cols: _Optional[int] = ..., argv: _Optional[_Iterable[bytes]] = ..., cwd: _Optional[bytes] = ..., timeout_ms: _Optional[int] = ..., follows: _Optional[int] = ...) -> None: ...

class ConnectVnc(_message.Message):
    __slots__ = ("fps", "quality", "cursor", "lease_ms")
    FPS_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    LEASE_MS_FIELD_NUMBER: _ClassVar[int]
    fps: int
    quality: int
    cursor: bool
    lease_ms: int
    def __init__(self, fps: _Optional[int] = ..., quality: _Optional[int] = ..., cursor: _Optional[bool] = ..., lease_ms: _Optional[int] = ...) -> None: ...

class ConnectResponse(_message.Message):
    __slots__ = ("ok", "msg", "reason", "answer", "cookie")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSET: _ClassVar[ConnectResponse.Reason]
        ABSENT: _ClassVar[ConnectResponse.Reason]
        IN_USE: _ClassVar[ConnectResponse.Reason]
        REFUSED: _ClassVar[ConnectResponse.Reason]
        FAILED: _ClassVar[ConnectResponse.Reason]
        GONE: _ClassVar[ConnectResponse.Reason]
        RETRY: _ClassVar[ConnectResponse.Reason]
    UNSET: ConnectResponse.Reason
    ABSENT: ConnectResponse.Reason
    IN_USE: ConnectResponse.Reason
    REFUSED: ConnectResponse.Reason
    FAILED: ConnectResponse.Reason
    GONE: ConnectResponse.Reason
    RETRY: ConnectResponse.Reason
    OK_FIELD_NUMBER: _ClassVar[int]
    MSG_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    COOKIE_FIELD_NUMBER: _ClassVar[int]
    ok: bool
    msg: str
    reason: ConnectResponse.Reason
    answer: StreamAnswer
    cookie: bytes
    def __init__(self, ok: _Optional[bool] = ..., msg: _Optional[str] = ..., reason: _Optional[_Union[ConnectResponse.Reason, str]] = ..., answer: _Optional[_Union[StreamAnswer, _Mapping]] = ..., cookie: _Optional[bytes] = ...) -> None: ...

class LinkEnd(_message.Message):
    __slots__ = ("cause", "text", "status")
    class Cause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSET: _ClassVar[LinkEnd.Cause]
        EXITED: _ClassVar[LinkEnd.Cause]
        CLOSED: _ClassVar[LinkEnd.Cause]
        PEER_GONE: _ClassVar[LinkEnd.Cause]
        FAILED: _ClassVar[LinkEnd.Cause]
        TIMED_OUT: _ClassVar[LinkEnd.Cause]
    UNSET: LinkEnd.Cause
    EXITED: LinkEnd.Cause
    CLOSED: LinkEnd.Cause
    PEER_GONE: LinkEnd.Cause
    FAILED: LinkEnd.Cause
    TIMED_OUT: LinkEnd.Cause
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    cause: LinkEnd.Cause
    text: str
    status: int
    def __init__(self, cause: _Optional[_Union[LinkEnd.Cause, str]] = ..., text: _Optional[str] = ..., status: _Optional[int] = ...) -> None: ...

class Data(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...
