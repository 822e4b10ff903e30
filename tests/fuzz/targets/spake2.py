"""The exchange of an invite: any message gives a refusal, or a key that a stranger's confirmation does not fit."""

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite.code import Code
from natpass_wire.invite.pake import GUEST_CONFIRMS, MESSAGE_BYTES, TAG_BYTES, Exchange

_CODE = Code(7, "academy-acid-acorn")
_GOOD = Exchange(_CODE, is_guest=True, entropy=lambda size: b"\5" * size)
SEEDS = (_GOOD.message + bytes(TAG_BYTES), b"A" + bytes(32) + bytes(TAG_BYTES), b"")


def target(data: bytes) -> None:
    """The message, and a confirmation."""
    exchange = Exchange(_CODE, is_guest=False, entropy=lambda size: b"\6" * size)
    try:
        exchange.finish(data[:MESSAGE_BYTES])
    except RemoteProtocolError:
        return
    assert not exchange.confirms(GUEST_CONFIRMS, data[MESSAGE_BYTES:])
