"""The steps of both sides of an invite: building and reading them, with their sizes."""

from google.protobuf.message import DecodeError

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite.pake import MESSAGE_BYTES, SEAL_BYTES, TAG_BYTES
from natpass_wire.pb.invite_pb2 import InviteStep

#: The guest's name for itself (program and host), in UTF-8.
MOST_HOST_BYTES = 256
#: The secret: the most that a secret file holds.
MOST_SECRET_BYTES = 4096
#: A step: the most that relays and inviters accept from guests, and guests from inviters.
MOST_GUEST_BYTES = 512
MOST_INVITER_BYTES = 5 * 1024


def read(data: bytes, most: int) -> InviteStep:
    """Return the step in `data`, with the sizes of its fields checked.

    Raises:
        RemoteProtocolError: it is invalid.
    """
    if len(data) > most:
        raise RemoteProtocolError("a step of an invite is too long")
    try:
        step = InviteStep.FromString(data)
    except DecodeError as error:
        raise RemoteProtocolError("a step of an invite does not parse") from error
    sizes = ((step.spake2, MESSAGE_BYTES), (step.confirmation, TAG_BYTES), (step.kept, TAG_BYTES))
    if any(field and len(field) != size for field, size in sizes) or (step.confirmation and not step.sealed):
        raise RemoteProtocolError("a step of an invite is malformed")
    return step


def host_from(opened: bytes) -> str:
    """Return the host name that a guest sealed; use `printable` before showing it."""
    return opened[:MOST_HOST_BYTES].decode(errors="replace")


def as_host(host: str) -> bytes:
    """Return the host name as a guest seals it, truncated to the limit."""
    return host.encode(errors="replace")[:MOST_HOST_BYTES]


assert MOST_HOST_BYTES + SEAL_BYTES + TAG_BYTES + 16 < MOST_GUEST_BYTES
assert MOST_SECRET_BYTES + SEAL_BYTES + TAG_BYTES + 16 < MOST_INVITER_BYTES
