from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class CodeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CodeResponseHdr(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CodeResponseBody(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CodeConnect(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CodeConnectResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CodeData(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
