"""The Noise protocol framework (https://noiseprotocol.org/noise.html, revision 34): its three state objects.

It supports the functions 25519, ChaChaPoly and SHA256 (section 12), and every pattern without pre-messages, given as
data. Names are the specification's; sections are those of revision 34. Nothing here is random: callers pass in a new
ephemeral key for each handshake.
"""

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from natpass_wire.errors import LocalProtocolError, RemoteProtocolError

#: DHLEN of 25519, the size of a public key (section 12.1).
KEY_BYTES = 32
#: A preshared key (section 9.1).
PSK_BYTES = 32
#: The tag that ChaChaPoly adds to a plaintext (section 12.3).
TAG_BYTES = 16
#: The longest Noise message, in a handshake or after it (section 3).
MAX_MESSAGE_BYTES = 65_535
#: The nonce that no message has: it is reserved for `rekey` (section 5.1).
MAX_NONCE = 2**64 - 1

_HASH_BYTES = 32
_FUNCTIONS = "25519_ChaChaPoly_SHA256"
_pack_nonce = Struct("<4xQ").pack  # 32 bits of zeros, and the counter little-endian (section 12.3)

Token = Literal["e", "s", "ee", "es", "se", "ss", "psk"]


class NoiseError(RemoteProtocolError):
    """The received bytes are not the next message of the Noise protocol.

    The text never says which check failed, nor what the bytes were, so that an attacker learns nothing from it.
    """

    def __init__(self, text: str = "a Noise message that does not open") -> None:
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Pattern:
    """A handshake pattern (section 7).

    Attributes:
        name: with its modifiers, as in a protocol name (section 8).
        messages: the tokens of each message, initiator and responder in turn, initiator first.
    """

    name: str
    messages: tuple[tuple[Token, ...], ...]

    @property
    def protocol_name(self) -> bytes:
        """The full protocol name (section 8)."""
        return f"Noise_{self.name}_{_FUNCTIONS}".encode()

    @property
    def has_psk(self) -> bool:
        """Whether it uses a preshared key (section 9)."""
        return any("psk" in tokens for tokens in self.messages)


#: XX (section 7.5) with modifier psk3 (section 9.4).
XX_PSK3 = Pattern("XXpsk3", (("e",), ("e", "ee", "s", "es"), ("s", "se", "psk")))


class CipherState:
    """A key and the nonce of its next message (section 5.1).

    The AEAD object is made once per key; the key itself is not kept.

    Args:
        key: 32 bytes, None while nothing is encrypted.
    """

    __slots__ = ("_aead", "nonce")

    def __init__(self, key: bytes | None = None) -> None:
        self._aead = None if key is None else ChaCha20Poly1305(key)
        #: The nonce of the next message: `SetNonce` is an assignment.
        self.nonce = 0

    @property
    def has_key(self) -> bool:
        """Whether messages are encrypted."""
        return self._aead is not None

    def encrypt(self, plaintext: bytes, data: bytes | None = None) -> bytes:
        """Return `plaintext` encrypted and authenticated together with `data`; unchanged while there is no key.

        Raises:
            LocalProtocolError: it is too long for a Noise message, or there are no more nonces.
        """
        if self._aead is None:
            return plaintext
        nonce = self.nonce
        if nonce >= MAX_NONCE or len(plaintext) > MAX_MESSAGE_BYTES - TAG_BYTES:
            raise LocalProtocolError("a Noise message is too long, or the nonces are used up")
        ciphertext = self._aead.encrypt(_pack_nonce(nonce), plaintext, data)
        self.nonce = nonce + 1
        return ciphertext

    def decrypt(self, ciphertext: bytes, data: bytes | None = None) -> bytes:
        """Return the plaintext of what `encrypt` returned; the nonce only advances on success.

        Raises:
            NoiseError: `ciphertext` or `data` is not what was encrypted next.
        """
        if self._aead is None:
            return ciphertext
        nonce = self.nonce
        if nonce >= MAX_NONCE or len(ciphertext) > MAX_MESSAGE_BYTES:
            raise NoiseError
        try:
            plaintext = self._aead.decrypt(_pack_nonce(nonce), ciphertext, data)
        except InvalidTag:
            raise NoiseError from None
        self.nonce = nonce + 1
        return plaintext

    def rekey(self) -> None:
        """Replace the key one-way: the new key does not reveal the old one; the nonce goes on (sections 4.2, 11.3)."""
        if self._aead is None:
            raise LocalProtocolError("there is no key to replace")
        self._aead = ChaCha20Poly1305(self._aead.encrypt(_pack_nonce(MAX_NONCE), bytes(KEY_BYTES), None)[:KEY_BYTES])


