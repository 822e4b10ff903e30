"""How many links clients may ask for, by client and by network; and the network's name for the targets."""

# Why: docs/decisions/072-arithmetic-in-turn.md

from hashlib import blake2b
from ipaddress import ip_address, ip_network

from natpass_relay.addresses import plain
from natpass_relay.clients import Client, Role
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
_MOST_HOSTS = 8192


class Requests:
    """Counts requests for links. Loopback is not counted: what comes from there is this machine's own.

    Args:
        key: for the names of networks: random bytes, new for each start of the relay.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._clients: TokenBuckets[Client] = TokenBuckets(*OF_CLIENT, _MOST_BUCKETS)
        self._networks: TokenBuckets[str] = TokenBuckets(*OF_NETWORK, _MOST_BUCKETS)
        self._sites: TokenBuckets[str] = TokenBuckets(*OF_SITE, _MOST_BUCKETS)
        self._hosts: dict[str, tuple[tuple[str, ...], bytes]] = {}

    def admit(self, client: Client, host: str, now: float) -> bool:
        """Count a request of a client at the address `host`; return False if it has made too many.

        A client that makes too many does not use up what its neighbours may make.
        """
        networks, _ = self._known(host)
        if not networks:
            return True
        if not self._clients.take(client, now):
            return False
        network, *sites = networks
        return self._networks.take(network, now) and all(self._sites.take(site, now) for site in sites)

    def stamp(self, message: Msg, host: str, target: Client) -> None:
        """Set or remove the name of the network that a `connect_req` comes from, whatever its sender has set."""
        if target.role is Role.LEGACY:
            message.creq.ClearField("origin")
        else:
            message.creq.origin = self._known(host)[1]

    def _known(self, host: str) -> tuple[tuple[str, ...], bytes]:
        """Return the networks of an address, the smallest first, none for loopback; and its network's name."""
        known = self._hosts.get(host)
        if known is None:
            networks = networks_of(host)
            name = networks[0] if networks else host
            known = networks, blake2b(name.encode(), key=self._key, digest_size=ORIGIN_BYTES).digest()
            if len(self._hosts) >= _MOST_HOSTS:
                del self._hosts[next(iter(self._hosts))]
            self._hosts[host] = known
        return known


def networks_of(host: str) -> tuple[str, ...]:
    """Return the networks that an address is counted under: itself, or its IPv6 /64 and /48; none for loopback."""
    try:
        ip = plain(ip_address(host.partition("%")[0]))
    except ValueError:
        return (host,)
    if ip.is_loopback:
        return ()
    if ip.version == 4:
        return (str(ip),)
    return tuple(str(ip_network((ip, bits), strict=False)) for bits in (64, 48))
