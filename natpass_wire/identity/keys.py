"""The static X25519 key (RFC 7748) of an agent or a console: what it is known by, whatever the relay. Pure."""

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
#: What a public key begins with where it is written down.
PREFIX = "x25519:"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; `str` gives the one word that stands for it in files, `x25519:` and base64.

    Attributes:
        raw: its 32 bytes.

    Raises:
        ValueError: there are not 32 of them.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")

    @classmethod
    def parse(cls, word: str) -> "PublicKey":
        """Return the key that `str` gave this word for; no two words stand for one key.

        Raises:
            ValueError: it is none; the text is safe to print.
        """
        try:
            if not word.startswith(PREFIX):
                raise ValueError
            key = cls(base64.b64decode(word.removeprefix(PREFIX).encode("ascii"), validate=True))
        except (ValueError, binascii.Error):
            raise ValueError(f"a key is written {PREFIX} and 44 characters of base64") from None
        if str(key) != word:  # base64's last character has bits to spare
            raise ValueError("the key's last character is none that stands there")
        return key

    def __str__(self) -> str:
        return PREFIX + base64.b64encode(self.raw).decode("ascii")


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """Our own key pair; its repr shows nothing of it.

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
        """Return the identity whose private key this is.

        Raises:
            ValueError: it is no X25519 key in PEM (PKCS #8), or one behind a passphrase.
        """
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError("no private key in PEM") from None  # the error might show some of it
        if not isinstance(private, X25519PrivateKey):
            raise ValueError("no X25519 key")
        return cls(private)

    def to_pem(self) -> bytes:
        """Return the private key as PEM (PKCS #8), as `openssl pkey` reads it."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