class SymmetricState:
    """The symmetric state of a handshake: chaining key, hash and cipher (section 5.2)."""

    __slots__ = ("_chaining_key", "cipher", "hash")

    def __init__(self, protocol_name: bytes) -> None:
        if len(protocol_name) <= _HASH_BYTES:
            self.hash = protocol_name.ljust(_HASH_BYTES, b"\0")
        else:
            self.hash = sha256(protocol_name).digest()
        self._chaining_key = self.hash
        self.cipher = CipherState()

    def mix_key(self, material: bytes) -> None:
        """Make the next cipher depend on `material`."""
        self._chaining_key, key = self._derive(material, 2)
        self.cipher = CipherState(key)

    def mix_hash(self, data: bytes) -> None:
        """Make everything that is encrypted from now on authenticate `data`, too."""
        self.hash = sha256(self.hash + data).digest()

    def mix_key_and_hash(self, material: bytes) -> None:
        """Do both, for preshared keys."""
        self._chaining_key, mixed, key = self._derive(material, 3)
        self.mix_hash(mixed)
        self.cipher = CipherState(key)

    def encrypt_and_hash(self, plaintext: bytes) -> bytes:
        """Return `plaintext`, encrypted if there is a key, and mix that in."""
        ciphertext = self.cipher.encrypt(plaintext, self.hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext: bytes) -> bytes:
        """Return the plaintext of what `encrypt_and_hash` returned.

        Raises:
            NoiseError: it is invalid, or the two ends have mixed in different data.
        """
        plaintext = self.cipher.decrypt(ciphertext, self.hash)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[CipherState, CipherState]:
        """Return the ciphers for the initiator's and for the responder's messages."""
        initiator, responder = self._derive(b"", 2)
        return CipherState(initiator), CipherState(responder)

    def _derive(self, material: bytes, count: int) -> list[bytes]:
        """Derive keys by HKDF (section 4.3): RFC 5869 with the chaining key as salt, and no info."""
        size = count * _HASH_BYTES
        derived = HKDF(algorithm=SHA256(), length=size, salt=self._chaining_key, info=b"").derive(material)
        return [derived[at : at + _HASH_BYTES] for at in range(0, size, _HASH_BYTES)]


