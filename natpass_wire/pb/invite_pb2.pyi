from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Invite(_message.Message):
    __slots__ = ("step", "nameplate", "guest", "data")
    class Step(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSET: _ClassVar[Invite.Step]
        OPEN: _ClassVar[Invite.Step]
        OPENED: _ClassVar[Invite.Step]
        TAKEN: _ClassVar[Invite.Step]
        FULL: _ClassVar[Invite.Step]
        SAID: _ClassVar[Invite.Step]
        GONE: _ClassVar[Invite.Step]
    UNSET: Invite.Step
    OPEN: Invite.Step
    OPENED: Invite.Step
    TAKEN: Invite.Step
    FULL: Invite.Step
    SAID: Invite.Step
    GONE: Invite.Step
    STEP_FIELD_NUMBER: _ClassVar[int]
    NAMEPLATE_FIELD_NUMBER: _ClassVar[int]
    GUEST_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    step: Invite.Step
    nameplate: int
    guest: int
    data: bytes
    def __init__(self, step: _Optional[_Union[Invite.Step, str]] = ..., nameplate: _Optional[int] = ..., guest: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class Guest(_message.Message):
    __slots__ = ("nameplate", "data")
    NAMEPLATE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    nameplate: int
    data: bytes
    def __init__(self, nameplate: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class InviteStep(_message.Message):
    __slots__ = ("spake2", "confirmation", "sealed", "kept", "failure", "tries_left")
    class Failure(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        NONE: _ClassVar[InviteStep.Failure]
        WRONG_CODE: _ClassVar[InviteStep.Failure]
        USED: _ClassVar[InviteStep.Failure]
        EXPIRED: _ClassVar[InviteStep.Failure]
        WITHDRAWN: _ClassVar[InviteStep.Failure]
        MALFORMED: _ClassVar[InviteStep.Failure]
    NONE: InviteStep.Failure
    WRONG_CODE: InviteStep.Failure
    USED: InviteStep.Failure
    EXPIRED: InviteStep.Failure
    WITHDRAWN: InviteStep.Failure
    MALFORMED: InviteStep.Failure
    SPAKE2_FIELD_NUMBER: _ClassVar[int]
    CONFIRMATION_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    KEPT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    TRIES_LEFT_FIELD_NUMBER: _ClassVar[int]
    spake2: bytes
    confirmation: bytes
    sealed: bytes
    kept: bytes
    failure: InviteStep.Failure
    tries_left: int
    def __init__(self, spake2: _Optional[bytes] = ..., confirmation: _Optional[bytes] = ..., sealed: _Optional[bytes] = ..., kept: _Optional[bytes] = ..., failure: _Optional[_Union[InviteStep.Failure, str]] = ..., tries_left: _Optional[int] = ...) -> None: ...
