from natpass_wire.pb import invite_pb2 as _invite_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSET: _ClassVar[Role]
    ROLE_AGENT: _ClassVar[Role]
    ROLE_CONSOLE: _ClassVar[Role]

class Transport(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRANSPORT_UNSET: _ClassVar[Transport]
    TRANSPORT_NONE: _ClassVar[Transport]
    TRANSPORT_TLS: _ClassVar[Transport]
ROLE_UNSET: Role
ROLE_AGENT: Role
ROLE_CONSOLE: Role
TRANSPORT_UNSET: Transport
TRANSPORT_NONE: Transport
TRANSPORT_TLS: Transport

class HandshakePayload(_message.Message):
    __slots__ = ("enc", "hello", "challenge", "proof", "accept", "refusal", "guest")
    ENC_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    CHALLENGE_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    GUEST_FIELD_NUMBER: _ClassVar[int]
    enc: bytes
    hello: Hello
    challenge: Challenge
    proof: Proof
    accept: Accept
    refusal: Refusal
    guest: _invite_pb2.Guest
    def __init__(self, enc: _Optional[bytes] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., challenge: _Optional[_Union[Challenge, _Mapping]] = ..., proof: _Optional[_Union[Proof, _Mapping]] = ..., accept: _Optional[_Union[Accept, _Mapping]] = ..., refusal: _Optional[_Union[Refusal, _Mapping]] = ..., guest: _Optional[_Union[_invite_pb2.Guest, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "nonce", "role", "capabilities", "program")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    version: int
    nonce: bytes
    role: Role
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    program: str
    def __init__(self, version: _Optional[int] = ..., nonce: _Optional[bytes] = ..., role: _Optional[_Union[Role, str]] = ..., capabilities: _Optional[_Iterable[str]] = ..., program: _Optional[str] = ...) -> None: ...

class Challenge(_message.Message):
    __slots__ = ("version", "nonce", "capabilities", "program")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    PROGRAM_FIELD_NUMBER: _ClassVar[int]
    version: int
    nonce: bytes
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    program: str
    def __init__(self, version: _Optional[int] = ..., nonce: _Optional[bytes] = ..., capabilities: _Optional[_Iterable[str]] = ..., program: _Optional[str] = ...) -> None: ...

class Proof(_message.Message):
    __slots__ = ("transport", "certificate_sha256", "instance", "mac")
    TRANSPORT_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    MAC_FIELD_NUMBER: _ClassVar[int]
    transport: Transport
    certificate_sha256: bytes
    instance: bytes
    mac: bytes
    def __init__(self, transport: _Optional[_Union[Transport, str]] = ..., certificate_sha256: _Optional[bytes] = ..., instance: _Optional[bytes] = ..., mac: _Optional[bytes] = ...) -> None: ...

class Accept(_message.Message):
    __slots__ = ("mac", "keepalive_ms")
    MAC_FIELD_NUMBER: _ClassVar[int]
    KEEPALIVE_MS_FIELD_NUMBER: _ClassVar[int]
    mac: bytes
    keepalive_ms: int
    def __init__(self, mac: _Optional[bytes] = ..., keepalive_ms: _Optional[int] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("code", "text")
    class Code(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSET: _ClassVar[Refusal.Code]
        WRONG_SECRET: _ClassVar[Refusal.Code]
        CERTIFICATE_MISMATCH: _ClassVar[Refusal.Code]
        ID_TAKEN: _ClassVar[Refusal.Code]
        BAD_ID: _ClassVar[Refusal.Code]
        VERSION: _ClassVar[Refusal.Code]
        LEGACY: _ClassVar[Refusal.Code]
        OVERLOADED: _ClassVar[Refusal.Code]
        MALFORMED: _ClassVar[Refusal.Code]
        NO_INVITE: _ClassVar[Refusal.Code]
    UNSET: Refusal.Code
    WRONG_SECRET: Refusal.Code
    CERTIFICATE_MISMATCH: Refusal.Code
    ID_TAKEN: Refusal.Code
    BAD_ID: Refusal.Code
    VERSION: Refusal.Code
    LEGACY: Refusal.Code
    OVERLOADED: Refusal.Code
    MALFORMED: Refusal.Code
    NO_INVITE: Refusal.Code
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    code: Refusal.Code
    text: str
    def __init__(self, code: _Optional[_Union[Refusal.Code, str]] = ..., text: _Optional[str] = ...) -> None: ...
