"""The parameters for sealing a connection's links: our identity, the key from the shared secret, the trusted keys."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.errors import NatpassError
from natpass_wire.login.keys import LinkKey
from natpass_wire.sealed.handshake import LinkContext, OpenerHandshake, TargetHandshake


class NotTrustedError(NatpassError):
    """The other end of a link has the wrong key; the text tells a person."""


class TrustPolicy(Protocol):
    """Decides whose key is whose."""

    def check(self, peer: str, key: bytes) -> None:
        """Check the static key `key` that `peer` has proved to have: 32 bytes, X25519.

        Opener: called before our own key is shown. Target: called before any of the request is done.

        Raises:
            NotTrustedError: `peer` should have another key.
        """

    def proved(self, peer: str, key: bytes) -> None:
        """Record that `peer` has also proved to know the secret: its key may be remembered.

        Raises:
            NotTrustedError: the key can't be remembered, or `peer` should have another one by now.
        """

    def is_sealed(self, peer: str) -> bool:
        """Tell whether `peer` is known to seal its links: then they must always be sealed."""
        ...


class TrustAll:
    """Accepts every key: each client with the secret is welcome."""

    def check(self, peer: str, key: bytes) -> None:
        """Accept it."""

    def proved(self, peer: str, key: bytes) -> None:
        """Accept it."""

    def is_sealed(self, peer: str) -> bool:
        """Return False: nothing is remembered."""
        return False


@dataclass(frozen=True, slots=True)
class Sealing:
    """The parameters for sealing one client's links.

    Attributes:
        identity: our static key.
        psk: the key shared by all who know the secret; a relay with only a verifier does not have it.
        trust: decides whose keys we trust.
        clock: returns seconds, for rekeying.
    """

    identity: X25519PrivateKey = field(repr=False)
    psk: LinkKey
    trust: TrustPolicy
    clock: Callable[[], float]

    def opener(self, own_id: str, peer: str, link_id: str) -> OpenerHandshake:
        """Return the handshake of a link that we open."""
        context = LinkContext(opener=own_id, target=peer, link_id=link_id)
        return OpenerHandshake(self.identity, self.psk.key, context, X25519PrivateKey.generate(), self.clock)

    def target(self, own_id: str, peer: str, link_id: str) -> TargetHandshake:
        """Return the handshake of a link that `peer` opens."""
        context = LinkContext(opener=peer, target=own_id, link_id=link_id)
        return TargetHandshake(self.identity, self.psk.key, context, X25519PrivateKey.generate(), self.clock)
