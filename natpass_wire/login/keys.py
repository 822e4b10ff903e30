"""The secret, and the keys that come from it.

    root      = scrypt(secret)                      slow on purpose, once at start
    login key = HKDF-SHA256(root, "natpass v2 login")
    link key  = HKDF-SHA256(root, "natpass v2 link psk")

Each purpose has its own HKDF output, so that one key reveals nothing about another. A relay needs the login key only,
which does not reveal the link key, the psk of sealed links.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from natpass_wire.errors import UserError

#: Shorter secrets are refused if a person chose them: anybody who records a login can guess offline.
MIN_SECRET_CHARACTERS = 16
KEY_BYTES = 32

#: scrypt: 32 MiB and about 0.1 s a guess. The salt is fixed since both ends have nothing but the secret in common.
_SCRYPT_SALT = b"natpass v2 root"
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**15, 8, 1
_SCRYPT_MEMORY = 64 * 1024 * 1024

_LOGIN = b"natpass v2 login"
_LINK = b"natpass v2 link psk"
#: The prefix of a login key as text; 43 characters of base64url (RFC 4648 section 5) without padding follow.
VERIFIER_PREFIX = "natpass-verifier-1:"


@dataclass(frozen=True, slots=True)
class RootKey:
    """The output of scrypt on the secret. Never used itself: each purpose derives its own key from it."""

    _bytes: bytes = field(repr=False)

    @classmethod
    def from_secret(cls, secret: str) -> "RootKey":
        """Return the root key of `secret`; takes about 0.1 s and 32 MiB."""
        root = hashlib.scrypt(
            secret.encode(),
            salt=_SCRYPT_SALT,
            n=_SCRYPT_N,
            r=_SCRYPT_R,
            p=_SCRYPT_P,
            maxmem=_SCRYPT_MEMORY,
            dklen=KEY_BYTES,
        )
        return cls(root)

    def link_key(self) -> "LinkKey":
        """Return the key that consoles and agents seal their links with; a relay does not need it."""
        return LinkKey(HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=_LINK).derive(self._bytes))

    def login_key(self) -> "LoginKey":
        """Return the key that proves at login that a client knows the secret."""
        return LoginKey(HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=_LOGIN).derive(self._bytes))


@dataclass(frozen=True, slots=True)
class LoginKey:
    """The key of handshake v2. Its bytes are not part of its repr."""

    key: bytes = field(repr=False)

    @classmethod
    def from_secret(cls, secret: str) -> "LoginKey":
        """Return the login key of `secret`; takes about 0.1 s and 32 MiB."""
        return RootKey.from_secret(secret).login_key()

    @classmethod
    def from_verifier(cls, text: str) -> "LoginKey":
        """Return the key that `to_verifier` wrote; white space around it does not matter.

        Raises:
            UserError: it is not a verifier. The text is not repeated: it may be a secret in the wrong place.
        """
        encoded = text.strip().removeprefix(VERIFIER_PREFIX)
        try:
            key = base64.b64decode(encoded + "=", altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            key = b""
        found = cls(key)
        if len(key) != KEY_BYTES or found.to_verifier() != text.strip():  # the last character has bits to spare
            form = f"{VERIFIER_PREFIX} and 43 characters, as 'natpass-relay verifier' prints it"
            raise UserError(f"this is not a verifier: one is {form}")
        return found

    def to_verifier(self) -> str:
        """Return the key as text, for a relay that should not know the secret.

        Anybody who has it can log in, and can try guesses at the secret offline (0.1 s each): keep it like a secret. It
        reveals neither the secret, unless that is weak, nor any other key that comes from it.
        """
        return VERIFIER_PREFIX + base64.urlsafe_b64encode(self.key).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class LinkKey:
    """The pre-shared key of sealed links. Its bytes are not part of its repr."""

    key: bytes = field(repr=False)


def check_secret(secret: str) -> str:
    """Return `secret` if it is text and long enough.

    Raises:
        UserError: it has fewer than 16 characters, came as bytes that are not UTF-8, or is a verifier.
    """
    try:
        secret.encode()
    except UnicodeEncodeError:
        raise UserError("the secret is not UTF-8 text") from None  # the error would show it
    if secret.startswith(VERIFIER_PREFIX):
        raise UserError("this is a verifier, which only relays take (--verifier): the secret itself is needed here")
    if len(secret) < MIN_SECRET_CHARACTERS:
        raise UserError(
            f"the secret is {len(secret)} long and needs at least {MIN_SECRET_CHARACTERS} characters: "
            "anybody who records a login can guess a short one offline"
        )
    return secret
