"""Cookies: a target under load does no arithmetic for an opener that has not repeated its request with one. Pure."""

from hashlib import blake2b
from hmac import compare_digest

#: Seconds of a time slot: a cookie is valid in the slot in which it was made, and in the next.
SLOT_SECONDS = 16.0
#: Bytes of a cookie, and the most that an opener takes.
COOKIE_BYTES = 16
MAX_COOKIE_BYTES = 64
#: The first characters of a link's id, which the repeated request has in common with the first.
PREFIX_CHARACTERS = 8


def prefix_of(link_id: str) -> str:
    """Return the part of a link's id that a cookie is for."""
    return link_id[:PREFIX_CHARACTERS]


def make_cookie(secret: bytes, opener: str, link_id: str, now: float) -> bytes:
    """Return a cookie.

    Args:
        secret: the target's own key, 32 random bytes.
        opener: the opener's client id, as the relay stamped it.
        link_id: the link that was asked for.
        now: seconds of the target's monotonic clock.
    """
    return _cookie(secret, opener, link_id, int(now // SLOT_SECONDS))


def is_cookie(cookie: bytes, secret: bytes, opener: str, link_id: str, now: float) -> bool:
    """Tell whether `cookie` was made for this opener and this link id's prefix, in this time slot or the last."""
    if len(cookie) != COOKIE_BYTES:
        return False
    slot = int(now // SLOT_SECONDS)
    made = (_cookie(secret, opener, link_id, number) for number in (slot, slot - 1))
    return any(compare_digest(cookie, each) for each in made)


def _cookie(secret: bytes, opener: str, link_id: str, slot: int) -> bytes:
    fields = [field.encode() for field in (opener, prefix_of(link_id))]
    text = b"".join(len(field).to_bytes(4) + field for field in fields) + slot.to_bytes(8, signed=True)
    return blake2b(text, key=secret, digest_size=COOKIE_BYTES).digest()
