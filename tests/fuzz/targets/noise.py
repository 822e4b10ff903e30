"""The handshake of sealed links, and records: nothing opens that the other end did not seal."""

from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.sealed.handshake import LinkContext, OpenerHandshake, TargetHandshake
from natpass_wire.sealed.noise import NoiseError
from tests.fuzz.targets.pieces import joined, pieces

_OURS, _THEIRS, _EPHEMERAL, _OTHER = (X25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2, 3, 4))
_CONTEXT = LinkContext("opener", "target", "0" * 16)
_PSK = bytes(32)


def _opener() -> OpenerHandshake:
    return OpenerHandshake(_OURS, _PSK, _CONTEXT, _EPHEMERAL, lambda: 0.0)


def _target() -> TargetHandshake:
    return TargetHandshake(_THEIRS, _PSK, _CONTEXT, _OTHER, lambda: 0.0)


def _good() -> tuple[bytes, bytes, bytes, bytes]:
    opener, target_ = _opener(), _target()
    first = opener.first()
    second = target_.second(first)
    opener.second(second)
    third, sealing = opener.third()
    return first, second, third, sealing.seal(b"hello")


_GOOD = _good()
SEEDS = (joined(*_GOOD), joined(_GOOD[0], _GOOD[1], bytes(len(_GOOD[2])), b""), joined(bytes(len(_GOOD[0])), b""))


def target(data: bytes) -> None:
    """The pieces are messages 1, 2, 3 and records."""
    first, second, third, *sealed = [*pieces(data), b"", b"", b""][: max(3, len(data))]
    opener, target_ = _opener(), _target()
    opener.first()
    try:
        opener.second(second)
        assert second == _GOOD[1]
    except NoiseError:
        pass
    try:
        target_.second(first)
        key, opening = target_.third(third)
    except NoiseError:
        return
    assert (first, third) == (_GOOD[0], _GOOD[2]), "a handshake that the opener did not make"
    assert key == _OURS.public_key().public_bytes_raw()
    with suppress(NoiseError):
        assert [opening.open(each) for each in sealed if each][:1] in ([], [b"hello"])
