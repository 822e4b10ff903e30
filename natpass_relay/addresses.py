"""Addresses that a relay listens on: which of them conflict, and what others dial to reach them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

#: The wildcard addresses: both families (`[::]` is dual stack here), and IPv4 only.
ANY_IPV6, ANY_IPV4 = IPv6Address("::"), IPv4Address("0.0.0.0")  # noqa: S104 - compared, not listened on

#: Addresses whose networks are kept, since one that comes is asked for several times.
_MOST_KEPT = 4096


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen.

    Attributes:
        ip: the address.
        port: the port; 0 for any.
        said: how the user wrote it, for messages.
    """

    ip: IpAddress
    port: int
    said: str


def clash(places: Sequence[ListenAddress]) -> str | None:
    """Return why these addresses can't be listened on together, as a message for the user; None if they can.

    Addresses with port 0 get a port each and never conflict.
    """
    for number, later in enumerate(places):
        for earlier in places[:number]:
            if not later.port or later.port != earlier.port:
                continue
            if later.ip == earlier.ip:
                if later.said == earlier.said:
                    return f"--listen {later.said} is given twice"
                return f"--listen {earlier.said} and {later.said} are the same address"
            for wide, narrow in ((earlier, later), (later, earlier)):
                if not _includes(wide.ip, narrow.ip):
                    continue
                if wide.said == narrow.said:  # the system takes it for a name of both, such as `*`
                    port = wide.port
                    return f"--listen {wide.said}: say [::]:{port} for all addresses, 0.0.0.0:{port} for those of IPv4"
                return f"--listen {wide.said} includes {narrow.said} already: leave one of them out"
    return None


def to_dial(ip: IpAddress, local: Iterable[IpAddress]) -> list[IpAddress]:
    """Return what others should dial to reach a relay that listens on `ip`; the best address first.

    Args:
        ip: where it listens.
        local: the addresses of this machine; first those that it uses to reach others.

    Returns:
        `ip` itself unless it is a wildcard. For a wildcard, one address of each family that the relay listens on;
        loopback only if there is no other. Never empty.
    """
    if ip not in {ANY_IPV4, ANY_IPV6}:
        return [ip]
    known = [address for address in local if not address.is_link_local]  # those need a scope to be dialled
    found: list[IpAddress] = []
    for family in (IPv4Address,) if ip == ANY_IPV4 else (IPv4Address, IPv6Address):
        ours = [address for address in known if isinstance(address, family)]
        found += [address for address in ours if not address.is_loopback][:1]
    loopback = [address for address in known if address.is_loopback and (ip == ANY_IPV6 or address.version == 4)]
    return found or loopback[:1] or [IPv4Address("127.0.0.1")]


def plain(ip: IpAddress) -> IpAddress:
    """Return the IPv4 address of an IPv4-mapped IPv6 address (`::ffff:192.0.2.1`); any other address unchanged."""
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


@lru_cache(_MOST_KEPT)
def network_of(host: str) -> str:
    """Return the network that logs count an address under: an IPv4 /24, an IPv6 /48; loopback unchanged."""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if ip.is_loopback:
        return host
    if ip.version == 4:
        return f"{str(ip).rpartition('.')[0]}.0/24"
    return str(ip_network((ip, 48), strict=False))


@lru_cache(_MOST_KEPT)
def owner_of(host: str) -> str:
    """Return the network that all lines of one party count for, since it may have many: an IPv4 /16, an IPv6 /32."""
    try:
        ip = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    return host if ip.is_loopback else str(ip_network((ip, 32 if ip.version == 6 else 16), strict=False))


def is_in(host: str, networks: Iterable[IpNetwork]) -> bool:
    """Tell whether an address is in one of these networks; False for what is no address."""
    try:
        ip = plain(ip_address(host.partition("%")[0]))
    except ValueError:
        return False
    return any(ip in network for network in networks)


def _includes(wide: IpAddress, narrow: IpAddress) -> bool:
    return wide == ANY_IPV6 or (wide == ANY_IPV4 and narrow.version == 4)
