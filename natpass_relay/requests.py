"""How many links clients may ask for, by client and by network; and the network's name for the targets."""

# Why: docs/decisions/072-arithmetic-in-turn.md

from hashlib import blake2b

from natpass_relay.clients import Client, Role
from natpass_relay.sources import Source
from natpass_wire.buckets import TokenBuckets
from natpass_wire.pb.envelope_pb2 import Msg

#: Requests for links a second, and at once: of one client, of one IPv4 address or IPv6 /64, of one IPv6 /48. A client
#: that comes back resumes all of its links at once, of which it has at most 1024.
OF_CLIENT = (200.0, 1024.0)
OF_NETWORK = (400.0, 4096.0)
OF_SITE = (1600.0, 16384.0)
#: Bytes of a network's name.
ORIGIN_BYTES = 8
_MOST_BUCKETS = 8192
#: Names that are kept, to be made only once.
_MOST_NAMES = 8192


class Requests:
    """Counts requests for links. Exempt sources are not counted: what comes from there is this machine's own.

    Args:
        key: for the names of networks: random bytes, new for each start of the relay.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._clients: TokenBuckets[Client] = TokenBuckets(*OF_CLIENT, _MOST_BUCKETS)
        self._networks: TokenBuckets[str] = TokenBuckets(*OF_NETWORK, _MOST_BUCKETS)
        self._sites: TokenBuckets[str] = TokenBuckets(*OF_SITE, _MOST_BUCKETS)
        self._names: dict[str, bytes] = {}

    def admit(self, client: Client, source: Source, now: float) -> bool:
        """Count a request of a client from `source`; return False if it has made too many.

        A client that makes too many does not use up what its neighbours may make.
        """
        if source.is_exempt:
            return True
        if not self._clients.take(client, now) or not self._networks.take(source.narrow, now):
            return False
        return source.wide == source.narrow or self._sites.take(source.wide, now)

    def stamp(self, message: Msg, source: Source, target: Client) -> None:
        """Set or remove the name of the network that a `connect_req` comes from, whatever its sender has set."""
        if target.role is Role.LEGACY:
            message.creq.ClearField("origin")
        else:
            message.creq.origin = self._name(source.narrow)

    def _name(self, network: str) -> bytes:
        """Return what targets are told of a network."""
        name = self._names.get(network)
        if name is None:
            if len(self._names) >= _MOST_NAMES:
                del self._names[next(iter(self._names))]
            name = self._names[network] = blake2b(network.encode(), key=self._key, digest_size=ORIGIN_BYTES).digest()
        return name
