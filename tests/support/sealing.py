"""Keys and sealing of the tests' own clients."""

import time
from functools import cache

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.aio.sealing import Sealing, TrustAll, TrustPolicy
from natpass_wire.login.keys import LinkKey, RootKey

#: The link key of clients that only talk to each other.
LINK_KEY = LinkKey(b"tests' link key " * 2)


@cache
def link_key(secret: str) -> LinkKey:
    """Return the link key of `secret`; slow at the first call."""
    return RootKey.from_secret(secret).link_key()


def sealing(psk: LinkKey = LINK_KEY, trust: TrustPolicy | None = None) -> Sealing:
    """Return a sealing with its own static key."""
    return Sealing(X25519PrivateKey.generate(), psk, trust if trust is not None else TrustAll(), time.monotonic)
