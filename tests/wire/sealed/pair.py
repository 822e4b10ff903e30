"""Two ends of a sealed link, and the clock that they look at."""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from natpass_wire.sealed.handshake import LinkContext, OpenerHandshake, TargetHandshake
from natpass_wire.sealed.noise import CipherState
from natpass_wire.sealed.transport import SealedTransport

PSK = bytes(range(32))
CONTEXT = LinkContext(opener="console-host-0123", target="web-1", link_id="0123456789abcdef")
OPENER_KEY, TARGET_KEY = (X25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


def public(key: X25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


@dataclass
class Clock:
    """Stands still unless it is told to go on."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def opener(
    key: X25519PrivateKey = OPENER_KEY, psk: bytes = PSK, context: LinkContext = CONTEXT, clock: Clock | None = None
) -> OpenerHandshake:
    return OpenerHandshake(key, psk, context, X25519PrivateKey.generate(), clock or Clock())


def target(
    key: X25519PrivateKey = TARGET_KEY, psk: bytes = PSK, context: LinkContext = CONTEXT, clock: Clock | None = None
) -> TargetHandshake:
    return TargetHandshake(key, psk, context, X25519PrivateKey.generate(), clock or Clock())


def transports(clock: Clock | None = None) -> tuple[SealedTransport, SealedTransport]:
    """Return the opener's and the target's transport of a new link."""
    ours, theirs = opener(clock=clock), target(clock=clock)
    ours.second(theirs.second(ours.first()))
    message, transport = ours.third()
    return transport, theirs.third(message)[1]


@dataclass
class Watched:
    """One direction, whose key we know: `seal` seals and looks at what travels.

    Attributes:
        plaintexts: what was sealed, with its first byte and padding.
    """

    clock: Clock = field(default_factory=Clock)
    plaintexts: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        key, unused = bytes(range(32)), bytes(32)
        self.sender = SealedTransport(CipherState(key), CipherState(unused), self.clock)
        self.receiver = SealedTransport(CipherState(unused), CipherState(key), self.clock)
        self.cipher = CipherState(key)

    def seal(self, record: bytes) -> bytes:
        data = self.sender.seal(record)
        self.plaintexts.append(self.cipher.decrypt(data))
        if self.rekeyed:
            self.cipher.rekey()
        return data

    @property
    def rekeyed(self) -> bool:
        """Whether the last record says that the next one has another key."""
        return bool(self.plaintexts[-1][0] & 1)
