"""The handshake of a sealed link: `Noise_XXpsk3_25519_ChaChaPoly_SHA256`, one class for each end.

    opener                                       target
    first() ── e ─────────────────────────────>  second(message)
    second(message)  <───────── e, ee, s, es ──
    third() ── s, se, psk ────────────────────>  third(message)

The opener learns who the target is before it reveals itself: the caller checks the key between `second` and `third`.
Message 3 proves to the target that the opener has the secret; the target's first sealed record proves it to the opener.
"""

# Why: docs/decisions/027-pin-when-the-first-record-opens.md

from collections.abc import Callable
from dataclasses import dataclass
from struct import pack

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.errors import LocalProtocolError
from natpass_wire.sealed.noise import KEY_BYTES, TAG_BYTES, XX_PSK3, HandshakeState, NoiseError
from natpass_wire.sealed.transport import SealedTransport

#: The version of handshake and records; part of the prologue.
VERSION = 1
#: The messages have no payload, so each has one size: keys (encrypted from the first static one on), and the tag of the
#: empty payload.
FIRST_BYTES = KEY_BYTES + TAG_BYTES
SECOND_BYTES = KEY_BYTES + KEY_BYTES + TAG_BYTES + TAG_BYTES
THIRD_BYTES = KEY_BYTES + TAG_BYTES + TAG_BYTES

_LABEL = b"natpass sealed link\0"
_FAILED = "the handshake of a sealed link failed: the two ends have different secrets, or there is a man in the middle"


@dataclass(frozen=True, slots=True)
class LinkContext:
    """The identity of a sealed link. The handshake fails if the two ends do not agree on it.

    Attributes:
        opener, target: client ids.
        link_id: the id under which the relay forwards the link.
    """

    opener: str
    target: str
    link_id: str

    def prologue(self) -> bytes:
        """Return the prologue: a label, the version, and each field after its length (16 bits).

        Raises:
            LocalProtocolError: a field is too long.
        """
        fields = [field.encode() for field in (self.opener, self.target, self.link_id)]
        if any(len(field) > 0xFFFF for field in fields):
            raise LocalProtocolError("an id is too long")
        return b"".join([_LABEL, bytes([VERSION]), *(pack(">H", len(field)) + field for field in fields)])


class _Handshake:
    """What both ends have in common: each step is taken once, in order."""

    _initiator: bool

    def __init__(
        self,
        identity: X25519PrivateKey,
        psk: bytes,
        context: LinkContext,
        ephemeral: X25519PrivateKey,
        clock: Callable[[], float],
    ) -> None:
        self._noise = HandshakeState(
            XX_PSK3,
            initiator=self._initiator,
            prologue=context.prologue(),
            static=identity,
            ephemeral=ephemeral,
            psk=psk,
        )
        self._clock = clock
        self._step = 1

    def _take(self, step: int) -> None:
        if step != self._step:
            raise LocalProtocolError(f"step {step} of a handshake where step {self._step} is due, or after an error")
        self._step = 0  # until this one is done

    def _read(self, message: bytes, size: int) -> None:
        """Read a message without payload. A wrong size is refused before anything is computed."""
        if len(message) != size:
            raise NoiseError(_FAILED)
        try:
            self._noise.read_message(message)
        except NoiseError:
            raise NoiseError(_FAILED) from None

    def _write(self) -> bytes:
        try:
            return self._noise.write_message()
        except NoiseError:
            raise NoiseError(_FAILED) from None

    def _transport(self) -> SealedTransport:
        opener, target = self._noise.split()
        sending, receiving = (opener, target) if self._initiator else (target, opener)
        return SealedTransport(sending, receiving, self._clock)


class OpenerHandshake(_Handshake):
    """The opener's end. Every step raises LocalProtocolError if it is out of order or after an error.

    Args:
        identity: our static key.
        psk: 32 bytes, shared by all who know the secret.
        context: the link.
        ephemeral: a new key, for this handshake only.
        clock: returns monotonic seconds; for the transport.
    """

    _initiator = True

    def first(self) -> bytes:
        """Return message 1, for the offer."""
        self._take(1)
        message = self._write()
        self._step = 2
        return message

    def second(self, message: bytes) -> bytes:
        """Take message 2, from the answer; return the target's static public key, 32 bytes; it has proved to have it.

        Raises:
            NoiseError: it is not a valid message 2 for this link.
        """
        self._take(2)
        self._read(message, SECOND_BYTES)
        self._step = 3
        return self._noise.remote_static

    def third(self) -> tuple[bytes, SealedTransport]:
        """Return message 3, the link's first record, and the transport for later records.

        The target has not proved yet that it knows the secret: its first sealed record does.
        """
        self._take(3)
        return self._write(), self._transport()


class TargetHandshake(_Handshake):
    """The target's end, see `OpenerHandshake`."""

    _initiator = False

    def second(self, message: bytes) -> bytes:
        """Take message 1, from the offer; return message 2, for the answer.

        Raises:
            NoiseError: it is not a valid message 1 for this link.
        """
        self._take(1)
        self._read(message, FIRST_BYTES)
        answer = self._write()
        self._step = 3
        return answer

    def third(self, message: bytes) -> tuple[bytes, SealedTransport]:
        """Take message 3; return the opener's static public key, 32 bytes, and the transport for later records.

        The opener has proved that it has this key, and knows the secret.

        Raises:
            NoiseError: it is not a valid message 3 for this link, or the opener does not know the secret.
        """
        self._take(3)
        self._read(message, THIRD_BYTES)
        return self._noise.remote_static, self._transport()
