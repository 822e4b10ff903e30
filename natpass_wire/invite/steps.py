"""What both sides of an invite say: building and reading steps, with their sizes."""

from google.protobuf.message import DecodeError

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite.pake import MESSAGE_BYTES, SEAL_BYTES, TAG_BYTES
from natpass_wire.pb.invite_pb2 import InviteStep

#: Of what a guest calls itself (who it is, and on which host), in UTF-8.
MOST_HOST_BYTES = 256
#: Of the secret: what a secret file holds at most.
MOST_SECRET_BYTES = 4096
#: Of a step: what relays and inviters take of guests, and guests of inviters.
MOST_GUEST_BYTES = 512
MOST_INVITER_BYTES = 5 * 1024


def read(data: bytes, most: int) -> InviteStep:
    """Return the step in `data`, whose fields have the sizes that they should have.

    Raises:
        RemoteProtocolError: it is none.
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
    """Return the host name that a guest sealed; print it only as `printable`."""
    return opened[:MOST_HOST_BYTES].decode(errors="replace")


def as_host(host: str) -> bytes:
    """Return the host name as a guest seals it, cut where it is too long."""
    return host.encode(errors="replace")[:MOST_HOST_BYTES]


assert MOST_HOST_BYTES + SEAL_BYTES + TAG_BYTES + 16 < MOST_GUEST_BYTES
assert MOST_SECRET_BYTES + SEAL_BYTES + TAG_BYTES + 16 < MOST_INVITER_BYTES
