"""The handshake of a sealed link: `Noise_XXpsk3_25519_ChaChaPoly_SHA256`, one class for each end.

    opener                                       target
    first() ── e ─────────────────────────────>  second(message)
    second(message)  <───────── e, ee, s, es ──
    third() ── s, se, psk ────────────────────>  third(message)

The opener knows who the target is before it says who it is itself: the caller checks the key between `second` and
`third`. Who has the secret shows in 3 to the target, and in the target's first sealed record to the opener.
"""

# Why: docs/decisions/027-pin-when-the-first-record-opens.md

from collections.abc import Callable
from dataclasses import dataclass
from struct import pack

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.errors import LocalProtocolError
from natpass_wire.sealed.noise import KEY_BYTES, TAG_BYTES, XX_PSK3, HandshakeState, NoiseError
from natpass_wire.sealed.transport import SealedTransport

#: Of handshake and records as they are described here; part of the prologue.
VERSION = 1
#: The messages have no payload, which leaves each but one size: keys (encrypted from the first static one on), and the
#: tag of the empty payload.
FIRST_BYTES = KEY_BYTES + TAG_BYTES
SECOND_BYTES = KEY_BYTES + KEY_BYTES + TAG_BYTES + TAG_BYTES
THIRD_BYTES = KEY_BYTES + TAG_BYTES + TAG_BYTES

_LABEL = b"natpass sealed link\0"
_FAILED = "the handshake of a sealed link failed: the two ends have different secrets, or somebody interferes"


@dataclass(frozen=True, slots=True)
class LinkContext:
    """Which link is sealed. A handshake between ends that do not agree on this fails.

    Attributes:
        opener, target: client ids.
        link_id: the link's, under which the relay forwards.
    """

    opener: str
    target: str
    link_id: str

    def prologue(self) -> bytes:
        """Return it as both ends write it: a label, the version, and each field behind its length (16 bits).

        Raises:
            LocalProtocolError: a field is longer than any id.
        """
        fields = [field.encode() for field in (self.opener, self.target, self.link_id)]
        if any(len(field) > 0xFFFF for field in fields):
            raise LocalProtocolError("an id that is none")
        return b"".join([_LABEL, bytes([VERSION]), *(pack(">H", len(field)) + field for field in fields)])


class _Handshake:
    """What both ends have in common: steps that are taken once each, in order."""

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
        """Read a message without payload. A size that no such message has is refused before anything is computed."""
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
    """The opener's end. Every step raises LocalProtocolError out of its order or after an error.

    Args:
        identity: our static key.
        psk: 32 bytes, shared by all who know the secret.
        context: which link this is.
        ephemeral: a new key, for this handshake only.
        clock: gives seconds that never go back; for the transport.
    """

    _initiator = True

    def first(self) -> bytes:
        """Return message 1, for the offer."""
        self._take(1)
        message = self._write()
        self._step = 2
        return message

    def second(self, message: bytes) -> bytes:
        """Take message 2, from the answer; return the target's static public key, 32 bytes: it has proved to have it.

        Raises:
            NoiseError: it is no message 2 for this link.
        """
        self._take(2)
        self._read(message, SECOND_BYTES)
        self._step = 3
        return self._noise.remote_static

    def third(self) -> tuple[bytes, SealedTransport]:
        """Return message 3, the link's first record, and what seals those that follow.

        Nobody has proved yet to know the secret: the target does so by its first sealed record.
        """
        self._take(3)
        return self._write(), self._transport()


class TargetHandshake(_Handshake):
    """The target's end, see `OpenerHandshake`."""

    _initiator = False

    def second(self, message: bytes) -> bytes:
        """Take message 1, from the offer; return message 2, for the answer.

        Raises:
            NoiseError: it is no message 1 for this link.
        """
        self._take(1)
        self._read(message, FIRST_BYTES)
        answer = self._write()
        self._step = 3
        return answer

    def third(self, message: bytes) -> tuple[bytes, SealedTransport]:
        """Take message 3; return the opener's static public key, 32 bytes, and what opens the records that follow.

        The opener has proved that it has this key, and knows the secret.

        Raises:
            NoiseError: it is no message 3 for this link, or the opener does not know the secret.
        """
        self._take(3)
        self._read(message, THIRD_BYTES)
        return self._noise.remote_static, self._transport()
