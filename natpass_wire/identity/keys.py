"""The static X25519 key (RFC 7748) that identifies an agent or a console at every relay. Pure."""

import base64
import binascii
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

KEY_BYTES = 32
#: The prefix of a public key in text.
PREFIX = "x25519:"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; `str` gives its form in files: one word, `x25519:` and base64.

    Attributes:
        raw: its 32 bytes.

    Raises:
        ValueError: it does not have 32 bytes.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")

    @classmethod
    def parse(cls, word: str) -> "PublicKey":
        """Return the key whose `str` is this word; each key has only one such word.

        Raises:
            ValueError: the word is invalid; the text is safe to print.
        """
        try:
            if not word.startswith(PREFIX):
                raise ValueError
            key = cls(base64.b64decode(word.removeprefix(PREFIX).encode("ascii"), validate=True))
        except (ValueError, binascii.Error):
            raise ValueError(f"a key is {PREFIX} and 44 characters of base64") from None
        if str(key) != word:  # base64's last character has bits to spare
            raise ValueError("the key's last character is wrong")
        return key

    def __str__(self) -> str:
        return PREFIX + base64.b64encode(self.raw).decode("ascii")


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Our own key pair; its repr shows neither key.

    Attributes:
        private: the private key.
        public: what others know us by.
    """

    private: X25519PrivateKey = field(repr=False)
    public: PublicKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        object.__setattr__(self, "public", PublicKey(raw))

    @classmethod
    def from_pem(cls, pem: bytes) -> "Identity":
        """Return the identity with this private key.

        Raises:
            ValueError: it is not an X25519 key in PEM (PKCS #8), or it has a passphrase.
        """
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("not a private key in PEM") from None  # the error might show some of it
        if not isinstance(private, X25519PrivateKey):
            raise ValueError("not an X25519 key")
        return cls(private)

    def to_pem(self) -> bytes:
        """Return the private key as PEM (PKCS #8), as `openssl pkey` reads it."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
