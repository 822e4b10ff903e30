"""The addresses and names of this machine."""

import socket
import threading
from ipaddress import IPv4Address, IPv6Address, ip_address

import ifaddr

from natpass_relay.addresses import IpAddress

#: Addresses of documentation networks (RFC 5737, RFC 3849). Nothing is sent there: the system only tells which of its
#: own addresses it would use.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
#: Seconds to wait for the full name: the name service may not answer for half a minute.
_NAME_SECONDS = 2.0


def local_addresses() -> list[IpAddress]:
    """Return the addresses of this machine: first those that it uses to reach others, loopback last."""
    found: dict[IpAddress, None] = {}
    for family, elsewhere in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((elsewhere, 9))
                found[ip_address(probe.getsockname()[0].partition("%")[0])] = None
        except OSError:  # no network, or none of this family
            continue
    try:
        adapters = list(ifaddr.get_adapters())
    except OSError:
        adapters = []
    for adapter in adapters:
        for address in adapter.ips:
            if isinstance(address.ip, str):
                found[IPv4Address(address.ip)] = None
            else:
                found[IPv6Address(address.ip[0].partition("%")[0])] = None
    return sorted(found, key=lambda ip: ip.is_loopback)


def host_names() -> list[str]:
    """Return this machine's host names: the short one, and the full one if the name service answers in time."""
    name = socket.gethostname()
    full: list[str] = []
    asking = threading.Thread(target=lambda: full.append(socket.getfqdn(name)), name="full name", daemon=True)
    asking.start()
    asking.join(_NAME_SECONDS)
    return [name, *full]
