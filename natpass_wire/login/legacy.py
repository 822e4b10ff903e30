"""The two handshakes of existing natpass programs (docs/wire.md §3). An eavesdropper can replay both."""

import hashlib
import hmac
from enum import StrEnum

#: HMAC: the secret signs the number of the minute.
WINDOW_SECONDS = 60
MD5_BYTES = 16
HMAC_BYTES = 64


class Dialect(StrEnum):
    """How an existing peer logs in."""

    MD5 = "md5"  # natpass up to 0.10
    HMAC = "hmac"  # 0.11 and later


def encode(dialect: Dialect, secret: str, unix_seconds: float) -> bytes:
    """Return `handshake_payload.enc` for a login at the given time."""
    if dialect is Dialect.MD5:
        return hashlib.md5(secret.encode(), usedforsecurity=False).digest()
    return _hmac(secret, int(unix_seconds // WINDOW_SECONDS))


def verify(dialect: Dialect, secret: str, enc: bytes, unix_seconds: float) -> bool:
    """Tell whether `enc` is a valid login now; HMAC also accepts the minute before and the one after."""
    if dialect is Dialect.MD5:
        return hmac.compare_digest(enc, encode(dialect, secret, unix_seconds))
    window = int(unix_seconds // WINDOW_SECONDS)
    # All three are compared, so that the time taken reveals nothing.
    matches = [
        hmac.compare_digest(enc, _hmac(secret, window + offset)) for offset in (-1, 0, 1) if window + offset >= 0
    ]
    return any(matches)


def dialect_of(enc: bytes) -> Dialect | None:
    """Return the dialect of `enc`, by its length; None if it has none of them."""
    return {MD5_BYTES: Dialect.MD5, HMAC_BYTES: Dialect.HMAC}.get(len(enc))


def _hmac(secret: str, window: int) -> bytes:
    return hmac.digest(secret.encode(), window.to_bytes(8, "big"), "sha512")
