"""The cryptography of invites: SPAKE2 over the code, and the keys derived from it.

SPAKE2 is python-spake2's (Ed25519, SHA-256; the scheme of RFC 9382 with that package's own group elements and
transcript, so that it only works with itself). It is slow, some 10 ms a step, and not in constant time: timing could
only reveal something about one code, which has three tries and is then gone.

    key = SPAKE2(words, A = "natpass invite 1 guest NAMEPLATE", B = "natpass invite 1 inviter NAMEPLATE")

Both messages are part of SPAKE2's transcript, so derived keys belong to this very exchange. Each purpose has its own
HKDF output (RFC 5869); each sealing key is used once, so its nonce can be zero. The confirmations are HKDF outputs
rather than sealed texts: ChaCha20-Poly1305 does not commit to its key, so one ciphertext could be made to fit many
guesses.
"""

import hmac
from collections.abc import Callable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.invite.code import Code

#: A letter for the side, and a point.
MESSAGE_BYTES = 33
TAG_BYTES = 32
#: What sealing adds.
SEAL_BYTES = 16

_KEY_BYTES = 32
_NONCE = bytes(12)
_LABEL = b"natpass invite 1 "


class Exchange:
    """One side of one exchange.

    Args:
        code: the code.
        is_guest: which side this is.
        entropy: returns so many random bytes.
    """

    def __init__(self, code: Code, *, is_guest: bool, entropy: Callable[[int], bytes]) -> None:
        from spake2 import SPAKE2_A, SPAKE2_B  # noqa: PLC0415 - takes 0.1 s, and few ever need it

        nameplate = str(code.nameplate).encode()
        ids = {"idA": _LABEL + b"guest " + nameplate, "idB": _LABEL + b"inviter " + nameplate}
        side = SPAKE2_A if is_guest else SPAKE2_B
        self._spake: Any = side(code.words.encode(), entropy_f=entropy, **ids)
        self._is_guest = is_guest
        self._key: bytes | None = None
        #: Our message to the other side.
        self.message: bytes = self._spake.start()

    def finish(self, message: bytes) -> None:
        """Take the other side's message, once.

        Raises:
            RemoteProtocolError: it is invalid, or our own.
        """
        from spake2 import SPAKEError  # noqa: PLC0415 - 0.1 s that only invites need
        from spake2.ed25519_basic import NotOnCurve  # noqa: PLC0415 - 0.1 s that only invites need

        if len(message) != MESSAGE_BYTES:
            raise RemoteProtocolError("not a SPAKE2 message")
        try:
            self._key = self._spake.finish(message)
        except (SPAKEError, NotOnCurve, ValueError):
            raise RemoteProtocolError("not a SPAKE2 message") from None  # their texts may hold a secret

    def tag(self, what: bytes) -> bytes:
        """Return the proof that we have the key; `what` is its purpose."""
        return self._derive(what, TAG_BYTES)

    def confirms(self, what: bytes, tag: bytes) -> bool:
        """Tell whether `tag` proves that the other side has the key, for the purpose `what`."""
        return hmac.compare_digest(self.tag(what), tag)

    def seal(self, plain: bytes) -> bytes:
        """Encrypt for the other side. Call it only once."""
        return self._cipher(of_guest=self._is_guest).encrypt(_NONCE, plain, None)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt what the other side has sealed.

        Raises:
            RemoteProtocolError: the other side did not seal this.
        """
        try:
            return self._cipher(of_guest=not self._is_guest).decrypt(_NONCE, sealed, None)
        except InvalidTag:
            raise RemoteProtocolError("sealed data of an invite does not open") from None

    def _cipher(self, *, of_guest: bool) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(self._derive(b"guest seals" if of_guest else b"inviter seals", _KEY_BYTES))

    def _derive(self, what: bytes, length: int) -> bytes:
        assert self._key is not None  # finish comes first
        return HKDFExpand(algorithm=SHA256(), length=length, info=_LABEL + what).derive(self._key)


GUEST_CONFIRMS, INVITER_CONFIRMS, GUEST_KEPT = b"guest confirms", b"inviter confirms", b"guest kept it"