class HandshakeState:
    """One end of a handshake (section 5.3): `write_message` and `read_message` in turn, then `split`.

    Do not use it after an error. No key shows in its repr.

    Args:
        pattern: the pattern.
        initiator: whether this end sends the first message.
        prologue: data that both ends have to agree on beforehand, else nothing decrypts.
        static: our static key, if the pattern sends or uses it.
        ephemeral: made for this handshake.
        psk: 32 bytes, if the pattern uses it.

    Raises:
        LocalProtocolError: the pattern uses a preshared key, and there is none of 32 bytes.
    """

    def __init__(
        self,
        pattern: Pattern,
        *,
        initiator: bool,
        prologue: bytes,
        ephemeral: X25519PrivateKey,
        static: X25519PrivateKey | None = None,
        psk: bytes | None = None,
    ) -> None:
        self._has_psk = pattern.has_psk
        if self._has_psk and (psk is None or len(psk) != PSK_BYTES):
            raise LocalProtocolError(f"a preshared key has {PSK_BYTES} bytes")
        self._psk = psk or b""
        self._initiator = initiator
        self._ours = {"e": ephemeral, "s": static}
        self._theirs: dict[str, X25519PublicKey] = {}
        self._messages = list(pattern.messages)
        self._writes: bool | None = initiator  # whether it is our turn; None: a message failed
        self._symmetric = SymmetricState(pattern.protocol_name)
        self._symmetric.mix_hash(prologue)

    @property
    def handshake_hash(self) -> bytes:
        """The hash of the handshake so far; after the handshake, the channel binding (section 11.2)."""
        return self._symmetric.hash

    @property
    def remote_static(self) -> bytes:
        """The other end's static public key, 32 bytes; empty until it came. The tokens se, es and ss prove it."""
        key = self._theirs.get("s")
        return b"" if key is None else key.public_bytes_raw()

    def write_message(self, payload: bytes = b"") -> bytes:
        """Return our next message.

        Raises:
            LocalProtocolError: it is not our turn, the message is too long, or a key is missing.
            NoiseError: the other end's key is invalid (the exchange gives all zeros).
        """
        tokens = self._next(writes=True)
        parts = [self._write(token) for token in tokens]
        parts.append(self._symmetric.encrypt_and_hash(payload))
        message = b"".join(parts)
        if len(message) > MAX_MESSAGE_BYTES:
            raise LocalProtocolError("a Noise message is too long")
        self._writes = False
        return message

    def read_message(self, message: bytes) -> bytes:
        """Return the payload of the other end's next message.

        Raises:
            LocalProtocolError: it is not the other end's turn, or a key is missing.
            NoiseError: this is not its next message.
        """
        tokens = self._next(writes=False)
        if len(message) > MAX_MESSAGE_BYTES:
            raise NoiseError
        for token in tokens:
            message = self._read(token, message)
        payload = self._symmetric.decrypt_and_hash(message)
        self._writes = True
        return payload

    def split(self) -> tuple[CipherState, CipherState]:
        """Return the ciphers for what the initiator and the responder send from now on.

        Raises:
            LocalProtocolError: the handshake is not complete.
        """
        if self._messages or self._writes is None:
            raise LocalProtocolError("the handshake is not complete")
        return self._symmetric.split()

    def _next(self, *, writes: bool) -> tuple[Token, ...]:
        if not self._messages or self._writes is not writes:
            raise LocalProtocolError("a handshake step is out of turn, or follows an error")
        self._writes = None  # it stays None if this message fails
        return self._messages.pop(0)

    def _write(self, token: Token) -> bytes:
        """Return what `token` adds to a message of ours."""
        match token:
            case "e":
                public = self._private("e").public_key().public_bytes_raw()
                self._mix_ephemeral(public)
                return public
            case "s":
                return self._symmetric.encrypt_and_hash(self._private("s").public_key().public_bytes_raw())
            case _:
                self._mix(token)
                return b""

    def _read(self, token: Token, message: bytes) -> bytes:
        """Consume the data of `token` at the start of the other end's message; return the rest."""
        match token:
            case "e":
                public, rest = _cut(message, KEY_BYTES)
                self._mix_ephemeral(public)
            case "s":
                tag = TAG_BYTES if self._symmetric.cipher.has_key else 0
                encrypted, rest = _cut(message, KEY_BYTES + tag)
                public = self._symmetric.decrypt_and_hash(encrypted)
            case _:
                self._mix(token)
                return message
        self._theirs[token] = X25519PublicKey.from_public_bytes(public)
        return rest

    def _mix_ephemeral(self, public: bytes) -> None:
        self._symmetric.mix_hash(public)
        if self._has_psk:  # section 9.2: so that no two handshakes encrypt with the same key
            self._symmetric.mix_key(public)

    def _mix(self, token: Token) -> None:
        """Mix in the preshared key, or the result of a key exchange: the initiator's key is named first."""
        match token:
            case "psk":
                self._symmetric.mix_key_and_hash(self._psk)
                return
            case "ee" | "ss":
                ours = theirs = token[0]
            case _:
                ours, theirs = ("e", "s") if (token[0] == "e") is self._initiator else ("s", "e")
        public = self._theirs.get(theirs)
        if public is None:
            raise LocalProtocolError("the pattern uses a key before it is sent")
        try:
            shared = self._private(ours).exchange(public)
        except ValueError:  # all zeros: their point is of small order, and everybody knows the result (section 12.1)
            raise NoiseError from None
        self._symmetric.mix_key(shared)

    def _private(self, name: str) -> X25519PrivateKey:
        key = self._ours[name]
        if key is None:
            raise LocalProtocolError("the pattern needs a static key")
        return key


def _cut(message: bytes, size: int) -> tuple[bytes, bytes]:
    """Return the first `size` bytes, and the rest."""
    if len(message) < size:
        raise NoiseError
    return message[:size], message[size:]
