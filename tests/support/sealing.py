"""How the tests' own clients seal their links."""

import time
from functools import cache

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.aio.sealing import Sealing, TrustAll, TrustPolicy
from natpass_wire.login.keys import LinkKey, RootKey

#: The link key of clients that talk to nobody but each other.
LINK_KEY = LinkKey(b"tests' link key " * 2)


@cache
def link_key(secret: str) -> LinkKey:
    """Return the link key of `secret`: slow the first time."""
    return RootKey.from_secret(secret).link_key()


def sealing(psk: LinkKey = LINK_KEY, trust: TrustPolicy | None = None) -> Sealing:
    """Return a sealing with a key of its own."""
    return Sealing(X25519PrivateKey.generate(), psk, trust if trust is not None else TrustAll(), time.monotonic)
