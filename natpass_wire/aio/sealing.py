"""What a connection needs to seal its links: who we are, the key that all who know the secret share, whom we trust."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.errors import NatpassError
from natpass_wire.login.keys import LinkKey
from natpass_wire.sealed.handshake import LinkContext, OpenerHandshake, TargetHandshake


class NotTrustedError(NatpassError):
    """The other end of a link has a key that is not the one it should have; the text says so to a person."""


class TrustPolicy(Protocol):
    """Who knows whose key is whose."""

    def check(self, peer: str, key: bytes) -> None:
        """Take note that `peer` has proved that it has the static key `key`: 32 bytes, X25519.

        Opener: called before our own key is shown. Target: called before anything that was asked for is done.

        Raises:
            NotTrustedError: it should have another one.
        """

    def proved(self, peer: str, key: bytes) -> None:
        """Take note that the same has proved to know the secret: what it is known by may be remembered.

        Raises:
            NotTrustedError: it can't be, or it should have another key by now.
        """

    def is_sealed(self, peer: str) -> bool:
        """Tell whether `peer` is known to seal its links: then it is not spoken to otherwise."""
        ...


class TrustAll:
    """Takes every key: whoever has the secret is welcome."""

    def check(self, peer: str, key: bytes) -> None:
        """Take it."""

    def proved(self, peer: str, key: bytes) -> None:
        """Take it."""

    def is_sealed(self, peer: str) -> bool:
        """Return False: nothing is remembered."""
        return False


@dataclass(frozen=True, slots=True)
class Sealing:
    """How the links of one client are sealed.

    Attributes:
        identity: our static key.
        psk: what all who know the secret have in common, the relay of a verifier excepted.
        trust: whom we trust.
        clock: seconds, for rekeying.
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
